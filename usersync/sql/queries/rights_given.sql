-- asks: which rights stand on tables where the journal says rights.grant gave such to the same role
-- returns: one row a right; whether it is for certain what was given: on that very table, whatever it
--   is called by now, and just as told; whether we can take it back: Postgres lets whoever gave it,
--   and acts for the owner of a table where it can; and whether its role has it from nobody else
-- cost: catalog only
select distinct format('%I.%I', n.nspname, c.relname) as "table", lower(a.privilege_type) as privilege,
    a.grantee::regrole::text as grantee, a.grantor::regrole::text as grantor,
    known.oid is not null and told.words = {words} and not a.is_grantable as certain,
    has_schema_privilege(n.oid, 'usage') and case
        when pg_has_role(c.relowner, 'usage') then a.grantor = c.relowner
        else a.grantor = current_user::regrole
    end as revocable,
    not pg_has_role(a.grantee, c.relowner, 'usage') and not exists (
        select from aclexplode(c.relacl) as b
        where b.privilege_type = a.privilege_type
            and (b.grantee, b.grantor) <> (a.grantee, a.grantor)
            and (b.grantee = 0 or pg_has_role(a.grantee, b.grantee, 'usage'))
    ) as lost
from jsonb_to_recordset({told}) as told (profile_table text, words text, table_oid oid, is_here boolean)
left join pg_catalog.pg_class as known on known.oid = told.table_oid and told.is_here
-- Where that table is unknown, what is there under its number or its name may have come from it.
join (
    pg_catalog.pg_class as c join pg_catalog.pg_namespace as n on n.oid = c.relnamespace
) on c.relacl is not null and (
    c.oid = known.oid or known.oid is null and (
        c.oid = told.table_oid
        or format('%s.%s', n.nspname, c.relname) = regexp_replace(told.profile_table, '\([^(]*\)$', '')
    )
)
cross join aclexplode(c.relacl) as a
where starts_with(told.words, format('%s to %s by ', lower(a.privilege_type), a.grantee::regrole))
order by "table", grantee, privilege;
