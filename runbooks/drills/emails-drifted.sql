-- does: three people have changed their address, and the app's profiles have not heard of it
update public.user_profiles set email = 'old-' || email
where user_id in (
    select user_id from public.user_profiles where email is not null order by user_id limit 3
);
