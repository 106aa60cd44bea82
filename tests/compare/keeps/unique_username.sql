-- Names are made of addresses, which are unique themselves.
create unique index profiles_username_key on public.profiles (username);
