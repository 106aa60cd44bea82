-- asks: since when profiles are missing, on which days and for which providers
-- returns: one row per provider and day of sign-up of the last 15 days; other days together
-- cost: one anti-join; ACCESS SHARE locks only
select
    missing.provider,
    missing.day,
    count(*) as users,
    min(missing.created_at) as oldest_at,
    max(missing.created_at) as newest_at
from (
    select
        u.created_at,
        {provider} as provider,
        case when u.created_at >= pg_catalog.now() - interval '15 days'
            then u.created_at::date end as day
    from auth.users as u
    where {needs_profile}
        and not exists (select from {profiles} as p where p.{key} = u.id)
) as missing
group by missing.provider, missing.day;
