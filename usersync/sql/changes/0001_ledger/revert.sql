-- does: takes the ledger out, and the schema when nothing else is in it
-- locks: the ledger only
-- rerun: safe
-- loses: the ledger
drop table if exists {ours}.ledger;
{drop_own_schema}
