-- does: nothing
update public.user_profiles set email = email where false;
