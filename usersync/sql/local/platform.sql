-- What a hosted Supabase project has besides the schema auth, in the shape that migrations lean on:
-- extensions, storage, realtime, vault, webhooks, the publication. Run as supabase_admin.
--
-- The tables belong to postgres, because hosted projects let postgres make policies on them.

grant usage, create on schema extensions to postgres;

create schema supabase_migrations authorization postgres;
create table supabase_migrations.schema_migrations (
    version text not null primary key,
    statements text[],
    name text
);
alter table supabase_migrations.schema_migrations owner to postgres;

create publication supabase_realtime;
alter publication supabase_realtime owner to postgres;

create schema storage authorization postgres;
create schema realtime authorization postgres;
create schema supabase_functions authorization postgres;
create schema graphql authorization postgres;
create schema graphql_public authorization postgres;
grant usage on schema storage, realtime, graphql_public, supabase_functions
    to anon, authenticated, service_role;

create type storage.buckettype as enum ('STANDARD', 'ANALYTICS', 'VECTOR');

create table storage.buckets (
    id text not null primary key,
    name text not null,
    owner uuid,
    created_at timestamptz default now(),
    updated_at timestamptz default now(),
    public boolean default false,
    avif_autodetection boolean default false,
    file_size_limit bigint,
    allowed_mime_types text[],
    owner_id text,
    type storage.buckettype not null default 'STANDARD'
);
create unique index bname on storage.buckets (name);

create table storage.objects (
    id uuid not null default gen_random_uuid() primary key,
    bucket_id text references storage.buckets (id),
    name text,
    owner uuid,
    created_at timestamptz default now(),
    updated_at timestamptz default now(),
    last_accessed_at timestamptz default now(),
    metadata jsonb,
    path_tokens text[] generated always as (string_to_array(name, '/')) stored,
    version text,
    owner_id text,
    user_metadata jsonb
);
create unique index bucketid_objname on storage.objects (bucket_id, name);
alter table storage.buckets enable row level security;
alter table storage.objects enable row level security;

create function storage.foldername(name text) returns text[]
language sql immutable
as $$
    select (string_to_array(name, '/'))[1 : cardinality(string_to_array(name, '/')) - 1]
$$;

create function storage.filename(name text) returns text
language sql immutable
as $$
    select (string_to_array(name, '/'))[cardinality(string_to_array(name, '/'))]
$$;

create function storage.extension(name text) returns text
language sql immutable
as $$
    select reverse(split_part(reverse(name), '.', 1))
$$;

create table realtime.messages (
    topic text not null,
    extension text not null,
    payload jsonb,
    event text,
    private boolean default false,
    updated_at timestamp not null default now(),
    inserted_at timestamp not null default now(),
    id uuid not null default gen_random_uuid(),
    primary key (id, inserted_at)
);
alter table realtime.messages enable row level security;

create function realtime.topic() returns text
language sql stable
as $$
    select nullif(current_setting('realtime.topic', true), '')
$$;

create function realtime.send(payload jsonb, event text, topic text, private boolean default true)
returns void
language sql
as $$
    insert into realtime.messages (payload, event, topic, private, extension)
    values (payload, event, topic, private, 'broadcast')
$$;

create function realtime.broadcast_changes(
    topic_name text, event_name text, operation text, table_name text, table_schema text,
    new record, old record, level text default 'ROW'
) returns void
language plpgsql
as $$
begin
    perform realtime.send(to_jsonb(coalesce(new, old)), event_name, topic_name);
end
$$;

create table supabase_functions.hooks (
    id bigint generated always as identity primary key,
    hook_table_id integer not null,
    hook_name text not null,
    created_at timestamptz not null default now(),
    request_id bigint
);

create function supabase_functions.http_request() returns trigger
language plpgsql security definer set search_path = ''
as $$
begin
    insert into supabase_functions.hooks (hook_table_id, hook_name)
    values (tg_relid::bigint, tg_name);
    return coalesce(new, old);
end
$$;

create function graphql_public.graphql(
    "operationName" text default null, query text default null, variables jsonb default null,
    extensions jsonb default null
) returns jsonb
language sql
as $$
    select jsonb_build_object('data', null)
$$;

do $$
declare
    one record;
begin
    for one in
        select format('%I.%I', n.nspname, c.relname) as name
        from pg_catalog.pg_class as c
        join pg_catalog.pg_namespace as n on n.oid = c.relnamespace
        where n.nspname in ('storage', 'realtime', 'supabase_functions') and c.relkind = 'r'
    loop
        execute format('alter table %s owner to postgres', one.name);
        execute format('grant all on %s to anon, authenticated, service_role', one.name);
    end loop;
    for one in
        select f.oid::regprocedure as name
        from pg_catalog.pg_proc as f
        join pg_catalog.pg_namespace as n on n.oid = f.pronamespace
        where n.nspname in ('storage', 'realtime', 'supabase_functions', 'graphql_public')
    loop
        execute format('alter function %s owner to postgres', one.name);
    end loop;
    execute 'alter type storage.buckettype owner to postgres';
end
$$;
