-- asks: whether there is pg_cron, and this role may read its jobs
-- returns: one row
-- cost: catalog only
select coalesce(
    has_schema_privilege(to_regnamespace('cron'), 'usage')
        and has_table_privilege(to_regclass('cron.job'), 'select'),
    false
) as readable;
