alter table public.profiles add column if not exists welcomed boolean not null default false;
