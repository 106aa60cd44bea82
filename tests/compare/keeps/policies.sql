-- Row security does not hold for the owner of the function.
create policy "people change themselves" on public.profiles
    for update to authenticated
    using ((select auth.uid()) = id) with check ((select auth.uid()) = id);
alter table public.profiles force row level security;
