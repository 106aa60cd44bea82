-- does: removes the lines of the journal that are older than they are kept; those that tell of rights
--   stay, since uninstall takes these back
delete from {ours}.journal
where at < pg_catalog.now() - make_interval(days => {days})
    and not (event = 'unit' and counts ?| array['granted', 'rights.grant']);
