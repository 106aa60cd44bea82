-- asks: whose profile would be created, and what stands for exactly these users and values
-- returns: one row; counts and order-independent digests of one snapshot
-- cost: one left join; ACCESS SHARE locks only
select
    pg_catalog.now() as as_of,
    count(*) as total,
    count(*) filter (where pair.has_profile) as existing,
    count(*) filter (where pair.planned) as planned,
    count(*) filter (where not pair.has_profile and pair.in_share and not pair.planned) as newer,
    max(pair.created_at) filter (
        where pair.planned and pair.created_at <= pg_catalog.now() + interval '1 minute'
    ) as newest_at,
    coalesce(bit_xor(pg_catalog.uuid_hash_extended(pair.id, 0)) filter (where pair.planned), 0)
        as users_digest,
    coalesce(bit_xor(pair.values_digest) filter (where pair.planned), 0) as values_digest
from (
    select
        u.id,
        u.created_at,
        p.{key} is not null as has_profile,
        {in_share} as in_share,
        p.{key} is null and {in_share} and {in_plan} as planned,
        case when p.{key} is null
            then pg_catalog.hashtextextended(row({steady_values})::text, 0) end as values_digest
    from auth.users as u
    left join {profiles} as p on p.{key} = u.id
    where {needs_profile}
) as pair;
