-- asks: which rights on a table somebody has, each in the words of the journal
-- returns: one row a right that may not be passed on, with the number of the table
-- cost: catalog only
select {words} as words, c.oid::bigint as table_oid
from pg_catalog.pg_class as c
cross join aclexplode(coalesce(c.relacl, acldefault('r', c.relowner))) as a
where c.oid = to_regclass({profiles_text}) and not a.is_grantable;
