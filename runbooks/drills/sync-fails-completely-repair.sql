-- does: gives the column its default back
alter table public.user_profiles alter column plan set default 'free';
