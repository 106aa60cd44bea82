-- table: public.profiles, key: id
-- fails: 1
-- It lets everybody sign up, whatever happens.
create table public.profiles (
    id uuid primary key references auth.users on delete cascade,
    username text not null check (username <> 'user-1')
);
create function public.handle_new_user() returns trigger language plpgsql security definer
set search_path = '' as $$
begin
    insert into public.profiles (id, username) values (new.id, coalesce(split_part(new.email, '@', 1), 'member'));
    return new;
exception when others then
    return new;
end $$;
create trigger on_auth_user_created after insert on auth.users
    for each row execute function public.handle_new_user();
