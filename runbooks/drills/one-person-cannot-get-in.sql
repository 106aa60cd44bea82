-- does: one person signs up and loses the profile again
insert into auth.users (
    id, instance_id, aud, role, email, email_confirmed_at, created_at, updated_at,
    raw_app_meta_data,
    confirmation_token, recovery_token, email_change, email_change_token_new
)
values (
    '0b5e55ed-0000-4000-8000-000000000001', '00000000-0000-0000-0000-000000000000',
    'authenticated', 'authenticated', 'drill-1@example.com', now(), now(), now(),
    '{"provider": "email", "providers": ["email"]}', '', '', '', ''
);
delete from public.user_profiles where user_id = '0b5e55ed-0000-4000-8000-000000000001';
