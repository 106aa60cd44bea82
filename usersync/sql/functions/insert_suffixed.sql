-- does: makes the profile of the user whom a trigger tells of, with values that nobody has; when
--   somebody takes one of them meanwhile it looks again, a few times
for attempt in 1..10 loop
    begin
        insert into {profiles} ({columns})
        select {values}
        from (select new.*) as u
        where {needs_profile}
        on conflict ({key}) do nothing;
        exit;
    exception when unique_violation then
        if attempt = 10 then
            raise;
        end if;
    end;
end loop;
