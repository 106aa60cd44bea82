-- does: gives a user a profile in one table who was anonymous until now
if old.is_anonymous and not new.is_anonymous then
    begin
        if not exists (select from {profiles} as p where p.{key} = new.id) then
            insert into {profiles} ({columns})
            select {values}
            from (select new.*) as u
            where {needs_profile}
            on conflict ({key}) do nothing;
        end if;
    exception when others then
        {on_error}
    end;
end if;
