-- The plan that the default names is there.
create table public.plans (name text primary key);
alter table public.plans enable row level security;
insert into public.plans (name) values ('free'), ('paid');
alter table public.user_settings
    add column plan text not null default 'free'
    references public.plans (name) deferrable initially deferred;
