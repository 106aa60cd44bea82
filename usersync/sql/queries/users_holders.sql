-- asks: which transactions hold a lock on auth.users that the change would have to wait for
-- returns: one row a transaction; what other roles run is not always shown to us
select
    l.pid,
    l.virtualtransaction as transaction,
    coalesce(a.application_name, '') as application,
    extract(epoch from pg_catalog.clock_timestamp() - a.xact_start)::float8 as age_s
from pg_catalog.pg_locks as l
left join pg_catalog.pg_stat_activity as a on a.pid = l.pid
where l.locktype = 'relation'
    and l.database = (select d.oid from pg_catalog.pg_database as d where d.datname = current_database())
    and l.relation = to_regclass('auth.users')
    and l.granted
    and l.pid is distinct from pg_backend_pid()
    and (l.mode not in ('AccessShareLock', 'RowShareLock') or {exclusive})
group by l.pid, l.virtualtransaction, a.application_name, a.xact_start
order by age_s desc nulls last, l.pid;
