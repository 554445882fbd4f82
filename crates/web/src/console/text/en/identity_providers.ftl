# Identity Providers.

providers-about = Both are built in. Each says what holds for all of its accounts.
providers-none = There is no Identity Provider that you may see. Ask somebody who manages roles for the privilege View on IdentityProvider.
provider-name = Name
provider-accounts = Accounts
provider-holds = What holds for them
provider-edit-title = Edit the Identity Provider { $name }
provider-pages = Pages of the Identity Provider { $name }
provider-tab = Identity Provider
provider-history-title = History of the Identity Provider { $name }
provider-history-none = The audit log says nothing of it: its settings are those that it was made with.

provider-words-lock = { $count ->
    [0] No wrong password locks
    [one] One wrong password locks
   *[other] { $count } wrong passwords in a row lock
} an account for { $span }.
provider-words-block = After { $count } wrong passwords in a row an account is blocked until an administrator acts.
provider-words-length = { $count ->
    [one] A new password has at least one character.
   *[other] A new password has at least { $count } characters.
}
provider-words-idle = A session of the console ends after { $span } without use.
provider-words-idle-default = A session of the console ends after { $span } without use.
provider-words-unclear = What is filled in is no whole number yet.

span-minutes = { $count ->
    [one] one minute
   *[other] { $count } minutes
}
span-hours = { $count ->
    [one] one hour
   *[other] { $count } hours
}
span-days = { $count ->
    [one] one day
   *[other] { $count } days
}

provider-lockout = Passwords and sessions
provider-words-now = What that comes to
provider-threshold = Wrong passwords that lock an account
provider-threshold-hint = From 1 to 100. Fewer stop guessing sooner, and people who mistype too.
provider-minutes = Minutes that a lock lasts
provider-minutes-hint = From 1 to 525600, a year.
provider-length = Shortest new password
provider-length-hint = Characters. Passwords that are there already stay good.
provider-idle = Minutes without use that end a session of the console
provider-idle-hint = 0 for the console's own limit. Sessions of the API are not ended by it.
provider-number-missing = is needed
provider-admin = Administrators may sign in with it
provider-admin-hint = It is the only one with which people sign in to the console.
provider-admin-yes = Administrators may sign in with it.
provider-admin-no = Nobody can sign in to the console: the box “Administrators may sign in with it” is not ticked. The API works on.
provider-closes = would be taken away, and then nobody can sign in to the console any more, you neither. Only the API could bring it back. Tick the box that stands below to do it nevertheless.
provider-closes-sure = Yes, close the console to everybody

provider-mappings = Claims
provider-mappings-about = Which attribute of an account becomes which claim. Policies and clients see claims.
provider-mappings-hint = Rows left empty are left out.
provider-mappings-none = No attribute becomes a claim.
provider-attribute = Attribute
provider-claim = Claim
provider-list = Values
provider-list-no = as they are
provider-list-yes = always a list
provider-encrypt = At clients
provider-encrypt-no = in the clear
provider-encrypt-yes = encrypted
provider-mapping-more = One more claim
provider-scripts = User scripts
provider-scripts-about = Scripts that add claims. They run in this order at every login.
provider-scripts-hint = Those that are ticked run at every login, and may change what policies see.
provider-scripts-none = It runs no script.
provider-scripts-no-choice = There are no user scripts yet. They are made through the API.
provider-scripts-hidden = { $count ->
    [one] It also runs one script that you may not see.
   *[other] It also runs { $count } scripts that you may not see.
}
provider-kept = Kept for clients
provider-kept-about = Portreeve keeps these and does not act on them.
provider-device-limit = Devices that one account may use
provider-dns = Name servers
provider-domains = Search domains
provider-line-hint = One a line.
provider-none = none
provider-about = About it
