-- asks: whether there is a profile of a user who is gone
-- returns: one row
-- cost: one probe of each key; ACCESS SHARE locks only
select exists (select from {profiles} as p where p.{key} = {user_id}::uuid)
    and not exists (select from auth.users as u where u.id = {user_id}::uuid) as left_behind;
