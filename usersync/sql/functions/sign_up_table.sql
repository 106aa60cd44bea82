-- does: gives the new user a profile in one table
begin
    if not exists (select from {profiles} as p where p.{key} = new.id) then
        {insert}
    end if;
exception when others or assert_failure then
    {on_error}
end;
