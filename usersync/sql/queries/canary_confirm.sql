-- does: confirms the new user and lets them sign in
update auth.users
set
    email_confirmed_at = case when email is not null then pg_catalog.now() end,
    phone_confirmed_at = case when phone is not null then pg_catalog.now() end,
    updated_at = pg_catalog.now()
where id = {id};
update auth.users set last_sign_in_at = pg_catalog.now() where id = {id};
