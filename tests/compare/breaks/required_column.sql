-- expects: 23502 not_null_violation (column locale, table public.profiles), in public.handle_new_user() line 3
alter table public.profiles add column locale text not null;
