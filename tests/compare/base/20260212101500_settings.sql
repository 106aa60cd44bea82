-- Every profile has its settings.

create table public.user_settings (
    profile_id uuid primary key references public.profiles (id) on delete cascade,
    theme text not null default 'light',
    weekly_mail boolean not null default true
);
alter table public.user_settings enable row level security;

create function public.handle_new_profile() returns trigger
language plpgsql security definer set search_path = ''
as $$
begin
    insert into public.user_settings (profile_id) values (new.id);
    return new;
end;
$$;
revoke execute on function public.handle_new_profile() from public, anon, authenticated;

create trigger on_profile_created
    after insert on public.profiles
    for each row execute function public.handle_new_profile();
