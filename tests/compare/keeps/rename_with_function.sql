-- The function is told of the new name.
alter table public.profiles rename column username to handle;

create or replace function public.handle_new_user() returns trigger
language plpgsql security definer set search_path = ''
as $$
begin
    insert into public.profiles (id, email, handle)
    values (new.id, new.email, public.default_username(new.raw_user_meta_data, new.email));
    return new;
end;
$$;
