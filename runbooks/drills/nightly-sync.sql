-- does: two profiles were deleted by hand during the day
delete from public.user_profiles
where user_id in (select user_id from public.user_profiles order by user_id limit 2);
