-- does: lets this transaction, and no other, change lines of the journal
select pg_catalog.set_config('usersync.journal_forgets', 'on', true);
