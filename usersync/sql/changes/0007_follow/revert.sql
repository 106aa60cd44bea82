-- does: takes the trigger out, by dropping its function
-- locks: auth.users, in ACCESS EXCLUSIVE mode
-- rerun: safe
-- loses: nothing
drop function if exists {follow_function} cascade;
