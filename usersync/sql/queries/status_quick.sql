-- asks: how many users need a profile, and how many of them have one
-- returns: one row; both counts of one snapshot
-- cost: one left join; ACCESS SHARE locks only
select pg_catalog.now() as as_of, count(*) as total, count(p.{key}) as existing
from auth.users as u
left join {profiles} as p on p.{key} = u.id
where {needs_profile};
