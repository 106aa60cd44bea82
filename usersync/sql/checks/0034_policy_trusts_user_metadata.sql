-- asks: does no policy of the profile table trust what users write themselves?
-- level: error
-- about: table
-- cost: catalog only
-- remedy: use app_metadata, or a column that users may not change
-- why: Users may change their user_metadata as they like (lint 0015).
select p.policyname as subject, 'it reads user_metadata' as detail
from pg_catalog.pg_policies as p
where p.schemaname = {schema_text} and p.tablename = {table_text}
    and concat(p.qual, ' ', p.with_check) ~ 'user_metadata'
order by 1;
