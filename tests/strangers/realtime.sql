-- table: public.profiles, key: id
-- The app listens to new profiles.
create table public.profiles (
    id uuid primary key references auth.users on delete cascade,
    status text not null default 'offline'
);
do $$ begin
    if not exists (select from pg_publication where pubname = 'supabase_realtime') then
        create publication supabase_realtime;
    end if;
end $$;
alter publication supabase_realtime add table public.profiles;
create function public.handle_new_user() returns trigger language plpgsql security definer
set search_path = '' as $$
begin
    insert into public.profiles (id) values (new.id);
    return new;
end $$;
create trigger on_auth_user_created after insert on auth.users
    for each row execute function public.handle_new_user();
