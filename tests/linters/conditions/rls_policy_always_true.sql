-- lint: 0024 rls_policy_always_true
-- asks: which policies of ours let users of the app write whatever they like?
select format('%s on %I.%I', p.policyname, p.schemaname, p.tablename) as subject
from pg_catalog.pg_policies as p
where (p.schemaname = 'usersync' or p.schemaname = 'public' and p.tablename = 'members')
    and p.cmd <> 'SELECT'
    and p.roles && array['public', 'anon', 'authenticated']::name[]
    and 'true' in (p.qual, p.with_check)
order by subject;
