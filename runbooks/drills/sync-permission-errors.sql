-- does: takes the right to insert profiles away, as a well-meant hardening does
revoke insert on public.user_profiles from postgres;
revoke all on public.user_profiles from service_role, authenticated;
