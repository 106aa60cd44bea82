-- asks: does every source fit the type of its column?
-- It is planned, never run.
explain
select 1
from auth.users as u
where {values_are_null};
