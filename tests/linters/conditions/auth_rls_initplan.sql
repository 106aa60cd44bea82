-- lint: 0003 auth_rls_initplan
-- asks: which policies of ours ask who the user is once a row, instead of once a query?
select format('%s on %I.%I', p.policyname, p.schemaname, p.tablename) as subject
from pg_catalog.pg_policies as p
where (p.schemaname = 'usersync' or p.schemaname = 'public' and p.tablename = 'members')
    and regexp_replace(
        lower(concat(p.qual, ' ', p.with_check)),
        'select\s+(auth\.(uid|jwt|role|email)|current_setting)', '', 'g'
    ) ~ '(auth\.(uid|jwt|role|email)|current_setting)\s*\('
order by subject;
