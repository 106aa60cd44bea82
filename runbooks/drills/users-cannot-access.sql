-- does: users sign up while nothing makes their profile, as after a schema squash lost the trigger
alter table auth.users disable trigger user;
insert into auth.users (
    id, instance_id, aud, role, email, created_at, raw_app_meta_data,
    confirmation_token, recovery_token, email_change, email_change_token_new
)
select
    gen_random_uuid(), '00000000-0000-0000-0000-000000000000', 'authenticated', 'authenticated',
    format('drill-%s@example.com', n), now() - make_interval(hours => n),
    '{"provider": "email", "providers": ["email"]}', '', '', '', ''
from generate_series(1, 5) as n;
alter table auth.users enable trigger user;
