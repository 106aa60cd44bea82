-- A value that is used later.
alter type public.app_role add value if not exists 'guest' before 'member';
