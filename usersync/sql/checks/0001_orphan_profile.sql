-- asks: does every profile belong to a user that exists?
-- level: warning
-- about: table
-- cost: one anti-join over the profile table; ACCESS SHARE locks only
-- remedy: find out who deleted the users; repair.orphans --dry-run parks such profiles, whole; a foreign key with on delete cascade prevents more
-- without: find out who deleted the users; a foreign key with on delete cascade prevents more
select p.{key}::text as subject, 'no user in auth.users' as detail
from {profiles} as p
where not exists (select from auth.users as u where u.id = p.{key})
order by p.{key};
