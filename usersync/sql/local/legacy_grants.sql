-- The grants of projects from before 2026-05-30 (until 2026-10-30), run as supabase_admin: whatever
-- postgres creates in public is open to the API roles. Later projects have no such rule.

alter default privileges for role postgres in schema public
    grant all on tables to anon, authenticated, service_role;
alter default privileges for role postgres in schema public
    grant all on sequences to anon, authenticated, service_role;
alter default privileges for role postgres in schema public
    grant all on functions to anon, authenticated, service_role;
