-- asks: who we are here
-- returns: one row
select
    current_user as current_user,
    pg_catalog.current_setting('server_version') as server_version,
    pg_catalog.current_setting('is_superuser') = 'on' as superuser,
    pg_catalog.pg_is_in_recovery() as in_recovery,
    to_regclass('auth.users') is not null as auth_users,
    to_regclass('usersync.journal') is not null as journal;
