-- lint: 0006 multiple_permissive_policies
-- asks: for which tables of ours must several policies be evaluated for one row?
select format('%I.%I: %s', p.schemaname, p.tablename, r.rolname) as subject
from pg_catalog.pg_policies as p
cross join unnest(p.roles) as r (rolname)
cross join unnest(
    case p.cmd when 'ALL' then array['SELECT', 'INSERT', 'UPDATE', 'DELETE'] else array[p.cmd] end
) as c (cmd)
where (p.schemaname = 'usersync' or p.schemaname = 'public' and p.tablename = 'members')
    and p.permissive = 'PERMISSIVE'
group by p.schemaname, p.tablename, r.rolname, c.cmd
having count(*) > 1
order by subject;
