-- does: makes an anonymous user a permanent one by an identity: its address and metadata, the mark,
--   the provider, each in an update of its own (supabase/auth, internal/api/identity.go)
update auth.users
set raw_user_meta_data = {identity_metadata}::jsonb, updated_at = pg_catalog.now()
where id = {id};
update auth.users set email = {new_email}, updated_at = pg_catalog.now() where id = {id};
update auth.users set email_confirmed_at = pg_catalog.now() where id = {id};
update auth.users set is_anonymous = false, updated_at = pg_catalog.now() where id = {id};
update auth.users
set raw_app_meta_data = '{{"provider": "google", "providers": ["google"]}}'
where id = {id};
