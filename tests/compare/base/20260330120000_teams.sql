-- Teams, which sign-ups have nothing to do with.

create table public.teams (
    id bigint generated always as identity primary key,
    name text not null,
    owner_id uuid references public.profiles (id) on delete set null
);
alter table public.teams enable row level security;

create table public.team_members (
    team_id bigint references public.teams (id) on delete cascade,
    profile_id uuid references public.profiles (id) on delete cascade,
    primary key (team_id, profile_id)
);
alter table public.team_members enable row level security;
