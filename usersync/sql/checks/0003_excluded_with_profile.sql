-- asks: does somebody who needs no profile have one?
-- level: info
-- about: table
-- cost: one scan of auth.users; ACCESS SHARE locks only
-- remedy: check the rules under users: in usersync.yaml, or remove the profile in the app
select u.id::text as subject, {skip_reason} as detail
from auth.users as u
join {profiles} as p on p.{key} = u.id
where u.deleted_at is null and not {needs_profile}
order by u.id;
