-- asks: which users of the plan have no profile, oldest first
-- returns: one row a user, at most {page_size}, after the user given as a cursor, {skip} skipped
-- cost: one anti-join; ACCESS SHARE locks only
select u.id, u.email, u.created_at, {provider} as provider
from auth.users as u
where {needs_profile} and {in_share} and {in_plan} and {after}
    and not exists (select from {profiles} as p where p.{key} = u.id)
order by u.created_at nulls first, u.id
offset {skip}
limit {page_size};
