create table public.plans (id int primary key, name text not null);
alter table public.plans enable row level security;
create table public.members (
    user_id uuid primary key references auth.users (id) on delete cascade,
    plan_id int not null default 1 references public.plans (id)
);
alter table public.members enable row level security;
create function public.add_member() returns trigger language plpgsql security definer set search_path = ''
as $$ begin insert into public.members (user_id) values (new.id); return new; end $$;
create trigger add_member after insert on auth.users for each row execute function public.add_member();
