create extension if not exists pg_net;
create extension if not exists http with schema extensions;

select vault.create_secret('https://example.com/hook', 'hook_url', 'where new people are told of');

create table public.profiles (
    user_id uuid not null primary key references auth.users on delete cascade,
    email text,
    created_at timestamptz default now()
);
alter table public.profiles enable row level security;

create function public.tell_hook() returns trigger language plpgsql security definer as $$
declare
    url text;
begin
    select decrypted_secret into url from vault.decrypted_secrets where name = 'hook_url';
    perform net.http_post(
        url := url,
        body := jsonb_build_object('type', tg_op, 'record', to_jsonb(new)),
        headers := '{"Content-Type": "application/json"}'::jsonb
    );
    return new;
end $$ set search_path = '';

create function public.on_sign_up() returns trigger language plpgsql security definer set search_path = '' as $$
begin
    insert into public.profiles (user_id, email) values (new.id, new.email);
    perform extensions.http_get('https://example.com/ping');
    return new;
end $$;

create trigger on_sign_up after insert on auth.users for each row execute function public.on_sign_up();
create trigger tell_hook after insert on public.profiles for each row execute function public.tell_hook();
create trigger "new-profile" after insert or update on public.profiles for each row
    execute function supabase_functions.http_request(
        'https://example.com/functions/v1/welcome', 'POST', '{"Content-type":"application/json"}', '{}', '1000'
    );
