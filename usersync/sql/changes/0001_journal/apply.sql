-- does: makes the schema of usersync and its journal, which only its owner may read or write
-- locks: none on tables of others
-- rerun: safe
create schema if not exists usersync;
revoke all on schema usersync from public;

create table if not exists usersync.journal (
    id bigint generated always as identity primary key,
    at timestamptz not null,
    run_id uuid not null,
    event text not null check (event in ('started', 'unit', 'ended')),
    task text not null,
    target text not null,
    profile_table text not null default '',
    actor text not null default '',
    reason text not null default '',
    run_url text not null default '',
    tool_version text not null default '',
    database_user text not null default current_user,
    digest text not null default '',
    counts jsonb not null default '{}',
    user_ids uuid[] not null default '{}',
    exit_code integer
);
comment on table usersync.journal is
    'Append-only: what usersync changed, one row at the start, per committed unit and at the end.';
create index if not exists journal_digest_idx on usersync.journal (digest) where digest <> '';
alter table usersync.journal enable row level security;
revoke all on usersync.journal from public, anon, authenticated, service_role;
