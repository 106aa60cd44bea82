-- expects: 22P02 invalid_text_representation, in public.handle_new_user() line 3
create or replace function public.handle_new_user() returns trigger
language plpgsql security definer set search_path = ''
as $$
begin
    insert into public.profiles (id, email, role)
    values (new.id, new.email, coalesce(new.raw_user_meta_data ->> 'role', 'owner')::public.app_role);
    return new;
end;
$$;
