-- asks: which rights that the journal says rights.grant gave are there still, just as it gave them
-- returns: one row a right; whether we can take it back: Postgres lets whoever gave it, and acts for
--   the owner of a table where it can; and whether its role has it from nobody else
-- cost: catalog only
select distinct format('%I.%I', n.nspname, c.relname) as "table", lower(a.privilege_type) as privilege,
    a.grantee::regrole::text as grantee, a.grantor::regrole::text as grantor,
    case
        when pg_has_role(c.relowner, 'usage') then a.grantor = c.relowner
        else a.grantor = current_user::regrole
    end as revocable,
    not pg_has_role(a.grantee, c.relowner, 'usage') and not exists (
        select from aclexplode(c.relacl) as b
        where b.privilege_type = a.privilege_type
            and (b.grantee, b.grantor) <> (a.grantee, a.grantor)
            and (b.grantee = 0 or pg_has_role(a.grantee, b.grantee, 'usage'))
    ) as lost
from jsonb_to_recordset({told}) as told (profile_table text, words text)
join pg_catalog.pg_class as c on c.relacl is not null
join pg_catalog.pg_namespace as n on n.oid = c.relnamespace
cross join aclexplode(c.relacl) as a
where format('%s.%s', n.nspname, c.relname) = regexp_replace(told.profile_table, '\([^(]*\)$', '')
    and told.words = {words} and not a.is_grantable
order by "table", grantee, privilege;
