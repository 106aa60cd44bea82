-- asks: can what was written down about sign-ups be read here?
-- returns: one row; row security hides nothing from the owner alone
-- cost: catalog only
select exists (
    select from pg_catalog.pg_class as c
    where c.oid = to_regclass({failures_text}) and pg_has_role(c.relowner, 'usage')
) as readable;
