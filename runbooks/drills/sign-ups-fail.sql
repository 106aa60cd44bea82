-- does: the app has a trigger of its own, and a release renames a column that it writes
create or replace function public.handle_new_user() returns trigger
language plpgsql security definer set search_path = ''
as $$
begin
    insert into public.user_profiles (user_id, email, is_active) values (new.id, new.email, true);
    return new;
end
$$;
revoke all on function public.handle_new_user() from public, anon, authenticated, service_role;
create or replace trigger on_auth_user_created after insert on auth.users
for each row when (not new.is_anonymous) execute function public.handle_new_user();
alter table public.user_profiles rename column is_active to active;
