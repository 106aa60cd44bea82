-- expects: 23505 unique_violation (constraint profiles_handle_key, table public.profiles), in public.handle_new_user() line 3
-- The first one to sign up is fine, the second one is not.
alter table public.profiles add column handle text not null unique default 'newcomer';
