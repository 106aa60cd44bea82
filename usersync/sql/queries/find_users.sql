-- asks: which users a reference (an id, the start of one, an address) means, and how they stand
-- returns: at most three rows, so that an ambiguous reference is seen
-- cost: an index scan by id, a scan of auth.users by address
select
    u.id, u.email, u.created_at, {provider} as provider,
    {skip_reason} as skip_reason,
    p.{key} is not null as has_profile,
    {role} as role
from auth.users as u
left join {profiles} as p on p.{key} = u.id
where {reference}
order by u.created_at nulls first, u.id
limit 3;
