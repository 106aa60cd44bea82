-- asks: are the profile tables there?
-- level: error
-- cost: catalog only
-- remedy: migration.apply --create-table
select wanted.name as subject, 'the table is missing' as detail
from unnest({new_table_names}) as wanted (name)
where to_regclass(wanted.name) is null
order by wanted.name;
