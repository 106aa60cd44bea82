-- table: public.UserProfile, key: userId
-- What an ORM makes: names in mixed case.
create table public."UserProfile" (
    "userId" uuid primary key references auth.users on delete cascade,
    "displayName" text,
    "createdAt" timestamptz not null default now()
);
create function public."handleNewUser"() returns trigger language plpgsql security definer
set search_path = '' as $$
begin
    insert into public."UserProfile" ("userId", "displayName")
    values (new.id, new.raw_user_meta_data ->> 'name');
    return new;
end $$;
create trigger "onAuthUserCreated" after insert on auth.users
    for each row execute function public."handleNewUser"();
