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
home-left = { $count ->
    [one] less than a minute left
   *[other] less than { $count } minutes left
}
home-wrong = { $count ->
    [one] one wrong password
   *[other] { $count } wrong passwords
}
home-all = Show all { $count }
home-unlock = Unlock { $name }
home-version = Portreeve { $version }
home-no-rights = You hold no administrative privilege. Your own account is here for you.
