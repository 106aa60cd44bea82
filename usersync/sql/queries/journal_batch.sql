-- asks: was this batch of this run committed, and what did it create
-- returns: at most one row
select (j.counts ->> 'created')::bigint as created
from {ours}.journal as j
where j.run_id = {run_id} and j.event = 'unit' and j.counts ->> 'batch' = {batch}
limit 1;
