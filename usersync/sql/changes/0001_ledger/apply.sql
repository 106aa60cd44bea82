-- does: makes the schema of usersync and its ledger, which says what was installed and how to undo it
-- locks: none on tables of others
-- rerun: safe
create schema if not exists {ours};
revoke all on schema {ours} from public, anon, authenticated, service_role;

create table if not exists {ours}.ledger (
    change text primary key,
    applied_at timestamptz not null default now(),
    applied_by text not null default current_user,
    tool_version text not null,
    configuration text not null,
    apply_text text not null,
    revert_text text not null,
    objects jsonb not null default '{{}}'
);
comment on table {ours}.ledger is
    'What usersync installed: one row a change, with the statements that undo it.';
alter table {ours}.ledger enable row level security;
-- Says what no policy at all would mean too, and grants nothing: the owner is not asked.
drop policy if exists nobody on {ours}.ledger;
create policy nobody on {ours}.ledger using (false);
revoke all on {ours}.ledger from public, anon, authenticated, service_role;
