-- table: public.profiles, key: id
-- fires: welcome
-- The profile table has a trigger of its own, which queues mail.
create table public.profiles (
    id uuid primary key references auth.users on delete cascade,
    email text
);
create table public.mail_queue (id bigint generated always as identity, recipient text);
create function public.queue_welcome() returns trigger language plpgsql security definer
set search_path = '' as $$
begin
    insert into public.mail_queue (recipient) values (new.email);
    return new;
end $$;
create trigger welcome after insert on public.profiles
    for each row execute function public.queue_welcome();
create function public.handle_new_user() returns trigger language plpgsql security definer
set search_path = '' as $$
begin
    insert into public.profiles (id, email) values (new.id, new.email);
    return new;
end $$;
create trigger on_auth_user_created after insert on auth.users
    for each row execute function public.handle_new_user();
