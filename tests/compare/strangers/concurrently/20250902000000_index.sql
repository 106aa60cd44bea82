CREATE INDEX CONCURRENTLY IF NOT EXISTS profiles_email_idx ON public.profiles (email);
