-- does: takes the tables of the journal and of the lease out
-- locks: these tables only
-- rerun: safe
-- loses: the journal
drop table if exists {ours}.lease;
drop table if exists {ours}.journal;
drop function if exists {ours}.journal_keeps();
