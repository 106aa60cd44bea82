-- does: shuts the role out, as a rotated password does; two people sign up meanwhile
insert into auth.users (
    id, instance_id, aud, role, email, created_at, raw_app_meta_data,
    confirmation_token, recovery_token, email_change, email_change_token_new
)
select
    gen_random_uuid(), '00000000-0000-0000-0000-000000000000', 'authenticated', 'authenticated',
    format('drill-%s@example.com', n), now() - make_interval(mins => n),
    '{"provider": "email", "providers": ["email"]}', '', '', '', ''
from generate_series(1, 2) as n;
alter role postgres nologin;
