create extension if not exists pg_cron with schema pg_catalog;
grant usage on schema cron to postgres;
grant all privileges on all tables in schema cron to postgres;

create table public.users (
    id uuid primary key references auth.users (id) on delete cascade,
    plan text not null default 'free',
    last_seen timestamptz
);
alter table public.users enable row level security;

create or replace function public.create_user() returns trigger language plpgsql security definer
set search_path to 'public', 'pg_temp' as $function$
declare
    chosen text := coalesce(new.raw_user_meta_data ->> 'plan', 'free');
begin
    insert into users (id, plan) values (new.id, chosen) on conflict (id) do nothing;
    return new;
end;
$function$;

create or replace trigger create_user after insert on auth.users
    for each row execute function public.create_user();

select cron.schedule('nightly-cleanup', '17 3 * * *', $$ delete from public.users where last_seen < now() - interval '3 years' $$);
