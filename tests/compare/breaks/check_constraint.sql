-- expects: 23514 check_violation (constraint username_is_plain, table public.profiles), in public.handle_new_user() line 3
-- Addresses have hyphens.
alter table public.profiles add constraint username_is_plain check (username ~ '^[a-z0-9_]+$');
