create extension if not exists postgis with schema extensions;
create table public.profiles (id uuid primary key references auth.users on delete cascade, home extensions.geography(point));
