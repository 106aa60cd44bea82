-- asks: would the profile of a user who has none clash with another one by e-mail, or two of them?
-- level: warning
-- about: table
-- cost: two anti-joins; ACCESS SHARE locks only
-- remedy: find out which of the two accounts is the right one; delete or exclude the other
-- needs: email
-- why: Addresses repeat among SSO users, for whom auth.users does not hold them unique.
select u.id::text as subject,
    {user_email} || case when taken.already then ' is another profile''s'
        else format(' is that of %s users without a profile', u.alike) end as detail
from (
    select u.id, u.email, count(*) over (partition by u.email) as alike
    from auth.users as u
    where {needs_profile} and u.email is not null
        and not exists (select from {profiles} as p where p.{key} = u.id)
) as u
cross join lateral (
    select exists (select from {profiles} as p where {profile_email_is} = u.email) as already
) as taken
where (taken.already or u.alike > 1)
    and exists (
        select from pg_catalog.pg_index as x
        join pg_catalog.pg_attribute as a
            on a.attrelid = x.indrelid and a.attname = {email_text} and x.indkey[0] = a.attnum
        where x.indrelid = to_regclass({profiles_text}) and x.indisunique and x.indnkeyatts = 1
    )
order by u.id;
