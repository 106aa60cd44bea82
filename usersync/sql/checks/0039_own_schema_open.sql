-- asks: is the schema of usersync closed to the API?
-- level: error
-- about: database
-- cost: catalog only
-- remedy: migration.apply
-- without: revoke usage on the schema that install.schema names from anon and authenticated
-- why: Its journal and its failures hold user ids.
select r.rolname as subject, 'may use the schema' as detail
from pg_catalog.pg_roles as r
join pg_catalog.pg_namespace as n on n.nspname = {ours_text}
where r.rolname in ('anon', 'authenticated') and has_schema_privilege(r.oid, n.oid, 'usage')
order by 1;
