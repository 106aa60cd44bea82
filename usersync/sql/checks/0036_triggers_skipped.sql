-- asks: do the triggers fire for every role?
-- level: error
-- about: database
-- cost: catalog only
-- remedy: alter role NAME reset session_replication_role;
-- why: With session_replication_role = replica ordinary triggers do not fire: users come without
--   a profile.
select coalesce(r.rolname, 'every role') as subject,
    'session_replication_role is not origin' || coalesce(' in ' || d.datname, '') as detail
from pg_catalog.pg_db_role_setting as s
cross join unnest(s.setconfig) as c (setting)
left join pg_catalog.pg_roles as r on r.oid = s.setrole
left join pg_catalog.pg_database as d on d.oid = s.setdatabase
where c.setting ~ '^session_replication_role=(replica|local)'
    and (s.setdatabase = 0 or d.datname = current_database())
order by 1;
