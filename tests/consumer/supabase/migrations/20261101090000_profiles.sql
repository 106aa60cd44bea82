create table public.user_profiles (
    user_id uuid primary key references auth.users (id) on delete cascade,
    email text,
    role text not null default 'user',
    created_at timestamptz not null default now()
);

alter table public.user_profiles enable row level security;

create policy "people see their own profile" on public.user_profiles
    for select to authenticated using ((select auth.uid()) = user_id);
