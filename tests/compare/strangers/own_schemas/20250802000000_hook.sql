create table public.user_roles (user_id uuid references auth.users on delete cascade, role text, unique (user_id, role));
alter table public.user_roles enable row level security;
grant usage on schema public to supabase_auth_admin;
grant all on table public.user_roles to supabase_auth_admin;
revoke all on table public.user_roles from authenticated, anon, public;
create policy "auth reads roles" on public.user_roles as permissive for select to supabase_auth_admin using (true);

create or replace function public.custom_access_token_hook(event jsonb) returns jsonb
    language plpgsql stable set search_path = '' as $$
begin
    return event;
end $$;
grant execute on function public.custom_access_token_hook to supabase_auth_admin;
revoke execute on function public.custom_access_token_hook from authenticated, anon, public;
