-- does: takes the table of recorded failures out
-- locks: this table only
-- rerun: safe
-- loses: the recorded failures
drop table if exists {ours}.failures;
