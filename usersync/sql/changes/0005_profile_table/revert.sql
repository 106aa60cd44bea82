-- does: takes the profile tables out that usersync made
-- locks: auth.users, in ACCESS EXCLUSIVE mode, for the foreign key
-- rerun: safe
-- loses: all profiles in them
{drop_tables}
