-- does: removes the lines of the journal that are older than they are kept
delete from {ours}.journal
where at < pg_catalog.now() - make_interval(days => {days});
