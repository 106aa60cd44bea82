-- asks: is the profile table broadcast to nobody?
-- level: info
-- about: table
-- cost: catalog only
-- remedy: alter publication supabase_realtime drop table TABLE; unless the app listens to it
-- why: A sync of many users sends as many messages to everybody who listens.
select p.pubname as subject, 'every change of the table is published' as detail
from pg_catalog.pg_publication_tables as p
where p.pubname = 'supabase_realtime' and p.schemaname = {schema_text} and p.tablename = {table_text}
order by 1;
