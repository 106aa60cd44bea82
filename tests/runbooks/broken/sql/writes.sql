-- asks: what?
-- level: warning
-- remedy: none
delete from public.user_profiles;
