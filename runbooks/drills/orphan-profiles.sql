-- does: drops the foreign key, as a migration of the app did, and three people delete their account
alter table public.user_profiles drop constraint user_profiles_user_id_fkey;
delete from auth.users where id in (select id from auth.users order by id limit 3);
