-- does: a console in which somebody changed a user and went to lunch
update auth.users set raw_user_meta_data = raw_user_meta_data
where id = (select id from auth.users order by id limit 1);
