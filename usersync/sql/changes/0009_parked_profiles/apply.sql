-- does: makes the table that keeps profiles without a user, whole, until they are put back
-- locks: none on tables of others
-- rerun: safe
create table if not exists {ours}.parked_profiles (
    id bigint generated always as identity primary key,
    at timestamptz not null default now(),
    run_id uuid not null,
    profile_table text not null,
    key uuid not null,
    profile jsonb not null,
    restored_at timestamptz
);
comment on table {ours}.parked_profiles is
    'Profiles whose user is gone, as repair.orphans took them out: each column as text.';
create index if not exists parked_profiles_key_idx on {ours}.parked_profiles (profile_table, key);
create index if not exists parked_profiles_run_id_idx on {ours}.parked_profiles (run_id);
alter table {ours}.parked_profiles enable row level security;
-- Says what no policy at all would mean too, and grants nothing: the owner is not asked.
drop policy if exists nobody on {ours}.parked_profiles;
create policy nobody on {ours}.parked_profiles using (false);
revoke all on {ours}.parked_profiles from public, anon, authenticated, service_role;
