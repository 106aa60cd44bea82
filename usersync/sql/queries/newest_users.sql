-- asks: which planned users signed up last, and what is each one's share of the plan's digest
-- returns: at most {list_length} rows, newest first
-- cost: one anti-join; ACCESS SHARE locks only
select u.id::text as id, pg_catalog.uuid_hash_extended(u.id, 0) as users_digest
from auth.users as u
where {needs_profile} and {in_share} and {in_plan}
    and not exists (select from {profiles} as p where p.{key} = u.id)
order by u.created_at desc nulls last, u.id desc
limit {list_length};
