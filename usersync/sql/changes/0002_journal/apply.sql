-- does: makes the journal, which says what was changed, when and by whom, and the lease of a run
-- locks: none on tables of others
-- rerun: safe
create table if not exists {ours}.journal (
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
    counts jsonb not null default '{{}}',
    user_ids uuid[] not null default '{{}}',
    exit_code integer,
    commit_sha text not null default '',
    approver text not null default ''
);
-- A journal that an earlier usersync made gets what it had not.
alter table {ours}.journal
    add column if not exists commit_sha text not null default '',
    add column if not exists approver text not null default '';
comment on table {ours}.journal is
    'Append-only: what usersync changed, one row at the start, per committed unit and at the end.';
create index if not exists journal_digest_idx on {ours}.journal (digest) where digest <> '';
alter table {ours}.journal enable row level security;
-- Says what no policy at all would mean too, and grants nothing: the owner is not asked.
drop policy if exists nobody on {ours}.journal;
create policy nobody on {ours}.journal using (false);
revoke all on {ours}.journal from public, anon, authenticated, service_role;
-- What was written stays: only journal.forget and the retention say otherwise, in their transaction.
create or replace function {ours}.journal_keeps() returns trigger
language plpgsql
set search_path = ''
as $$
begin
    if pg_catalog.current_setting('usersync.journal_forgets', true) is distinct from 'on' then
        raise exception 'the journal of usersync is append-only'
            using errcode = 'insufficient_privilege', hint = 'journal.forget, journal.retention_days';
    end if;
    if tg_op = 'UPDATE' then
        return new;
    end if;
    return old;
end
$$;
revoke all on function {ours}.journal_keeps() from public, anon, authenticated, service_role;
create or replace trigger journal_keeps before update or delete on {ours}.journal
for each row execute function {ours}.journal_keeps();
create or replace trigger journal_keeps_all before truncate on {ours}.journal
for each statement execute function {ours}.journal_keeps();
create table if not exists {ours}.lease (
    the_only boolean primary key default true check (the_only),
    holder uuid not null,
    task text not null,
    since timestamptz not null,
    until timestamptz not null
);
comment on table {ours}.lease is
    'At most one row: the run over the API that wants no other beside it; nobody''s after until.';
alter table {ours}.lease enable row level security;
drop policy if exists nobody on {ours}.lease;
create policy nobody on {ours}.lease using (false);
revoke all on {ours}.lease from public, anon, authenticated, service_role;
