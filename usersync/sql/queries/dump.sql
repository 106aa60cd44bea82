-- asks: what a table holds, before it is dropped
-- returns: one row a row, as JSON text
select to_jsonb(t)::text as line
from {table} as t;
