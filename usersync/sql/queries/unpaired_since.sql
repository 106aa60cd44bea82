-- asks: how many users signed up since a moment, need a profile and have none
-- returns: one row
-- cost: one anti-join; ACCESS SHARE locks only
select count(*) as users
from auth.users as u
where {needs_profile} and u.created_at >= {since}
    and not exists (select from {profiles} as p where p.{key} = u.id);
