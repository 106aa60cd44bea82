alter table public.plans add column price numeric(10, 2);
