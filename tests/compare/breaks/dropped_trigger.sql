-- expects: no profile in public.profiles(id)
-- People sign up, and see an empty app.
drop trigger if exists on_auth_user_created on auth.users;
