-- asks: which of the last planned users to sign up were added or changed last, and what is each
--   one's share of the plan's digest
-- returns: at most {list_length} rows
-- cost: one anti-join; ACCESS SHARE locks only
-- xmin is a hint and no more: one of another epoch only costs somebody else a place in the list.
select
    newest.id::text as id,
    lpad(to_hex(pg_catalog.uuid_hash_extended(newest.id, 0)), 16, '0')
        || lpad(to_hex(pg_catalog.uuid_hash_extended(newest.id, 1)), 16, '0')
        || lpad(to_hex(pg_catalog.uuid_hash_extended(newest.id, 2)), 16, '0')
        || lpad(to_hex(pg_catalog.uuid_hash_extended(newest.id, 3)), 16, '0') as users_digest
from (
    select u.id, u.created_at, pg_catalog.age(u.xmin)::bigint as age
    from auth.users as u
    where {needs_profile} and {in_share} and {in_plan}
        and not exists (select from {profiles} as p where p.{key} = u.id)
    order by u.created_at desc nulls last, u.id desc
    limit 10 * {list_length}
) as newest
order by abs(newest.age), newest.created_at desc nulls last, newest.id desc
limit {list_length};
