-- asks: how many users need a profile, how many have one, and who else has one
-- returns: one row per kind of user, with and without a profile; all of one snapshot, one join
-- cost: one full join of both tables; ACCESS SHARE locks only
-- The kind is worked out below the join, where it is evaluated once a row; null is no user at all.
select
    u.skip,
    p.{key} is not null as has_profile,
    count(*) as users,
    max(u.created_at) as newest_at,
    count(*) filter (where {email_differs}) as email_drift
from (
    select u.id, u.email, u.created_at, u.deleted_at, {skip_number} as skip
    from auth.users as u
) as u
full join {profiles} as p on p.{key} = u.id
group by u.skip, p.{key} is not null;
