-- asks: does a soft-deleted user still have a profile?
-- level: info
-- about: table
-- cost: one scan of auth.users; ACCESS SHARE locks only
-- remedy: decide whether the app may still show them; a soft delete fires no foreign key
select u.id::text as subject, 'deleted ' || to_char(u.deleted_at, 'YYYY-MM-DD') as detail
from auth.users as u
join {profiles} as p on p.{key} = u.id
where u.deleted_at is not null
order by u.id;
