-- does: makes an anonymous user a permanent one by e-mail: the mark first, the address in an update of
--   its own (supabase/auth, internal/api/verify.go)
update auth.users set is_anonymous = false, updated_at = pg_catalog.now() where id = {id};
update auth.users
set email = {new_email}, email_change = '', updated_at = pg_catalog.now()
where id = {id};
