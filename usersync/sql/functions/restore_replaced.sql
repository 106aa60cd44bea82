-- does: puts back the app's trigger whose place ours took, and its function where that is gone, with
--   its rights; what others changed since, or put in our place, is left as it is
declare
    names_in constant text := current_setting('search_path');
    checks_in constant text := current_setting('check_function_bodies');
    -- As the catalog printed it: names without a schema were found there then.
    names_then constant text := {search_path};
    function constant text := {function_text};
    definition constant text := {function_definition};
    trigger_definition constant text := {trigger_definition};
    trigger_name constant text := {trigger_text};
    ours constant text := {ours_text};
    attributes constant text[] := {attributes};
    given text[] := '{{}}';
    one record;
    statement text;
begin
    if exists (
        select from pg_catalog.pg_trigger as t
        where t.tgrelid = 'auth.users'::regclass and t.tgname = trigger_name
            and t.tgfoid is distinct from to_regprocedure(ours)
    ) then
        return;
    end if;
    perform set_config('search_path', names_then, true);
    -- With a mistake in it, too, it comes back as it was.
    perform set_config('check_function_bodies', 'off', true);
    if to_regprocedure(function) is null then
        execute definition;
        -- The default rights of a new function are not what the old one had.
        for one in
            select
                format(
                    'grant execute on function %s to %s%s', function, a.grantee_name,
                    case when a.is_grantable then ' with grant option' else '' end
                ) as given,
                format('revoke all on function %s from %s', function, a.grantee_name) as taken
            from pg_catalog.pg_proc as f
            cross join lateral (
                select
                    case x.grantee when 0 then 'public' else x.grantee::regrole::text end
                        as grantee_name,
                    x.is_grantable
                from aclexplode(coalesce(f.proacl, acldefault('f', f.proowner))) as x
            ) as a
            where f.oid = to_regprocedure(function)
        loop
            if cardinality(attributes) > 0 and one.given <> all (attributes) then
                execute one.taken;
            else
                given := given || one.given;
            end if;
        end loop;
        foreach statement in array attributes loop
            continue when statement = any (given);
            begin
                execute statement;
            exception when undefined_object then
                -- A role that is gone has no rights; without its owner it would be another function.
                if statement like '% owner to %' then
                    raise;
                end if;
            end;
        end loop;
    end if;
    execute trigger_definition;
    perform set_config('search_path', names_in, true);
    perform set_config('check_function_bodies', checks_in, true);
end
