-- table: public.profiles, key: id
-- fires: new_account
-- Every new user gets a workspace and is its first member.
create table public.profiles (
    id uuid primary key references auth.users on delete cascade,
    display_name text not null
);
create table public.workspaces (
    id bigint generated always as identity primary key,
    owner_id uuid not null references public.profiles on delete cascade,
    name text not null
);
create table public.memberships (
    workspace_id bigint not null references public.workspaces on delete cascade,
    user_id uuid not null references public.profiles on delete cascade,
    role text not null,
    primary key (workspace_id, user_id)
);
create function public.make_workspace(who uuid, called text) returns void language plpgsql as $$
declare made bigint;
begin
    insert into public.workspaces (owner_id, name) values (who, called) returning id into made;
    insert into public.memberships (workspace_id, user_id, role) values (made, who, 'owner');
end $$;
create function public.new_account() returns trigger language plpgsql security definer
set search_path = '' as $$
begin
    insert into public.profiles (id, display_name)
    values (new.id, coalesce(new.raw_user_meta_data ->> 'name', new.email, 'New member'));
    perform public.make_workspace(new.id, coalesce(new.email || '''s workspace', 'Home'));
    return new;
end $$;
create trigger new_account after insert on auth.users
    for each row execute function public.new_account();
