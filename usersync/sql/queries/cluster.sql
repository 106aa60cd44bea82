-- asks: which cluster this is; a copy by pg_dump, and a new one at an old address, is another
-- returns: one row
-- cost: one file of the server
select c.system_identifier as cluster
from pg_catalog.pg_control_system() as c;
