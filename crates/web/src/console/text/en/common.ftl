# Words of all pages.

menu-skip = Skip to the content
menu-open = Menu
menu-name = Parts of the console
menu-home = Home
menu-local-users = Local Users
menu-service-users = Service Users
menu-roles = Roles
menu-policies = Policies
menu-identity-providers = Identity Providers
menu-tags = Tags
menu-blacklist = Blacklist
menu-audit-log = Audit log
menu-settings = Settings
menu-account = Your account
menu-sign-out = Sign out

keys-button = Keys: ?
keys-title = Keys
keys-search = search
keys-new = make a new one
keys-rows = next row, row before
keys-tick = tick the row
keys-help = show these keys
keys-close = Close

sign-in-title = Sign in
sign-in-provider = Identity Provider
sign-in-username = User name
sign-in-password = Password
sign-in-button = Sign in
sign-in-refused = Invalid user name or password.
sign-in-ended = You are not signed in any more. Sign in to go on.
sign-in-no-provider = No Identity Provider lets administrators in. Somebody who may write through the API has to set adminProvider of one to true.
sign-in-no-cookies = Your browser did not send back a cookie that this page set. The console needs HTTPS, or to be opened on the machine it runs on as http://localhost or http://127.0.0.1, and cookies must be allowed. Try again.

problem-title = That did not work
problem-home = To the first page
problem-status = Status { $status }.
problem-request = Request { $id }: the server's log names it so.
problem-other-site = This came from another site. Open the console itself and try again.
problem-stale-form = This form is from another session, or too old. Go back, load the page anew and try again; what you filled in can be copied from there.
problem-no-page = There is no such page. It may have been renamed, or the object deleted.
problem-too-large = is more than one mebibyte
problem-broken-off = did not come whole; try again
problem-busy = There is more to do at the moment than there is room for. Nothing was done; try again in a few seconds.
problem-no-room = There is no room left where the data is kept. You can look at everything, but nothing can be changed until somebody makes room.
problem-no-store = The database is not available at the moment. Try again in a few seconds.
problem-in-doubt = The database has not said whether this was done. Look before you do it again.
problem-ours = Something went wrong on the server. What you did may not have been done; look before you try again.

form-faults = Not saved yet. This has to be put right:
form-needed = needed
form-changed-meanwhile = Somebody else has changed this since you opened it, so that nothing was saved. Open it anew in another window, compare, and repeat your change there.
form-save = Save
form-cancel = Cancel

confirm-label = Your own password
confirm-hint = This is a change that not everybody at your screen should be able to make. You are asked again fifteen minutes after you last gave it.
confirm-missing = is needed for this change
confirm-wrong = was not accepted

list-table = Table, which may scroll sideways
list-pages = Pages
list-none = No rows
list-range = { $first } to { $last } of { $all }
list-before = Previous
list-behind = Next
