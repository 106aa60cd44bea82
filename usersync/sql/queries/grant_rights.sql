-- does: gives us, and the roles of the API, the rights on a profile table that its policies count on
-- locks: the entry of this table in the catalog only
grant select, insert on {profiles} to current_user;
grant select, insert, update, delete on {profiles} to service_role;
grant select on {profiles} to authenticated;
