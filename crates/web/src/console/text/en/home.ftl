# The first page.

home-title = What needs attention
home-nothing = Nothing needs attention: no account is locked, blocked or disabled, and none waits for its first login.
home-message = Message of the day
home-locked = Locked
home-blocked = Blocked
home-disabled = Disabled
home-unused = Never used
home-people = Local Users
home-services = Service Users
home-refused = Refused logins of the last 24 hours
home-no-refused = None.
home-refused-all = { $count } in all: look in the audit log
home-until = until
home-wrong = { $count ->
    [one] one wrong password
   *[other] { $count } wrong passwords
}
home-all = { $count ->
    [one] Show it
   *[other] Show all { $count }
}
home-version = Portreeve { $version }
home-no-rights = You hold no administrative privilege. Your own account is here for you.
