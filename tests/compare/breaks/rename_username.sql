-- expects: 42703 undefined_column: column "username" of relation "profiles" does not exist, in public.handle_new_user() line 3
-- PL/pgSQL looks at its statements when they run.
alter table public.profiles rename column username to handle;
