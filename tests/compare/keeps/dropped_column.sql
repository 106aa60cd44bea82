-- Nothing that sign-ups do writes it.
alter table public.profiles drop column updated_at;
