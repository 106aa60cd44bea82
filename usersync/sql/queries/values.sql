-- asks: does every source fit the type of its column?
-- It is prepared, never run.
select 1
from auth.users as u
where {values_are_null};
