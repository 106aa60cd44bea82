-- asks: how many users need a profile, how many have one, who is missing since when
-- returns: one row per kind of user; all numbers of one snapshot, from one join
-- cost: one full join of both tables; ACCESS SHARE locks only
select
    pair.skip,
    pair.has_profile,
    pair.missing_day,
    pair.missing_provider,
    count(*) as users,
    min(pair.created_at) as oldest_at,
    max(pair.created_at) as newest_at,
    count(*) filter (where pair.email_differs) as email_drift
from (
    select
        case when u.id is null then -1 else {skip_number} end as skip,
        p.{key} is not null as has_profile,
        case when p.{key} is null and u.created_at >= pg_catalog.now() - interval '15 days'
            then u.created_at::date end as missing_day,
        case when p.{key} is null then {provider} end as missing_provider,
        u.created_at,
        {email_differs} as email_differs
    from auth.users as u
    full join {profiles} as p on p.{key} = u.id
) as pair
group by pair.skip, pair.has_profile, pair.missing_day, pair.missing_provider;
