set check_function_bodies = off;

create schema if not exists private;
create schema if not exists api;
grant usage on schema api to anon, authenticated, service_role;

alter default privileges in schema public revoke execute on functions from public;
alter default privileges for role postgres in schema api grant select on tables to authenticated;
alter role authenticator set pgrst.db_schemas = 'api, public';
notify pgrst, 'reload config';

create role analyst nologin;
grant analyst to postgres;
grant usage on schema private to analyst;

-- Names what comes later only.
create function private.make_person() returns trigger
    language plpgsql security definer set search_path = private as $$
begin
    insert into people (auth_id, display_name, settings)
    values (new.id, private.name_of(new.raw_user_meta_data), default);
    return null;
end $$;

create function private.name_of(meta jsonb) returns text
    language sql immutable
    begin atomic
        select case when meta ? 'full_name' then meta ->> 'full_name' else 'somebody' end;
    end;

create table private.people (
    id bigint generated always as identity primary key,
    auth_id uuid unique not null references auth.users (id) on delete cascade,
    display_name text not null,
    settings jsonb not null default '{}'
);
create view api.people with (security_invoker = on) as select display_name from private.people;

create trigger zzz_make_person after insert on auth.users for each row execute function private.make_person();
