-- asks: what these trigger functions are, with the statements that give a new one of the same text
--   its comment, its rights and its owner; and what would keep us from making one that is gone
-- returns: one row each; no definition where there is none
-- cost: catalog only
select
    wanted.function,
    pg_get_functiondef(f.oid) as definition,
    array_remove(
        array[
            format(
                'comment on function %s is %L',
                wanted.function, obj_description(f.oid, 'pg_proc')
            )
        ] || array(
            select format(
                'grant execute on function %s to %s%s', wanted.function,
                case a.grantee when 0 then 'public' else a.grantee::regrole::text end,
                case when a.is_grantable then ' with grant option' else '' end
            )
            from aclexplode(coalesce(f.proacl, acldefault('f', f.proowner))) as a
            order by 1
        ) || array(
            select format('alter function %s depends on extension %I', wanted.function, e.extname)
            from pg_catalog.pg_depend as d
            join pg_catalog.pg_extension as e on e.oid = d.refobjid
            where d.classid = 'pg_catalog.pg_proc'::regclass and d.objid = f.oid
                and d.refclassid = 'pg_catalog.pg_extension'::regclass and d.deptype = 'x'
            order by e.extname
        ) || format('alter function %s owner to %s', wanted.function, f.proowner::regrole),
        format('comment on function %s is NULL', wanted.function)
    ) as attributes,
    case
        when n.oid is null then format('there is no schema %I any more', wanted.schema)
        when not has_schema_privilege(n.oid, 'create')
            then format('we may make no function in the schema %I', n.nspname)
        when wanted.owner is null then ''
        when o.oid is null then format('there is no role %s any more', wanted.owner)
        when o.rolname = current_user then ''
        when not case
            when current_setting('server_version_num')::integer < 160000
                then pg_has_role(o.oid, 'member')
            else pg_has_role(o.oid, 'set')
        end then format('we may give nothing to its owner %I', o.rolname)
        when not has_schema_privilege(o.oid, n.oid, 'create')
            then format('its owner %I may make no function in the schema %I', o.rolname, n.nspname)
        else ''
    end as obstacle
from (
    select w.function, w.owner, (parse_ident(w.function, false))[1] as schema
    from unnest({functions}, {owners}) as w (function, owner)
) as wanted
left join pg_catalog.pg_proc as f on f.oid = to_regprocedure(wanted.function)
left join pg_catalog.pg_namespace as n on n.nspname = wanted.schema
left join pg_catalog.pg_roles as o on o.oid = to_regrole(wanted.owner);
