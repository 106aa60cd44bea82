-- does: takes the table of the journal out
-- locks: this table only
-- rerun: safe
-- loses: the journal
drop table if exists {ours}.journal;
drop function if exists {ours}.journal_keeps();
