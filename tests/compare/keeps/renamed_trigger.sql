-- Another name for the same trigger; hosted projects let postgres drop it.
drop trigger if exists on_auth_user_created on auth.users;
create trigger make_profile
    after insert on auth.users
    for each row execute function public.handle_new_user();
