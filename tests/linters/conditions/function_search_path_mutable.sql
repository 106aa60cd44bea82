-- lint: 0011 function_search_path_mutable
-- asks: which functions of ours leave the search path to their caller?
select format('%I.%I', n.nspname, f.proname) as subject
from pg_catalog.pg_proc as f
join pg_catalog.pg_namespace as n on n.oid = f.pronamespace
where (n.nspname = 'usersync' or n.nspname = 'public' and f.proname like 'usersync\_%')
    and not exists (
        select from unnest(f.proconfig) as c (setting) where c.setting like 'search\_path=%'
    )
order by subject;
