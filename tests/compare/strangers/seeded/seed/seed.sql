insert into public.plans (id, name) values (1, 'free'), (2, 'pro') on conflict do nothing;
insert into auth.users (id, instance_id, aud, role, email) values
    ('00000000-0000-4000-8000-000000000001', '00000000-0000-0000-0000-000000000000', 'authenticated', 'authenticated', 'seed@example.com');
