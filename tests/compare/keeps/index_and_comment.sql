-- What nobody notices.
create index profiles_username_idx on public.profiles (lower(username));
comment on table public.profiles is 'one for everybody who signed up; see https://example.com';
