-- does: finds out whether a user became permanent in this transaction: the Auth server may clear the
--   mark first and write the address in an update of its own (supabase/auth, internal/api/verify.go)
if old.is_anonymous and not new.is_anonymous then
    became_permanent := true;
    perform pg_catalog.set_config('usersync.became_permanent', new.id::text, true);
else
    became_permanent :=
        pg_catalog.current_setting('usersync.became_permanent', true) is not distinct from new.id::text;
end if;
