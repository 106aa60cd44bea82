-- asks: how many rows this transaction has written so far, in all tables, rolled back or not
-- returns: one row
select coalesce(sum(s.n_tup_ins + s.n_tup_upd), 0)::bigint as rows
from pg_catalog.pg_stat_xact_user_tables as s;
