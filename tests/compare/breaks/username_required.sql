-- expects: 23502 not_null_violation (column username, table public.profiles), in public.handle_new_user() line 3
-- Who signs up by phone has no address that a name could be made of.
alter table public.profiles alter column username set not null;
