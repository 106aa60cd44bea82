-- does: two users have null where the Auth server expects text, as an import by plain SQL leaves it
update auth.users set confirmation_token = null, recovery_token = null, email_change = null
where id in (select id from auth.users order by id limit 2);
