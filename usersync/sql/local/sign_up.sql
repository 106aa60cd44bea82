-- One sign-up as the Auth server writes it. Parameter: email.
insert into auth.users (
    instance_id, id, aud, role, email, encrypted_password, confirmation_token, recovery_token,
    email_change, email_change_token_new, raw_app_meta_data, raw_user_meta_data, created_at,
    updated_at
) values (
    '00000000-0000-0000-0000-000000000000', gen_random_uuid(), 'authenticated', 'authenticated',
    %(email)s, '', '', '', '', '', '{"provider": "email", "providers": ["email"]}', '{}', now(),
    now()
)
returning id;
