-- asks: is this text one expression over a row of auth.users?
-- In a WHERE clause neither aggregates nor functions that return sets are expressions, and
-- inside CASE a stray parenthesis or comma cannot pass; with LIMIT 0 it is planned, never run
-- (a function of the API may not EXPLAIN).
select 1
from auth.users as u
where (case when true then (
    {expression}
) end) is null
limit 0;
