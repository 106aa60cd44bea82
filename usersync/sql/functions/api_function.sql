-- does: makes one function of the API
create or replace function {function} (input jsonb default '{{}}') returns jsonb
language plpgsql
{volatility}
security definer
set search_path = ''
set row_security = off
set statement_timeout = '55s'
{settings}as {body};
comment on function {function} (jsonb) is {comment};
revoke all on function {function} (jsonb) from public, anon, authenticated;
grant execute on function {function} (jsonb) to service_role;
