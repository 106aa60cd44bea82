-- asks: what the ledger holds; as jsonb, so that the ledger of another version can be read too
-- returns: one row a change, in their order
select to_jsonb(l) as entry
from {ours}.ledger as l
order by l.change;
