-- does: the new password is where it belongs
alter role postgres login;
