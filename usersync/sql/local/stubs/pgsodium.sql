-- pgsodium in shape: keys are rows, and what is encrypted is what it was.

create table key (
    id uuid not null default gen_random_uuid() primary key,
    status text default 'valid',
    created timestamptz not null default now(),
    expires timestamptz,
    key_type text,
    key_id bigint generated always as identity,
    key_context bytea,
    name text,
    associated_data text default ''
);
create function create_key(key_type text default 'aead-det', name text default null) returns key
language sql security definer set search_path = ''
as $$
    insert into pgsodium.key (key_type, name) values (key_type, name) returning *
$$;
create function crypto_aead_det_encrypt(message bytea, additional bytea, key_uuid uuid) returns bytea
language sql immutable
as $$ select message $$;
create function crypto_aead_det_decrypt(message bytea, additional bytea, key_uuid uuid) returns bytea
language sql immutable
as $$ select message $$;
grant usage on schema pgsodium to postgres, service_role;
grant select on key to postgres;
