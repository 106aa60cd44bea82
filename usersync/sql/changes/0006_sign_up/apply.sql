-- does: makes the trigger that gives every new user a profile; a failure is recorded or blocks
-- locks: auth.users, in SHARE ROW EXCLUSIVE mode, for the trigger
-- rerun: safe
create or replace function {sign_up_function} returns trigger
language plpgsql
security definer
set search_path = ''
{sign_up_patience}as {sign_up_body};
comment on function {sign_up_function} is
    'Makes the profile of a new user; installed by usersync, which keeps it in its ledger.';
revoke all on function {sign_up_function} from public, anon, authenticated, service_role;
create or replace trigger {trigger}
    after insert on auth.users
    for each row execute function {sign_up_function};
