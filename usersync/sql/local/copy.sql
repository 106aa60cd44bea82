-- What a scratch copy allows and a hosted project does not: to sign up with the role of the Auth
-- server, and with that role's rights alone. Its rights as owner of auth.users are not lent.

grant supabase_auth_admin to postgres with inherit false, set true;
