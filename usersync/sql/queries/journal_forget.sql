-- does: takes the id of one user out of every line of the journal; the lines stay
update {ours}.journal
set user_ids = array_remove(user_ids, {user_id}::uuid)
where {user_id}::uuid = any (user_ids);
