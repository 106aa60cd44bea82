-- does: ends a session whose transaction holds a lock on auth.users; its transaction is rolled back
-- returns: one row; ended is null when no such session holds one any more
select (
    select pg_catalog.pg_terminate_backend(l.pid)
    from pg_catalog.pg_locks as l
    where l.locktype = 'relation' and l.relation = to_regclass('auth.users')
        and l.granted and l.pid = {pid} and l.pid <> pg_catalog.pg_backend_pid()
    limit 1
) as ended;
