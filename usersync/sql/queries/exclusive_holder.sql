-- asks: which run holds the lock of this target, and since when
-- returns: at most one row; application_name says who
select
    a.pid,
    coalesce(nullif(a.application_name, ''), 'usersync') as application,
    a.xact_start as since
from pg_catalog.pg_locks as l
join pg_catalog.pg_stat_activity as a on a.pid = l.pid
where l.locktype = 'advisory' and l.granted
    and l.database = (select d.oid from pg_catalog.pg_database as d where d.datname = current_database())
    and (l.classid::bigint << 32 | l.objid::bigint)
        = pg_catalog.hashtextextended('usersync:target', 0)
limit 1;
