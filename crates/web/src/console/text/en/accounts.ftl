# Local Users and Service Users.

accounts-search = Search by name, notes, tags and more
accounts-state = State
accounts-any-state = Any state
accounts-new-person = New Local User
accounts-new-service = New Service User
accounts-none-match = No account matches what you ask for.
accounts-none-person = There are no Local Users yet that you may see. Local Users are people; make one, and tell them the password that you give them.
accounts-none-service = There are no Service Users yet that you may see. Service Users are machines, which log in with a password of their own.
list-tag-off = Not only those with the tag { $tag }

list-search = Search
list-all = Show all
list-beyond = The list is not that long.
list-first = To its beginning
list-back = Back to the list
list-tick = Tick { $name }
list-tick-all = Tick all on this page

state-enabled = enabled
state-disabled = disabled
state-locked = locked
state-blocked = blocked
state-unused = never used
state-without-password = no password

account-name = Name
account-name-hint = What one logs in with. Upper and lower case make no difference.
account-whole-name = Whole name
account-first-name = First name
account-last-name = Last name
account-email = E-mail
account-phone = Phone
account-labels = Labels
account-labels-hint = Keys and values that say what the service is. Empty rows are left out.
account-label-key = Key
account-label-value = Value
account-label-more = One more label
account-no-labels = none
account-tags = Tags
account-tags-hint = One a line. Policies and scopes can ask for them.
account-no-tags = none
account-notes = Notes
account-state = State
account-failed = Wrong passwords since the last good login
account-created = Made
account-updated = Changed
account-id = Id
account-password = Password
account-password-hint = May be left empty: nobody can log in to the account until it has one.
account-disabled = Disabled
account-disabled-hint = Logins are refused, and sessions end at once.
account-edit-title = Edit { $name }
account-pages = Pages of { $name }
account-tab = Account

account-locked = { $count ->
    [one] Locked after one wrong password.
   *[other] Locked after { $count } wrong passwords.
}
account-locked-left = { $count ->
    [one] Less than a minute left, until
   *[other] Less than { $count } minutes left, until
}
account-blocked = { $count ->
    [one] Blocked: so many wrong passwords came in a row that waiting does not help any more. Unlock it, or better set a new password.
   *[other] Blocked after { $count } wrong passwords in a row. Waiting does not help any more: unlock it, or better set a new password.
}
account-blacklisted = Blacklisted: whatever else it says here, nobody can log in to this account.
account-blacklisted-reason = Reason: { $reason }
account-without-password = It has no password, so nobody can log in to it. Set one.

act-edit = Edit
act-enable = Enable
act-disable = Disable
act-unlock = Unlock
act-delete = Delete
act-set-password = Set password
act-add-tag = Add a tag
act-remove-tag = Take a tag away

account-delete-about = Its sessions end, and its tags, devices and scopes that name it go with it. The audit log keeps what it did. It cannot be brought back.
account-disable-instead = Or only keep it out
account-disable-about = A disabled account keeps all it has and can be enabled again. Nobody can log in to it, and its sessions end at once.
account-disable-button = Disable { $name } instead
delete-title = Delete { $name }?
delete-button = Delete { $name }

bulk-name = What to do with the accounts that are ticked
bulk-with = With those ticked:
bulk-enable = { $count ->
    [one] Enable one account
   *[other] Enable { $count } accounts
}
bulk-disable = { $count ->
    [one] Disable one account
   *[other] Disable { $count } accounts
}
bulk-unlock = { $count ->
    [one] Unlock one account
   *[other] Unlock { $count } accounts
}
bulk-add-tag = { $count ->
    [one] Give one account a tag
   *[other] Give { $count } accounts a tag
}
bulk-remove-tag = { $count ->
    [one] Take a tag from one account
   *[other] Take a tag from { $count } accounts
}
bulk-delete = { $count ->
    [one] Delete one account
   *[other] Delete { $count } accounts
}
bulk-delete-about = Their sessions end. They cannot be brought back. Disabling them instead keeps all they have.
bulk-disable-instead = Disable them instead
bulk-nothing = No account was ticked, or those that were are gone. Tick some in the list first.
bulk-tag = Tag
bulk-tag-missing = is needed
bulk-what = What happens
bulk-will-change = will be changed
bulk-will-go = will be deleted
bulk-done-already = stays as it is
bulk-partly = { $count ->
    [0] Nothing was changed.
    [one] One account was changed; these were not.
   *[other] { $count } accounts were changed; these were not.
}
bulk-left = These are left
bulk-again = Try these again

password-title = Set the password of { $name }
password-about = All sessions of the account end, and its lock is lifted by the next good login.
password-new = New password
password-new-hint = Longer is better than odder. What is too short or too common is refused.
password-again = The same again
password-differs = is not the same
password-missing = is needed, unless one is made for you
password-set = Set this password
password-make = Make one for me
password-made-title = The new password of { $name }
password-made-once = This is shown once. Portreeve keeps only a hash of it: copy it now to where it is needed.
password-made-done = I have copied it
password-copy = Copy
password-copied = Copied

done-created = { $name } was made.
done-saved = { $name } was saved.
done-deleted = { $name } was deleted.
done-unlocked = { $name } is unlocked.
done-enabled = { $name } is enabled.
done-disabled = { $name } is disabled. Its sessions have ended.
done-password-set = { $name } has a new password. Its sessions have ended.
done-device-forgotten = The device of { $name } is forgotten, and its sessions have ended.
done-sessions-ended = Sessions of { $name } have ended.
done-bulk = Accounts changed: { $name }.

form-create = Create

rights-tab = What it may do
rights-title = What { $name } may do
rights-given = What it may do
rights-none = Nothing but what everybody may do: see its own account, change its own password, end its own sessions. A policy that matches it can give it roles.
rights-may = Privilege
rights-scope = With which
rights-role = Given by the role
rights-policy = Policy
rights-ask = Ask about one thing
rights-type = May it do
rights-target = with
rights-object = the object with this id (may be empty)
rights-ask-button = Ask
rights-yes = Yes.
rights-no = No: { $reason }.
rights-policies = Which policies match it
rights-no-policies = There are no policies.
rights-kind = Type
rights-matches = Matches
rights-match = matches
rights-no-match = does not
rights-fails = fails
rights-depends = It looks at the device, the time or the address, so that another login may come out otherwise.
scope-everything = all of them
scope-nothing = none
scope-tags = with the tags { $tags }
scope-ids = { $count ->
    [one] one by its id
   *[other] { $count } by their ids
}

sessions-tab = Sessions and devices
sessions-title = Sessions of { $name }
sessions-live = Sessions
sessions-none = Nobody is logged in to it at the moment.
sessions-opened = Opened
sessions-ends = Ends
sessions-from = From
sessions-with = With
sessions-device = Device
sessions-console = this console
sessions-api = the API
devices-title = Devices it has logged in from
devices-none = It has never logged in from any device.
devices-first = First
devices-last = Last
devices-end = End sessions
devices-end-of = End sessions from { $device }
devices-end-all = End the sessions of { $name } from all these devices
devices-forget = Forget
devices-forget-one = Forget { $device }
revoked-in-console = ended in the console

history-tab = History
history-title = History of { $name }
history-none = The audit log says nothing of it.
history-nobody = Nobody was let in
history-by = by { $actor }
history-from = from { $source }
history-changes = { $count ->
    [one] One field
   *[other] { $count } fields
}
history-when = When
history-reason = Reason
