-- asks: may this run be the only one of its kind on this target; holds it until the transaction ends
-- returns: one row; by transaction, so that it works behind every pooler
select pg_catalog.pg_try_advisory_xact_lock(
    pg_catalog.hashtextextended('usersync:target', 0)
) as ours;
