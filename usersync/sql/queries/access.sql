-- asks: who we are here
-- returns: one row
select
    current_user as current_user,
    (select r.rolsuper from pg_catalog.pg_roles as r where r.rolname = current_user) as superuser,
    pg_catalog.current_setting('server_version') as server_version,
    exists (
        select from pg_catalog.pg_class as c
        join pg_catalog.pg_namespace as n on n.oid = c.relnamespace
        where n.nspname = {ours_text} and c.relname = 'journal'
            and has_schema_privilege(n.oid, 'usage') and has_table_privilege(c.oid, 'insert')
    ) as journal,
    exists (
        select from pg_catalog.pg_attribute as a
        join pg_catalog.pg_class as c on c.oid = a.attrelid
        join pg_catalog.pg_namespace as n on n.oid = c.relnamespace
        where n.nspname = {ours_text} and c.relname = 'journal' and a.attname = 'approver'
    ) as journal_names_approver;
