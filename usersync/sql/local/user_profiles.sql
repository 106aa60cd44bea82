-- The app's own profile table, run as postgres, as the app's first migration would be.

create table public.user_profiles (
    user_id uuid primary key references auth.users (id) on delete cascade,
    email text,
    role text not null default 'user',
    is_active boolean not null default true,
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now()
);

alter table public.user_profiles enable row level security;

create policy "own row" on public.user_profiles
    for select to authenticated
    using ((select auth.uid()) = user_id);

grant select on public.user_profiles to authenticated;
grant all on public.user_profiles to service_role;
