-- An app as most of them begin: a profile for everybody who signs up.

create type public.app_role as enum ('member', 'admin');

create table public.profiles (
    id uuid primary key references auth.users (id) on delete cascade,
    email text,
    username text,
    role public.app_role not null default 'member',
    updated_at timestamptz not null default now()
);
alter table public.profiles enable row level security;
grant select, update on public.profiles to authenticated;
grant select, insert, update, delete on public.profiles to service_role;

create policy "people see themselves" on public.profiles
    for select to authenticated using ((select auth.uid()) = id);

create function public.default_username(meta jsonb, email text) returns text
language sql immutable set search_path = ''
as $$
    select coalesce(meta ->> 'user_name', split_part(email, '@', 1))
$$;

create function public.handle_new_user() returns trigger
language plpgsql security definer set search_path = ''
as $$
begin
    insert into public.profiles (id, email, username)
    values (new.id, new.email, public.default_username(new.raw_user_meta_data, new.email));
    return new;
end;
$$;
revoke execute on function public.handle_new_user() from public, anon, authenticated;

create trigger on_auth_user_created
    after insert on auth.users
    for each row execute function public.handle_new_user();
