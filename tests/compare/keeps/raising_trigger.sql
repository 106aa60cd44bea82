-- It raises, but not where sign-ups come by.
create function public.no_empty_team() returns trigger
language plpgsql set search_path = ''
as $$
begin
    if new.name = '' then
        raise exception 'a team needs a name';
    end if;
    return new;
end;
$$;
create trigger no_empty_team before insert or update on public.teams
    for each row execute function public.no_empty_team();
