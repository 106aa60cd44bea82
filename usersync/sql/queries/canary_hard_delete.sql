-- does: deletes the new user; what refers to them goes along, or stands in the way
delete from auth.users where id = {id};
