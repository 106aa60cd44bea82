-- asks: is there a value for every required column of the profiles that are missing?
-- level: warning
-- about: table
-- cost: one anti-join; ACCESS SHARE locks only
-- remedy: say under columns: in usersync.yaml what stands there instead, as the last of a list
-- why: Who signed up without a name has none to copy: the creation fails with 23502
--   (supabase#3980, #6643).
select a.attname as subject,
    format('%s users have nothing for it', count(*)) as detail
from auth.users as u
cross join lateral unnest({null_columns}) as missing (name)
join pg_catalog.pg_attribute as a
    on a.attrelid = to_regclass({profiles_text}) and a.attname = missing.name
where {needs_profile} and a.attnotnull
    and not exists (select from {profiles} as p where p.{key} = u.id)
group by a.attname
order by a.attname;
