-- asks: how many of the users of a plan's time, planned or not, have a profile now
-- returns: one row
-- cost: one join; ACCESS SHARE locks only
select count(*) as profiles
from auth.users as u
join {profiles} as p on p.{key} = u.id
where {needs_profile} and {in_share} and {in_plan};
