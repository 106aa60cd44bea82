alter table public.profiles add column seen_at timestamptz;
create index concurrently profiles_tags_idx on public.profiles using gin (tags);
vacuum analyze public.profiles;
