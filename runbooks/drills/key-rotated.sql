-- does: shuts the role out, as a rotated password does
alter role postgres nologin;
