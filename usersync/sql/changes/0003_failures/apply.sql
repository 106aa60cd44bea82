-- does: makes the table of profiles that could not be made or kept equal during a sign-up
-- locks: none on tables of others
-- rerun: safe
create table if not exists {ours}.failures (
    id bigint generated always as identity primary key,
    at timestamptz not null default now(),
    user_id uuid not null,
    profile_table text not null,
    trigger_name text not null,
    sqlstate text not null,
    constraint_name text not null default '',
    column_name text not null default ''
);
comment on table {ours}.failures is
    'Sign-ups that went on although their profile could not be made; no value of any user.';
create index if not exists failures_user_id_idx on {ours}.failures (user_id);
alter table {ours}.failures enable row level security;
-- Says what no policy at all would mean too, and grants nothing: the owner is not asked.
drop policy if exists nobody on {ours}.failures;
create policy nobody on {ours}.failures using (false);
revoke all on {ours}.failures from public, anon, authenticated, service_role;
