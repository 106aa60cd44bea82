-- does: makes an anonymous user a permanent one: the address first, the mark in an update of its own
update auth.users set email = {new_email}, updated_at = pg_catalog.now() where id = {id};
update auth.users set is_anonymous = false, updated_at = pg_catalog.now() where id = {id};
