-- does: takes the lease of this target for a run over the API, keeps it, or, for 0 seconds, lets it go
-- input: {{"holder": run id, "task": text, "seconds": n}}
-- output: {{"ours": boolean, "task": text, "since": moment, "pid": n}}: who has it
-- The lock that a run over a connection holds comes first: it is tried, and let go with this call.
declare
    given constant interval := make_interval(secs => least(coalesce((input ->> 'seconds')::float8, 0), 3600));
begin
    output := (
        select jsonb_build_object(
            'ours', false, 'task', running.application, 'since', running.since, 'pid', running.pid
        )
        from (
            {running}
        ) as running
    );
    if given <= interval '0' then
        delete from {ours}.lease as l where l.holder = (input ->> 'holder')::uuid;
    elsif pg_try_advisory_xact_lock(pg_catalog.hashtextextended('usersync:target', 0)) then
        insert into {ours}.lease as l (holder, task, since, until)
        values (
            (input ->> 'holder')::uuid, input ->> 'task', clock_timestamp(),
            clock_timestamp() + given
        )
        on conflict (the_only) do update
        set
            holder = excluded.holder,
            task = excluded.task,
            since = case when l.holder = excluded.holder then l.since else excluded.since end,
            until = excluded.until
        where l.holder = excluded.holder or l.until < clock_timestamp();
        output := (
            select jsonb_build_object(
                'ours', l.holder = (input ->> 'holder')::uuid, 'task', l.task, 'since', l.since
            )
            from {ours}.lease as l
        );
    end if;
    output := coalesce(output, jsonb_build_object('ours', false));
end;
