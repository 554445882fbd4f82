# Policies.

policies-new = New policy
policies-search = Search by name, notes and tags
policies-none-match = No policy matches what you ask for.
policies-none = There are no policies that you may see. A policy is an expression over what is known of an account; it gives roles to the accounts that it matches, or refuses their logins.
policies-tab = Policy
policies-type = Type
policies-type-admin = Gives its roles to the accounts that it matches.
policies-type-mixed = Gives its roles too. Other products give more by it.
policies-type-stop = Refuses the logins of the accounts that it matches, and ends their sessions.
policies-type-other = Kept for other products. Portreeve never runs it.
policies-type-kept = kept for other products
policies-gives = Roles that it gives
policies-gives-nothing = A policy of this type gives them to nobody here.
policies-no-roles = none
policies-no-roles-yet = There are no roles that you may see. Make one first, or save the policy without any.
policies-filter-roles = Show only roles whose name contains
policies-expression = Expression
policies-expression-hint = The body of a JavaScript function of claims that returns true if the policy matches. Tab indents; press Escape, then Tab, to leave the field.
policies-claims = What it can ask for
policies-about = About it
policies-other = Fields of other products
policies-tags-hint = One a line. Scopes of roles can ask for them.
policies-disabled-hint = It is kept, and matches nobody.

policies-failed = Its expression failed when it last ran, on
policies-failed-give = While it fails it matches nobody, so that nobody has its roles by it. Edit it and try it on an account.
policies-failed-stop = While it fails it matches nobody, so that nobody is refused by it. Edit it and try it on an account.
state-failing = failing

policies-check = Check
policies-check-fine = This is JavaScript. Whether it says what it should, trying it on an account shows.
policies-check-fault = Line { $line }, column { $column }:

policies-try-title = Try it on this account
policies-try-hint = Runs the expression as it stands here, saved or not. Nothing is changed or noted by it.
policies-try-account = Name of the account
policies-try = Try it
policies-try-nobody = Name an account to try it on.
policies-try-matches = It matches { $name }.
policies-try-does-not = It does not match { $name }.
policies-try-fails = It fails for { $name }, and so does not match it:
policies-try-depends = It looks at the device, the time or the address, which are not known here, so that a login may come out otherwise.
policies-try-left-out = It was not told what the scripts of the Identity Provider add, as you may not see that. A login may come out otherwise.
policies-try-scripts-failed = { $count ->
    [one] A script of the Identity Provider failed, so that what it adds was missing.
   *[other] { $count } scripts of the Identity Provider failed, so that what they add was missing.
}
policies-try-claims = The claims that it was given

policies-disable-title = Disable { $name }?
policies-disable-give = Nobody has its roles by it any more until it is enabled again.
policies-disable-stop = Whom it refuses can log in again until it is enabled.
policies-disable-button = Disable { $name }
policies-enable-title = Enable { $name }?
policies-enable-about = From now on it decides again about everybody whom it matches.
policies-enable-button = Enable { $name }
policies-delete-give = Whoever has roles by it alone loses them at once. It cannot be brought back. The audit log keeps what it said.
policies-delete-stop = Whom it refuses can log in again at once. It cannot be brought back. The audit log keeps what it said.
policies-disable-instead = Or only disable it
policies-disable-about = A disabled policy matches nobody, keeps its expression and its roles, and can be enabled again.
done-policy-disabled = { $name } is disabled. It matches nobody any more.
