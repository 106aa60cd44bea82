-- asks: the figures of the status block, since when and by provider
-- returns: one tsvector, each word of it a json array: place, number, part, name, value
-- cost: one full join of both tables
with kinds as (
    select
        u.id is not null as user_there,
        u.id is not null and u.reason is null as counted,
        p.{key} is not null as has_profile,
        u.reason,
        u.provider,
        u.day,
        count(*) as users,
        min(u.created_at) as oldest_at,
        max(u.created_at) as newest_at,
        count(*) filter (where {email_differs}) as email_drift
    from (
        select
            u.id, u.email, u.created_at, u.deleted_at,
            {skip_reason} as reason,
            {provider} as provider,
            case when u.created_at >= pg_catalog.now() - interval '14 days'
                then (u.created_at at time zone 'UTC')::date end as day
        from auth.users as u
    ) as u
    full join {profiles} as p on p.{key} = u.id
    group by 1, 2, 3, 4, 5, 6
),
figures as (
    select
        coalesce(sum(k.users) filter (where k.counted), 0) as total,
        coalesce(sum(k.users) filter (where k.counted and k.has_profile), 0) as existing,
        coalesce(sum(k.users) filter (where not k.user_there), 0) as orphans,
        coalesce(
            sum(k.users) filter (where k.reason = 'soft-deleted' and k.has_profile), 0
        ) as soft_deleted,
        coalesce(
            sum(k.users) filter (where k.reason <> 'soft-deleted' and k.has_profile), 0
        ) as excluded,
        coalesce(sum(k.email_drift), 0) as email_drift,
        min(k.oldest_at) filter (where k.counted and not k.has_profile) as oldest_at,
        max(k.newest_at) filter (where k.counted and not k.has_profile) as newest_at,
        max(k.newest_at) filter (where k.counted and k.has_profile) as last_at
    from kinds as k
)
select array_to_tsvector(array_agg(jsonb_build_array(r.place, r.number, r.part, r.name, r.value)::text))
from (
    select 10 as place, v.number, 'status' as part, v.name, v.value
    from figures as f
    cross join lateral (values
        (1, 'Total Auth Users', f.total::text),
        (2, 'Total User Profiles', f.existing::text),
        (3, 'Missing Profiles', (f.total - f.existing)::text),
        (4, 'Orphan Profiles', f.orphans::text),
        (5, 'Soft-deleted with a profile', f.soft_deleted::text),
        (6, 'Not counted, with a profile', f.excluded::text),
        (7, 'Other e-mail in the profile', f.email_drift::text),
        (8, 'Missing since', to_char(f.oldest_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"')),
        (9, 'Missing until', to_char(f.newest_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"')),
        (10, 'Newest user with a profile', to_char(f.last_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"'))
    ) as v (number, name, value)
    union all
    select 11, 0, 'not counted', k.reason, sum(k.users)::text
    from kinds as k
    where k.user_there and k.reason is not null
    group by k.reason
    union all
    (
        select 12, 0, 'missing by provider', k.provider, sum(k.users)::text
        from kinds as k
        where k.counted and not k.has_profile
        group by k.provider
        order by sum(k.users) desc
        limit 8
    )
    union all
    select 13, 0, 'missing on', k.day::text, sum(k.users)::text
    from kinds as k
    where k.counted and not k.has_profile and k.day is not null
    group by k.day
) as r
where r.value is not null;
