-- asks: on which profile tables rights.grant gave rights
-- returns: one row a table
select distinct j.profile_table
from {ours}.journal as j
where j.task = 'rights.grant' and j.event = 'unit' and j.profile_table <> ''
order by j.profile_table;
