-- Written to be run again and again.
create extension if not exists moddatetime schema extensions;
create extension if not exists citext with schema extensions;
create extension if not exists vector with schema extensions;

create table if not exists public.profiles (
    id uuid primary key references auth.users (id) on delete cascade,
    handle extensions.citext,
    taste extensions.vector(3),
    updated_at timestamptz
);
alter table public.profiles enable row level security;
drop policy if exists "read" on public.profiles;
create policy "read" on public.profiles for select using (true);

drop function if exists public.handle_new_user() cascade;
create function public.handle_new_user() returns trigger language plpgsql security definer set search_path = public as $$
begin
    insert into profiles (id) values (new.id) on conflict do nothing;
    return new;
exception when others then
    raise log 'no profile for %', new.id;
    return new;
end $$;
drop trigger if exists on_auth_user_created on auth.users;
create trigger on_auth_user_created after insert on auth.users for each row execute function public.handle_new_user();
drop trigger if exists handle_updated_at on public.profiles;
create trigger handle_updated_at before update on public.profiles for each row execute procedure extensions.moddatetime(updated_at);
