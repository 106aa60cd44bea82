-- lint: 0015 rls_references_user_metadata
-- asks: which policies of ours trust what users may write themselves?
select format('%s on %I.%I', p.policyname, p.schemaname, p.tablename) as subject
from pg_catalog.pg_policies as p
where (p.schemaname = 'usersync' or p.schemaname = 'public' and p.tablename = 'members')
    and concat(p.qual, ' ', p.with_check) like '%user\_metadata%'
order by subject;
