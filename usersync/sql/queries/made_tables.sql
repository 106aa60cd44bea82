-- asks: which of some tables there are, with their policies and rights; and whether this role may
--   count their rows
-- returns: one row a thing: the table as it was asked for, the kind of the thing and its name
-- cost: catalog only
with made as (
    select t.asked, c.oid, c.relowner, c.relacl, format('%I.%I', n.nspname, c.relname) as name
    from unnest({tables}::text[]) as t (asked)
    join pg_catalog.pg_class as c on c.oid = to_regclass(t.asked)
    join pg_catalog.pg_namespace as n on n.oid = c.relnamespace
)
select m.asked, 'profile table' as kind, m.name, pg_total_relation_size(m.oid) as size_bytes,
    has_table_privilege(m.oid, 'select') and not row_security_active(m.oid) as countable
from made as m
union all
select m.asked, 'policy', format('%I on %s', p.polname, m.name), null, false
from made as m
join pg_catalog.pg_policy as p on p.polrelid = m.oid
union all
select m.asked, 'grant', format(
        '%s on table %s to %s',
        string_agg(lower(a.privilege_type), ', ' order by a.privilege_type), m.name,
        case when a.grantee = 0 then 'public' else a.grantee::regrole::text end
    ), null, false
from made as m
cross join aclexplode(m.relacl) as a
-- What rights.grant gave is told by itself.
where a.grantee <> m.relowner and format(
        '%s on table %s to %s', lower(a.privilege_type), m.name, a.grantee::regrole
    ) <> all ({given}::text[])
group by m.asked, m.name, a.grantee
order by asked, kind desc, name;
