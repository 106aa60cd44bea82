-- does: takes the table of parked profiles out
-- locks: this table only
-- rerun: safe
-- loses: the parked profiles
drop table if exists {ours}.parked_profiles;
