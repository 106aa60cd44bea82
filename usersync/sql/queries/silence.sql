-- does: gives a trigger function a body that does nothing; takes no lock on any table
create or replace function {function} returns trigger
language plpgsql
set search_path = ''
as $usersync$
begin
    return new;
end
$usersync$;
