-- table: public.profiles, key: id
-- sign-ups: cannot tell
-- It forgot SECURITY DEFINER, and gave the Auth server its rights instead.
create table public.profiles (
    id uuid primary key references auth.users on delete cascade,
    email text
);
grant usage on schema public to supabase_auth_admin;
grant insert on public.profiles to supabase_auth_admin;
create function public.handle_new_user() returns trigger language plpgsql
set search_path = '' as $$
begin
    insert into public.profiles (id, email) values (new.id, new.email);
    return new;
end $$;
create trigger on_auth_user_created after insert on auth.users
    for each row execute function public.handle_new_user();
