-- does: makes the table that keeps what was overwritten or removed, so that it can be put back
-- locks: none on tables of others
-- rerun: safe
create table if not exists {ours}.before_images (
    id bigint generated always as identity primary key,
    at timestamptz not null default now(),
    run_id uuid not null,
    object text not null,
    key text not null default '',
    image jsonb not null
);
comment on table {ours}.before_images is
    'What was there before usersync changed it: rows of profile tables, definitions of functions.';
create index if not exists before_images_run_id_idx on {ours}.before_images (run_id);
alter table {ours}.before_images enable row level security;
-- Says what no policy at all would mean too, and grants nothing: the owner is not asked.
drop policy if exists nobody on {ours}.before_images;
create policy nobody on {ours}.before_images using (false);
revoke all on {ours}.before_images from public, anon, authenticated, service_role;
