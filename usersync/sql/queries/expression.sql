-- asks: is this text one expression over a row of auth.users?
-- In a WHERE clause neither aggregates nor functions that return sets are expressions, and
-- inside CASE a stray parenthesis or comma cannot pass; it is planned, never run.
explain
select 1
from auth.users as u
where (case when true then (
    {expression}
) end) is null;
