-- Vault in shape: secrets are kept as they are written, so none belongs here.

create table secrets (
    id uuid not null default gen_random_uuid() primary key,
    name text,
    description text not null default '',
    secret text not null,
    key_id uuid,
    nonce bytea,
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now()
);
create unique index secrets_name_idx on secrets (name) where name is not null;
create view decrypted_secrets as
    select id, name, description, secret, secret as decrypted_secret, key_id, nonce, created_at, updated_at
    from secrets;

create function create_secret(
    new_secret text, new_name text default null, new_description text default '',
    new_key_id uuid default null
) returns uuid
language sql security definer set search_path = ''
as $$
    insert into vault.secrets (secret, name, description)
    values (new_secret, new_name, new_description)
    returning id
$$;

create function update_secret(
    secret_id uuid, new_secret text default null, new_name text default null,
    new_description text default null, new_key_id uuid default null
) returns void
language sql security definer set search_path = ''
as $$
    update vault.secrets as s
    set
        secret = coalesce(new_secret, s.secret),
        name = coalesce(new_name, s.name),
        description = coalesce(new_description, s.description),
        updated_at = now()
    where s.id = secret_id
$$;

grant usage on schema vault to postgres, service_role;
grant select, delete on secrets, decrypted_secrets to postgres, service_role;
