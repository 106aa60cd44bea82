-- asks: how to make these tables and functions again, with all that they use and no row
-- leaves out what usersync installed itself
-- returns: one row a statement, in an order that mostly works; what fails is tried again at the end
-- cost: catalog only
with relations as (
    select c.oid, c.relname, n.nspname, c.relkind, format('%I.%I', n.nspname, c.relname) as name,
        c.relowner, c.relacl, c.relrowsecurity, c.relforcerowsecurity
    from pg_catalog.pg_class as c
    join pg_catalog.pg_namespace as n on n.oid = c.relnamespace
    where c.oid = any ({relations}) and n.nspname <> {ours_text}
),
functions as (
    select f.oid, n.nspname, f.proname, f.proowner, f.proacl,
        format('%I.%I(%s)', n.nspname, f.proname, pg_get_function_identity_arguments(f.oid)) as name
    from pg_catalog.pg_proc as f
    join pg_catalog.pg_namespace as n on n.oid = f.pronamespace
    where f.oid = any ({functions}) and f.prokind in ('f', 'p')
        and n.nspname <> {ours_text} and not (n.nspname = 'public' and f.proname like 'usersync\_%')
        and not exists (
            select from pg_catalog.pg_depend as d
            where d.classid = 'pg_catalog.pg_proc'::regclass and d.objid = f.oid
                and d.deptype = 'e'
        )
),
own_types as (
    select t.oid, t.typname, n.nspname, t.typtype, t.typrelid, t.typbasetype, t.typtypmod,
        t.typnotnull, t.typdefault, format('%I.%I', n.nspname, t.typname) as name
    from pg_catalog.pg_type as t
    join pg_catalog.pg_namespace as n on n.oid = t.typnamespace
    where n.nspname not in ('pg_catalog', 'information_schema', 'pg_toast')
        and (
            t.typtype in ('e', 'd')
            or t.typtype = 'c' and exists (
                select from pg_catalog.pg_class as c where c.oid = t.typrelid and c.relkind = 'c'
            )
        )
        and not exists (
            select from pg_catalog.pg_depend as d
            where d.classid = 'pg_catalog.pg_type'::regclass and d.objid = t.oid
                and d.deptype = 'e'
        )
),
schemas as (
    select n.oid, n.nspname, n.nspowner, n.nspacl
    from pg_catalog.pg_namespace as n
    where n.nspname in (
        select r.nspname from relations as r union select f.nspname from functions as f
        union select t.nspname from own_types as t
        union select en.nspname
        from pg_catalog.pg_extension as e
        join pg_catalog.pg_namespace as en on en.oid = e.extnamespace
    ) and n.nspname not in ('pg_catalog', 'information_schema')
),
roles as (
    select r.rolname, r.rolbypassrls
    from pg_catalog.pg_roles as r
    where r.rolname !~ '^pg_' and r.oid in (
        select relowner from relations union select proowner from functions
        union select nspowner from schemas
        union select a.grantee from relations as o cross join aclexplode(o.relacl) as a
        union select a.grantee from functions as o cross join aclexplode(o.proacl) as a
        union select a.grantee from schemas as o cross join aclexplode(o.nspacl) as a
        union
        select u.role
        from pg_catalog.pg_policy as p
        cross join unnest(p.polroles) as u (role)
        where p.polrelid = any ({relations})
    )
)
select 10 as step, 'role ' || rolname as identity,
    format('create role %I nologin%s', rolname, case when rolbypassrls then ' bypassrls' else '' end)
        as statement
from roles
union all
select 20, 'schema ' || nspname, format('create schema if not exists %I', nspname)
from schemas
union all
select 30, 'extension ' || e.extname, format('create extension %I schema %I', e.extname, n.nspname)
from pg_catalog.pg_extension as e
join pg_catalog.pg_namespace as n on n.oid = e.extnamespace
where e.extname <> 'plpgsql'
union all
select 40, 'type ' || t.name, case t.typtype
    when 'e' then format('create type %s as enum (%s)', t.name, (
        select string_agg(quote_literal(l.enumlabel), ', ' order by l.enumsortorder)
        from pg_catalog.pg_enum as l where l.enumtypid = t.oid
    ))
    when 'd' then format('create domain %s as %s%s%s%s', t.name,
        format_type(t.typbasetype, t.typtypmod),
        coalesce(' default ' || t.typdefault, ''),
        case when t.typnotnull then ' not null' else '' end,
        coalesce((
            select string_agg(format(' constraint %I %s', k.conname, pg_get_constraintdef(k.oid)), '')
            from pg_catalog.pg_constraint as k where k.contypid = t.oid and k.contype = 'c'
        ), ''))
    else format('create type %s as (%s)', t.name, (
        select string_agg(
            format('%I %s', a.attname, format_type(a.atttypid, a.atttypmod)), ', ' order by a.attnum
        )
        from pg_catalog.pg_attribute as a
        where a.attrelid = t.typrelid and a.attnum > 0 and not a.attisdropped
    )) end
from own_types as t
union all
select 50, format('sequence %I.%I', n.nspname, c.relname),
    format('create sequence %I.%I', n.nspname, c.relname)
from pg_catalog.pg_class as c
join pg_catalog.pg_namespace as n on n.oid = c.relnamespace
where c.relkind = 'S' and exists (
    select from pg_catalog.pg_depend as d
    join pg_catalog.pg_attrdef as a
        on d.classid = 'pg_catalog.pg_attrdef'::regclass and d.objid = a.oid
    where d.refclassid = 'pg_catalog.pg_class'::regclass and d.refobjid = c.oid
        and a.adrelid = any ({relations})
)
union all
select 60, 'function ' || f.name, pg_get_functiondef(f.oid)
from functions as f
union all
select 70, 'table ' || r.name, format('create table %s (%s)', r.name, (
    select string_agg(
        format('%I %s', a.attname, format_type(a.atttypid, a.atttypmod))
        || case when co.collname is not null and a.attcollation <> ty.typcollation
            then format(' collate %I.%I', cn.nspname, co.collname) else '' end
        || case
            when a.attgenerated = 's'
                then format(' generated always as (%s) stored', pg_get_expr(d.adbin, d.adrelid))
            when a.attidentity = 'a' then ' generated always as identity'
            when a.attidentity = 'd' then ' generated by default as identity'
            else coalesce(' default ' || pg_get_expr(d.adbin, d.adrelid), '')
        end
        || case when a.attnotnull then ' not null' else '' end,
        ', ' order by a.attnum
    )
    from pg_catalog.pg_attribute as a
    join pg_catalog.pg_type as ty on ty.oid = a.atttypid
    left join pg_catalog.pg_attrdef as d on d.adrelid = a.attrelid and d.adnum = a.attnum
    left join pg_catalog.pg_collation as co on co.oid = a.attcollation
    left join pg_catalog.pg_namespace as cn on cn.oid = co.collnamespace
    where a.attrelid = r.oid and a.attnum > 0 and not a.attisdropped
))
from relations as r
where r.relkind in ('r', 'p')
union all
select case k.contype when 'f' then 90 else 80 end, format('constraint %I on %s', k.conname, r.name),
    format('alter table %s add constraint %I %s', r.name, k.conname, pg_get_constraintdef(k.oid))
from pg_catalog.pg_constraint as k
join relations as r on r.oid = k.conrelid
where k.contype in ('p', 'u', 'c', 'x', 'f') and k.conparentid = 0
union all
select 85, 'index ' || x.indexrelid::regclass, pg_get_indexdef(x.indexrelid)
from pg_catalog.pg_index as x
join relations as r on r.oid = x.indrelid
where not exists (select from pg_catalog.pg_constraint as k where k.conindid = x.indexrelid
    and k.contype in ('p', 'u', 'x'))
union all
select 100, 'row security of ' || r.name, format('alter table %s enable row level security', r.name)
from relations as r where r.relrowsecurity
union all
select 101, 'forced row security of ' || r.name,
    format('alter table %s force row level security', r.name)
from relations as r where r.relforcerowsecurity
union all
select 110, format('policy %I on %s', p.policyname, r.name), format(
    'create policy %I on %s as %s for %s to %s%s%s', p.policyname, r.name, p.permissive, p.cmd,
    (select string_agg(case when u.role = 'public' then 'public' else quote_ident(u.role) end, ', ')
        from unnest(p.roles) as u (role)),
    case when p.qual is null then '' else format(' using (%s)', p.qual) end,
    case when p.with_check is null then '' else format(' with check (%s)', p.with_check) end
)
from pg_catalog.pg_policies as p
join relations as r on r.nspname = p.schemaname and r.relname = p.tablename
union all
select 120, format('trigger %I on %s', t.tgname, r.name), pg_get_triggerdef(t.oid)
from pg_catalog.pg_trigger as t
join relations as r on r.oid = t.tgrelid
where not t.tgisinternal and t.tgparentid = 0
    and t.tgfoid in (select f.oid from functions as f)
union all
select 125, format('state of trigger %I on %s', t.tgname, r.name), format(
    'alter table %s %s trigger %I', r.name,
    case t.tgenabled when 'D' then 'disable' when 'R' then 'enable replica' else 'enable always' end,
    t.tgname
)
from pg_catalog.pg_trigger as t
join relations as r on r.oid = t.tgrelid
where not t.tgisinternal and t.tgenabled <> 'O'
    and t.tgfoid in (select f.oid from functions as f)
union all
select 129, format('rights on sequence %I.%I', n.nspname, c.relname),
    format('alter sequence %I.%I owner to %s;', n.nspname, c.relname, c.relowner::regrole)
    || coalesce((
        select string_agg(format(
            ' grant %s on sequence %I.%I to %s;', a.privilege_type, n.nspname, c.relname,
            case when a.grantee = 0 then 'public' else a.grantee::regrole::text end
        ), '' order by a.grantee, a.privilege_type)
        from aclexplode(c.relacl) as a
        where a.grantee <> c.relowner
    ), '')
from pg_catalog.pg_class as c
join pg_catalog.pg_namespace as n on n.oid = c.relnamespace
where c.relkind = 'S' and exists (
    select from pg_catalog.pg_depend as d
    join pg_catalog.pg_attrdef as a
        on d.classid = 'pg_catalog.pg_attrdef'::regclass and d.objid = a.oid
    where d.refclassid = 'pg_catalog.pg_class'::regclass and d.refobjid = c.oid
        and a.adrelid = any ({relations})
)
union all
select 130, 'rights on table ' || r.name, format(
    'alter table %s owner to %s;', r.name, r.relowner::regrole
) || coalesce((
    select string_agg(format(
        ' grant %s on %s to %s%s;', a.privilege_type, r.name,
        case when a.grantee = 0 then 'public' else a.grantee::regrole::text end,
        case when a.is_grantable then ' with grant option' else '' end
    ), '' order by a.grantee, a.privilege_type)
    from aclexplode(r.relacl) as a
    where a.grantee <> r.relowner
), '')
from relations as r
where r.relkind in ('r', 'p')
union all
select 131, 'rights on function ' || f.name, format(
    'alter routine %s owner to %s;', f.name, f.proowner::regrole
) || case when f.proacl is null then '' else format(
    ' revoke all on routine %s from public, anon, authenticated, service_role;', f.name
) || coalesce((
    select string_agg(format(
        ' grant execute on routine %s to %s;', f.name,
        case when a.grantee = 0 then 'public' else a.grantee::regrole::text end
    ), '' order by a.grantee)
    from aclexplode(f.proacl) as a
    where a.grantee <> f.proowner
), '') end
from functions as f
union all
select 132, 'rights on schema ' || s.nspname, format(
    'alter schema %I owner to %s; ', s.nspname, s.nspowner::regrole
) || coalesce((
    select string_agg(format(
        'grant %s on schema %I to %s;', a.privilege_type, s.nspname,
        case when a.grantee = 0 then 'public' else a.grantee::regrole::text end
    ), ' ' order by a.grantee, a.privilege_type)
    from aclexplode(s.nspacl) as a
), '')
from schemas as s
order by 1, 2;
