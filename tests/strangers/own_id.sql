-- table: public.accounts, key: user_id
-- It has an id of its own beside the user's; the trigger has arguments and a condition.
create table public.accounts (
    id bigint generated always as identity primary key,
    user_id uuid not null unique references auth.users on delete cascade,
    plan text not null
);
create function public.open_account() returns trigger language plpgsql security definer
set search_path = '' as $$
begin
    insert into public.accounts (user_id, plan) values (new.id, tg_argv[0]);
    return new;
end $$;
create trigger open_account after insert on auth.users
    for each row when (new.is_anonymous is not true)
    execute function public.open_account('it''s free');
