-- asks: what in this database is ours, by its schema, its name or what it calls; what of others stands
--   on it; and which functions and settings of others name it in their text, which Postgres does not
--   track
-- returns: one row a thing: what it is to us (ours, standing, naming), its kind, name and identity;
--   what it is a part of, and the word by which the text of a change may know it (of a paused
--   function: its source)
-- cost: catalog only
with space as (
    select n.oid, n.nspname, n.nspowner, n.nspacl
    from pg_catalog.pg_namespace as n
    where n.nspname = {ours_text}
),
member as (
    select d.classid, d.objid
    from pg_catalog.pg_depend as d
    join space as s on s.oid = d.refobjid
    where d.refclassid = 'pg_catalog.pg_namespace'::regclass
    union
    select 'pg_catalog.pg_proc'::regclass, f.oid
    from pg_catalog.pg_proc as f
    join pg_catalog.pg_namespace as n on n.oid = f.pronamespace
    where n.nspname = 'public' and f.proname like 'usersync\_%'
),
relation as (
    select c.oid, c.relname, c.relkind, c.relowner, c.relacl, c.reltype,
        format('%I.%I', n.nspname, c.relname) as name
    from pg_catalog.pg_class as c
    join pg_catalog.pg_namespace as n on n.oid = c.relnamespace
    join member as m on m.classid = 'pg_catalog.pg_class'::regclass and m.objid = c.oid
),
routine as (
    select f.oid, f.proname, f.prokind, f.proowner, f.proacl,
        format(
            '%I.%I(%s)', n.nspname, f.proname, pg_get_function_identity_arguments(f.oid)
        ) as name
    from pg_catalog.pg_proc as f
    join pg_catalog.pg_namespace as n on n.oid = f.pronamespace
    join member as m on m.classid = 'pg_catalog.pg_proc'::regclass and m.objid = f.oid
),
granted as (
    select 'schema' as kind, s.nspname::text as name, s.nspowner as owner, a.grantee, a.privilege_type
    from space as s
    cross join aclexplode(s.nspacl) as a
    union all
    select 'table', r.name, r.relowner, a.grantee, a.privilege_type
    from relation as r
    cross join aclexplode(r.relacl) as a
    union all
    select 'table', r.name, r.relowner, a.grantee, format('%s (%I)', a.privilege_type, t.attname)
    from relation as r
    join pg_catalog.pg_attribute as t on t.attrelid = r.oid and t.attnum > 0
    cross join aclexplode(t.attacl) as a
    union all
    select 'function', f.name, f.proowner, a.grantee, a.privilege_type
    from routine as f
    cross join aclexplode(f.proacl) as a
),
-- What depends on something of ours, and the relation that it is a part of, if it is a part of one.
dependent as (
    select d.classid, d.objid, d.objsubid,
        coalesce(w.ev_class, k.conrelid, p.polrelid, a.adrelid, x.indrelid, st.stxrelid) as part_of,
        w.ev_class is not null as is_rule
    from (
        select m.classid, m.objid from member as m
        union all
        select 'pg_catalog.pg_type'::regclass, t.oid
        from relation as r
        join pg_catalog.pg_type as t on t.oid = r.reltype or t.typelem = r.reltype
        where r.reltype <> 0
    ) as ours
    join pg_catalog.pg_depend as d
        on d.refclassid = ours.classid and d.refobjid = ours.objid and d.deptype in ('n', 'a')
    left join pg_catalog.pg_rewrite as w
        on d.classid = 'pg_catalog.pg_rewrite'::regclass and w.oid = d.objid
    left join pg_catalog.pg_constraint as k
        on d.classid = 'pg_catalog.pg_constraint'::regclass and k.oid = d.objid
    left join pg_catalog.pg_policy as p
        on d.classid = 'pg_catalog.pg_policy'::regclass and p.oid = d.objid
    left join pg_catalog.pg_attrdef as a
        on d.classid = 'pg_catalog.pg_attrdef'::regclass and a.oid = d.objid
    left join pg_catalog.pg_index as x
        on d.classid = 'pg_catalog.pg_class'::regclass and x.indexrelid = d.objid
    left join pg_catalog.pg_statistic_ext as st
        on d.classid = 'pg_catalog.pg_statistic_ext'::regclass and st.oid = d.objid
    where d.classid <> 'pg_catalog.pg_trigger'::regclass
)
select 'ours' as stance, 'schema' as kind, s.nspname::text as name, 'schema ' || s.nspname as identity,
    '' as part_of, s.nspname::text as word, 0::oid as oid, false as countable, null::bigint as size_bytes
from space as s
union all
select 'ours', case r.relkind when 'r' then 'table' else o.type end, r.name,
    format('%s %s', case r.relkind when 'r' then 'table' else o.type end, r.name), '', r.relname::text,
    r.oid, r.relkind in ('r', 'p', 'm') and pg_has_role(r.relowner, 'usage'),
    case when r.relkind in ('r', 'p', 'm') then pg_total_relation_size(r.oid) end
from relation as r
cross join lateral pg_identify_object('pg_catalog.pg_class'::regclass, r.oid, 0) as o
where not exists (
    -- A sequence behind a column goes where its table goes.
    select from pg_catalog.pg_depend as d
    where d.classid = 'pg_catalog.pg_class'::regclass and d.objid = r.oid
        and d.refclassid = 'pg_catalog.pg_class'::regclass and d.refobjsubid > 0 and r.relkind = 'S'
)
union all
select 'ours', case f.prokind when 'f' then 'function' else o.type end, f.name,
    format('%s %s', case f.prokind when 'f' then 'function' else o.type end, f.name), '',
    f.proname::text, 0, false, null
from routine as f
cross join lateral pg_identify_object('pg_catalog.pg_proc'::regclass, f.oid, 0) as o
union all
select 'ours', o.type, o.identity, format('%s %s', o.type, o.identity), '',
    coalesce(o.name, o.identity), 0, false, null
from member as m
cross join lateral pg_identify_object(m.classid, m.objid, 0) as o
where m.classid not in ('pg_catalog.pg_class'::regclass, 'pg_catalog.pg_proc'::regclass)
union all
select 'ours', 'trigger', format('%I on %I.%I', t.tgname, n.nspname, c.relname),
    format('trigger %I on %I.%I', t.tgname, n.nspname, c.relname), '', t.tgname::text, 0, false, null
from pg_catalog.pg_trigger as t
join routine as f on f.oid = t.tgfoid
join pg_catalog.pg_class as c on c.oid = t.tgrelid
join pg_catalog.pg_namespace as n on n.oid = c.relnamespace
where not t.tgisinternal
union all
select 'ours', 'trigger', format('%I on %s', t.tgname, r.name),
    format('trigger %I on %s', t.tgname, r.name), 'table ' || r.name, t.tgname::text, 0, false, null
from pg_catalog.pg_trigger as t
join relation as r on r.oid = t.tgrelid
where not t.tgisinternal and t.tgfoid not in (select f.oid from routine as f)
union all
select 'ours', 'policy', format('%I on %s', p.polname, r.name),
    format('policy %I on %s', p.polname, r.name), 'table ' || r.name, p.polname::text, 0, false, null
from pg_catalog.pg_policy as p
join relation as r on r.oid = p.polrelid
union all
select 'ours', 'index', o.identity, 'index ' || o.identity, 'table ' || r.name, '', 0, false,
    pg_relation_size(x.indexrelid)
from pg_catalog.pg_index as x
join relation as r on r.oid = x.indrelid
cross join lateral pg_identify_object('pg_catalog.pg_class'::regclass, x.indexrelid, 0) as o
union all
select 'ours', 'grant', format(
        '%s on %s %s to %s', string_agg(lower(g.privilege_type), ', ' order by g.privilege_type),
        g.kind, g.name, case when g.grantee = 0 then 'public' else g.grantee::regrole::text end
    ), '', format('%s %s', g.kind, g.name),
    case when g.grantee = 0 then 'public' else g.grantee::regrole::text end, 0, false, null
from granted as g
where g.grantee <> g.owner
group by g.kind, g.name, g.grantee
union all
select 'ours', 'paused function', o.identity, '', '', f.prosrc, 0, false, null
from pg_catalog.pg_proc as f
cross join lateral pg_identify_object('pg_catalog.pg_proc'::regclass, f.oid, 0) as o
where f.prosrc like {paused_like} and f.oid not in (select r.oid from routine as r)
union all
select 'ours', 'ledger elsewhere', o.identity, '', '', '', 0, false, null
from pg_catalog.pg_class as c
cross join lateral pg_identify_object('pg_catalog.pg_class'::regclass, c.oid, 0) as o
where c.relname = 'ledger' and c.relkind = 'r'
    and c.oid not in (select r.oid from relation as r)
    and obj_description(c.oid, 'pg_class') like 'What usersync installed:%'
union all
select distinct 'standing', o.type, o.identity, '', '', '', 0::oid, false, null::bigint
from dependent as d
cross join lateral pg_identify_object(
    case when d.is_rule then 'pg_catalog.pg_class'::regclass else d.classid end,
    case when d.is_rule then d.part_of else d.objid end,
    case when d.is_rule then 0 else d.objsubid end
) as o
where coalesce(d.part_of, 0) not in (select r.oid from relation as r)
    and not exists (
        select from member as m where m.classid = d.classid and m.objid = d.objid
    )
union all
select 'naming', 'function', o.identity, '', '', '', 0, false, null
from pg_catalog.pg_proc as f
cross join lateral pg_identify_object('pg_catalog.pg_proc'::regclass, f.oid, 0) as o
where f.oid not in (select r.oid from routine as r)
    and f.prosrc not like {paused_like}
    and (
        strpos(f.prosrc, {ours_text} || '.') > 0
        or strpos(f.prosrc, quote_ident({ours_text}) || '.') > 0
        or strpos(f.prosrc, format('"%s".', {ours_text})) > 0
        -- An expression for each of ours and each function there is takes more than a second.
        or f.prosrc like '%usersync\_%' and exists (
            select from routine as r
            where r.name like 'public.%' and f.prosrc ~ format('\m%s\M', r.proname)
        )
    )
union all
select 'naming', 'setting', split_part(one, '=', 1) || coalesce(' of role ' || quote_ident(r.rolname), '')
        || coalesce(' in database ' || quote_ident(d.datname), ''),
    '', '', '', 0, false, null
from pg_catalog.pg_db_role_setting as s
left join pg_catalog.pg_roles as r on r.oid = s.setrole
left join pg_catalog.pg_database as d on d.oid = s.setdatabase
cross join unnest(s.setconfig) as one
where (s.setdatabase = 0 or d.datname = current_database())
    and one ~ format('^(search_path|pgrst\.db_.*)=.*\m%s\M', {ours_text})
order by 1, 2, 3;
