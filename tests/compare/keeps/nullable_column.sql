-- A column that nobody has to fill.
alter table public.profiles add column locale text;
