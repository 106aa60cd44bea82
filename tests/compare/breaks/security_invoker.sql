-- expects: 42501 insufficient_privilege: permission denied for
-- A linter said that SECURITY DEFINER is dangerous.
alter function public.handle_new_user() security invoker;
revoke insert on public.profiles from public;
