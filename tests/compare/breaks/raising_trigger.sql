-- expects: P0001 raise_exception, in public.require_invitation() line 4, called by public.handle_new_user()
create table public.invitations (email text primary key);
alter table public.invitations enable row level security;

create function public.require_invitation() returns trigger
language plpgsql security definer set search_path = ''
as $$
begin
    if not exists (select from public.invitations as i where i.email = new.email) then
        raise exception 'nobody invited %', new.email;
    end if;
    return new;
end;
$$;

create trigger require_invitation
    before insert on public.profiles
    for each row execute function public.require_invitation();
