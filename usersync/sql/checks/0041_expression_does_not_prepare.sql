-- asks: does every sql: value of usersync.yaml still mean something to Postgres?
-- level: error
-- about: table
-- cost: catalog only
-- remedy: correct it under columns: in usersync.yaml
-- why: A function or column that it names is gone: every creation would fail.
select broken.name as subject, broken.reason as detail
from unnest({broken_columns}, {broken_reasons}) as broken (name, reason)
order by 1;
