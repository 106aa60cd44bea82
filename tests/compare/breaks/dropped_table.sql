-- expects: 42P01 undefined_table: relation "public.user_settings" does not exist, in public.handle_new_profile() line 3, called by public.handle_new_user()
drop table public.user_settings;
