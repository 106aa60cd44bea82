-- does: makes the trigger that follows changes of users: who becomes permanent gets a profile, and
--   the columns under follow: stay equal; no failure of it ever stops a change
-- locks: auth.users, in SHARE ROW EXCLUSIVE mode, for the trigger
-- rerun: safe
create or replace function {follow_function} returns trigger
language plpgsql
security definer
set search_path = ''
set lock_timeout = {patience}
as {follow_body};
comment on function {follow_function} is
    'Follows changes of users in their profiles; installed by usersync, which keeps it in its ledger.';
revoke all on function {follow_function} from public, anon, authenticated, service_role;
create or replace trigger {follow_trigger}
    after update{follow_columns} on auth.users
    for each row when ({follow_condition})
    execute function {follow_function};
