-- does: deletes the new user softly: address and phone become hashes, metadata goes
update auth.users
set
    email = {hash}, phone = left({hash}, 15), encrypted_password = null,
    deleted_at = pg_catalog.now(), updated_at = pg_catalog.now()
where id = {id};
update auth.users set raw_user_meta_data = '{{}}', raw_app_meta_data = '{{}}' where id = {id};
