-- asks: how many rows a table has, and what stands for all of them in any order
-- returns: one row
-- cost: one scan
select
    count(*) as rows,
    coalesce(sum(pg_catalog.hashtextextended(t::text, 0)::numeric), 0)::text as digest
from {table} as t;
