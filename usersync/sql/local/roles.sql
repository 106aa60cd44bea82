-- The roles of a hosted Supabase project, once per cluster, run as the superuser supabase_admin.
--
-- What matters: postgres is no superuser and owns nothing in auth; it bypasses row security, and it
-- may set session_replication_role (hosted: supautils.privileged_role_allowed_configs).

create role anon nologin noinherit;
create role authenticated nologin noinherit;
create role service_role nologin noinherit bypassrls;

create role authenticator login noinherit;
grant anon, authenticated, service_role to authenticator;

create role supabase_auth_admin login noinherit;

create role postgres login createdb createrole replication bypassrls;
grant anon, authenticated, service_role, pg_read_all_data, pg_signal_backend to postgres;
grant set on parameter session_replication_role to postgres;

alter role anon set statement_timeout = '3s';
alter role authenticated set statement_timeout = '8s';
alter role authenticator set statement_timeout = '8s';
alter role authenticator set lock_timeout = '8s';
alter role supabase_auth_admin set search_path = auth;
alter role supabase_auth_admin set idle_in_transaction_session_timeout = '60s';
alter role postgres set search_path = "$user", public, extensions;

alter database postgres owner to postgres;
