-- asks: which run over the API holds the lease of this target
-- returns: at most one row
select l.task as application, l.since
from {ours}.lease as l
where l.until >= clock_timestamp();
