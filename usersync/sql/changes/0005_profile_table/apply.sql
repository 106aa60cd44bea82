-- does: makes the profile tables that are missing, closed to everybody but their own user
-- locks: auth.users, in SHARE ROW EXCLUSIVE mode, for the foreign key
-- rerun: safe
{new_tables}
