# Tags.

tags-search = Search by name and notes
tags-new = New tag
tags-none = There are no tags yet. One is there as soon as an object carries it; make one here to give it notes and a colour first.
tags-none-match = No tag matches what you ask for.
tag-name = Tag
tag-name-hint = Upper and lower case make two tags.
tag-colour = Colour
tag-colour-by-name = Made from the name
tag-carried = Carried by
tag-named = Named by
tag-by-objects = { $count ->
    [0] nothing
    [one] one object
   *[other] { $count } objects
}
tag-by-privileges = { $count ->
    [0] no privilege
    [one] one privilege
   *[other] { $count } privileges
}
tag-notes = Notes
tag-where = Where it is
tag-nowhere = Nothing carries it, and no role names it.
tag-on-local-user = { $count ->
    [one] one Local User
   *[other] { $count } Local Users
}
tag-on-service-user = { $count ->
    [one] one Service User
   *[other] { $count } Service Users
}
tag-on-role = { $count ->
    [one] one role
   *[other] { $count } roles
}
tag-on-policy = { $count ->
    [one] one policy
   *[other] { $count } policies
}
tag-on-criteria-script = { $count ->
    [one] one criteria script
   *[other] { $count } criteria scripts
}
tag-on-user-script = { $count ->
    [one] one user script
   *[other] { $count } user scripts
}
tag-on-provider = { $count ->
    [one] one Identity Provider
   *[other] { $count } Identity Providers
}
tag-on-ip-pool = { $count ->
    [one] one IP pool
   *[other] { $count } IP pools
}
tag-in-privileges = { $count ->
    [one] one privilege of a role names it
   *[other] { $count } privileges of roles name it
}
tag-edit-title = Edit the tag { $name }
tag-renames = A new name is given to it everywhere at once: to all that carry it, and in the roles that name it. Texts of policies and scripts that ask for it are not changed; look for it there.
tag-delete-title = Delete the tag { $name }?
tag-delete-button = Delete the tag { $name }
tag-delete-about = It is taken from all that carries it, and from the roles that name it. Whoever may do something only because of it may not any more. It cannot be brought back.
tag-delete-nowhere = Nothing would lose it.
tag-delete-loses = These lose it
tag-instead = Or only change it
tag-instead-about = A tag can get another name, notes or another colour, and stays where it is.
tag-what = What it is
