-- expects: 42501 insufficient_privilege: new row violates row-level security policy
-- Rights were thought of, and row security was not.
grant usage on schema public to supabase_auth_admin;
grant insert on public.profiles to supabase_auth_admin;
alter function public.handle_new_user() security invoker;
create policy "people insert themselves" on public.profiles
    for insert with check ((select auth.uid()) = id);
