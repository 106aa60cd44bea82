-- does: makes an anonymous user a permanent one by phone: the number first, the mark in an update of
--   its own (supabase/auth, internal/api/verify.go)
update auth.users
set phone = {new_phone}, phone_change = '', phone_confirmed_at = pg_catalog.now()
where id = {id};
update auth.users set is_anonymous = false, updated_at = pg_catalog.now() where id = {id};
