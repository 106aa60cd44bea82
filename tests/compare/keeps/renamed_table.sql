-- Table and function move together.
alter table public.profiles rename to members;

create or replace function public.handle_new_user() returns trigger
language plpgsql security definer set search_path = ''
as $$
begin
    insert into public.members (id, email, username)
    values (new.id, new.email, public.default_username(new.raw_user_meta_data, new.email));
    return new;
end;
$$;
