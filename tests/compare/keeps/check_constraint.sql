-- Every name that the function makes passes.
alter table public.profiles
    add constraint username_is_no_path check (position('/' in username) = 0) not valid;
alter table public.profiles validate constraint username_is_no_path;
