-- expects: 42P01 undefined_table: relation "profiles" does not exist, in public.handle_new_user() line 3
create or replace function public.handle_new_user() returns trigger
language plpgsql security definer set search_path = ''
as $$
begin
    insert into profiles (id, email) values (new.id, new.email);
    return new;
end;
$$;
