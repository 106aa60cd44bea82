-- asks: which migrations of the Supabase CLI were pushed since a moment; their versions are times
-- returns: the first of them, in their order
select m.version || coalesce(' ' || (to_jsonb(m) ->> 'name'), '') as name
from supabase_migrations.schema_migrations as m
where m.version >= {since_version}
order by m.version
limit {limit};
