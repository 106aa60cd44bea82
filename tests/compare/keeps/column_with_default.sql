-- The default fills it.
alter table public.profiles add column locale text not null default 'en';
