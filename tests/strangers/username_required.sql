-- table: public.users, key: id
-- A users table whose name must be there and be unique; the function finds one.
create table public.users (
    id uuid primary key references auth.users on delete cascade,
    username text not null unique,
    email text,
    created_at timestamptz not null default now()
);
create function public.create_user() returns trigger language plpgsql security definer
set search_path = public as $$
declare
    base text := coalesce(split_part(new.email, '@', 1), 'member');
    wanted text := base;
    number int := 1;
begin
    while exists (select from users where username = wanted) loop
        number := number + 1;
        wanted := base || number;
    end loop;
    insert into users (id, username, email) values (new.id, wanted, new.email);
    return new;
end $$;
create trigger create_user after insert on auth.users
    for each row execute function public.create_user();
