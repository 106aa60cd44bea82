-- asks: whose profile would be created, and what stands for exactly these users and values
-- returns: one row; counts and order-independent digests of one snapshot, and the ids of the users,
--   oldest first, when there are no more than {listed}
-- cost: one left join, and one anti-join for the ids; ACCESS SHARE locks only
select
    pg_catalog.now() as as_of,
    count(*) as total,
    count(*) filter (where pair.has_profile) as existing,
    count(*) filter (where pair.has_profile and pair.in_share) as existing_in_share,
    count(*) filter (where pair.planned) as planned,
    count(*) filter (where not pair.has_profile and pair.in_share and not pair.planned) as newer,
    max(pair.created_at) filter (
        where pair.planned and pair.created_at <= pg_catalog.now() + interval '1 minute'
    ) as newest_at,
    lpad(to_hex(coalesce(
        bit_xor(pg_catalog.uuid_hash_extended(pair.id, 0)) filter (where pair.planned), 0
    )), 16, '0')
        || lpad(to_hex(coalesce(
            bit_xor(pg_catalog.uuid_hash_extended(pair.id, 1)) filter (where pair.planned), 0
        )), 16, '0')
        || lpad(to_hex(coalesce(
            bit_xor(pg_catalog.uuid_hash_extended(pair.id, 2)) filter (where pair.planned), 0
        )), 16, '0')
        || lpad(to_hex(coalesce(
            bit_xor(pg_catalog.uuid_hash_extended(pair.id, 3)) filter (where pair.planned), 0
        )), 16, '0') as users_digest,
    coalesce(bit_xor(pair.values_digest) filter (where pair.planned), 0)::text as values_digest,
    -- Evaluated only then: a plan of a million is not read twice.
    case when count(*) filter (where pair.planned) <= {listed} then array(
        select u.id::text
        from auth.users as u
        where {needs_profile} and {in_share} and {in_plan}
            and not exists (select from {profiles} as p where p.{key} = u.id)
        order by u.created_at nulls first, u.id
    ) end as user_ids
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
