-- pg_stat_statements in shape: it has counted nothing.

create view pg_stat_statements as
    select
        null::oid as userid, null::oid as dbid, null::boolean as toplevel, null::bigint as queryid,
        null::text as query, null::bigint as calls, null::double precision as total_exec_time,
        null::double precision as mean_exec_time, null::bigint as rows
    where false;
create function pg_stat_statements_reset() returns void language sql as $$ select $$;
