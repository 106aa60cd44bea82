-- does: gives the new user another address
update auth.users
set email = {new_email}, email_change = '', updated_at = pg_catalog.now()
where id = {id};
