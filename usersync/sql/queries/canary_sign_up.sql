-- does: writes a new user as the Auth server does: the role is set by an update of its own
insert into auth.users (
    instance_id, id, aud, role, email, phone, encrypted_password, confirmation_token,
    recovery_token, email_change, email_change_token_new, raw_app_meta_data, raw_user_meta_data,
    created_at, updated_at, is_anonymous
) values (
    '00000000-0000-0000-0000-000000000000', {id}, 'authenticated', '', {email}, {phone}, '', '',
    '', '', '', {app_metadata}::jsonb, {user_metadata}::jsonb,
    pg_catalog.now(), pg_catalog.now(), {is_anonymous}
);
update auth.users set role = 'authenticated', updated_at = pg_catalog.now() where id = {id};
