-- asks: everything in this database that a migration might change, but for the rows
-- returns: one row an object: identity and definition
-- cost: catalog only
with spaces as (
    select n.oid, n.nspname, n.nspowner, n.nspacl
    from pg_catalog.pg_namespace as n
    where n.nspname not in ('pg_catalog', 'information_schema') and n.nspname !~ '^pg_(toast|temp)'
),
relations as (
    select c.*, s.nspname, format('%I.%I', s.nspname, c.relname) as name
    from pg_catalog.pg_class as c
    join spaces as s on s.oid = c.relnamespace
)
select 'schema ' || s.nspname as identity,
    concat_ws(' ', s.nspowner::regrole, (
        select string_agg(a::text, ',' order by a::text) from unnest(s.nspacl) as a
    )) as definition
from spaces as s
union all
select 'relation ' || r.name, concat_ws(E'\n', r.relkind, r.relowner::regrole, r.relrowsecurity,
    r.relforcerowsecurity,
    (select string_agg(a::text, ',' order by a::text) from unnest(r.relacl) as a),
    obj_description(r.oid, 'pg_class'),
    case when r.relkind in ('v', 'm') then pg_get_viewdef(r.oid) end)
from relations as r
where r.relkind in ('r', 'p', 'v', 'm', 'f', 'S')
union all
select format('column %s.%I', r.name, a.attname), concat_ws(' ', format_type(a.atttypid, a.atttypmod),
    a.attnotnull, a.attidentity, a.attgenerated, pg_get_expr(d.adbin, d.adrelid),
    (select string_agg(x::text, ',' order by x::text) from unnest(a.attacl) as x),
    col_description(r.oid, a.attnum))
from relations as r
join pg_catalog.pg_attribute as a on a.attrelid = r.oid and a.attnum > 0 and not a.attisdropped
left join pg_catalog.pg_attrdef as d on d.adrelid = a.attrelid and d.adnum = a.attnum
where r.relkind in ('r', 'p', 'f')
union all
select format('constraint %I on %s', k.conname, r.name),
    concat_ws(' ', pg_get_constraintdef(k.oid), k.convalidated)
from pg_catalog.pg_constraint as k
join relations as r on r.oid = k.conrelid
union all
select 'index ' || r.name, pg_get_indexdef(r.oid)
from relations as r
where r.relkind = 'i'
union all
select format('function %I.%I(%s)', s.nspname, f.proname, pg_get_function_identity_arguments(f.oid)),
    concat_ws(E'\n', case when f.prokind in ('f', 'p') then pg_get_functiondef(f.oid) end,
        f.proowner::regrole,
        (select string_agg(a::text, ',' order by a::text) from unnest(f.proacl) as a),
        obj_description(f.oid, 'pg_proc'))
from pg_catalog.pg_proc as f
join spaces as s on s.oid = f.pronamespace
union all
select format('trigger %I on %s', t.tgname, r.name),
    concat_ws(' ', pg_get_triggerdef(t.oid), t.tgenabled, obj_description(t.oid, 'pg_trigger'))
from pg_catalog.pg_trigger as t
join relations as r on r.oid = t.tgrelid
where not t.tgisinternal
union all
select format('policy %I on %I.%I', p.policyname, p.schemaname, p.tablename),
    concat_ws(' ', p.permissive, p.roles, p.cmd, p.qual, p.with_check)
from pg_catalog.pg_policies as p
union all
select format('type %I.%I', s.nspname, t.typname), concat_ws(' ', t.typtype,
    format_type(t.typbasetype, t.typtypmod), (
        select string_agg(l.enumlabel, ',' order by l.enumsortorder)
        from pg_catalog.pg_enum as l where l.enumtypid = t.oid
    ))
from pg_catalog.pg_type as t
join spaces as s on s.oid = t.typnamespace
union all
select 'extension ' || e.extname, e.extversion
from pg_catalog.pg_extension as e
union all
select format('default privileges of %s in %s for %s', d.defaclrole::regrole,
    coalesce(n.nspname, 'every schema'), d.defaclobjtype),
    (select string_agg(a::text, ',' order by a::text) from unnest(d.defaclacl) as a)
from pg_catalog.pg_default_acl as d
left join pg_catalog.pg_namespace as n on n.oid = d.defaclnamespace
union all
select format('publication %s of %s', p.pubname, pt.prrelid::regclass), ''
from pg_catalog.pg_publication as p
join pg_catalog.pg_publication_rel as pt on pt.prpubid = p.oid
union all
select 'role ' || r.rolname, concat_ws(' ', r.rolsuper, r.rolinherit, r.rolcreaterole,
    r.rolcreatedb, r.rolcanlogin, r.rolreplication, r.rolbypassrls, r.rolconfig, (
        select string_agg(m.roleid::regrole::text, ',' order by m.roleid::regrole::text)
        from pg_catalog.pg_auth_members as m where m.member = r.oid
    ))
from pg_catalog.pg_roles as r
order by 1;
