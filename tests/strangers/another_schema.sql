-- table: app.members, key: id
-- The table stands in a schema that the API does not show; the trigger fires before the insert.
create schema app;
create table app.members (
    id uuid primary key,
    email text,
    joined_at timestamptz not null default now()
);
create function app.welcome_member() returns trigger language plpgsql security definer
set search_path = app as $$
begin
    insert into members (id, email) values (new.id, new.email) on conflict (id) do nothing;
    return new;
end $$;
create trigger a_member before insert on auth.users
    for each row execute function app.welcome_member();
