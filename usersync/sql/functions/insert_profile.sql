-- does: makes the profile of the user whom a trigger tells of
insert into {profiles} ({columns})
select {values}
from (select new.*) as u
where {needs_profile}
on conflict ({key}) do nothing;
