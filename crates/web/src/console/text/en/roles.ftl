# Roles.

roles-new = New role
roles-search = Search by name, notes and tags
roles-none-match = No role matches what you ask for.
roles-none = There are no roles that you may see. A role is a named set of privileges; policies give it to accounts.
roles-tab = Role
roles-privileges = Privileges
roles-no-privileges = none
roles-may = What it allows
roles-may-nothing = Nothing yet. Edit it to give it privileges.
roles-whole = all of it
roles-gives-tags = New ones are given the tags
roles-given-by = Policies that give it
roles-given-by-none = No policy that you may see gives it, so nobody has it through one of them.
roles-about = About it
roles-delete-about = It cannot be brought back. The audit log keeps what it allowed.
roles-delete-policies = They stay, without this role: whoever has it by them loses what it allows at once.

roles-unlimited = Privileges without limits
roles-unlimited-hint = A tick allows this with everything of its kind. Boxes that are not there are privileges that do not exist.
roles-here = Meant for Portreeve
roles-elsewhere = Kept for other products
roles-elsewhere-hint = Portreeve keeps these as they come, and has nothing that they would allow.
roles-ticked = { $count ->
    [one] one ticked
   *[other] { $count } ticked
}
roles-tick-column = Tick or clear all of { $type }
roles-tick-row = Tick or clear all on { $target }

roles-limited = Limited privileges
roles-limited-hint = For some objects only: those that carry one of the tags, and those with one of the ids. For the Blacklist, devices, sessions and tokens these are tags and ids of their Identity Providers. Empty rows are left out.
roles-limited-row = Limited privilege { $row }
roles-limited-more = One more limited privilege
roles-target = Target
roles-only-named = only those named here
roles-tags = Tags, one a line
roles-ids = Ids, one a line
roles-default-tags = Default tags (Create)
roles-functions = Functions (AssignFunction)
roles-own-tags-hint = One a line. Scopes of other roles can ask for them.
