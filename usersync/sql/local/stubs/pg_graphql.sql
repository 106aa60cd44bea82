-- pg_graphql in shape: it answers nothing.

create function resolve(
    query text, variables jsonb default '{}', "operationName" text default null,
    extensions jsonb default null
) returns jsonb
language sql
as $$ select jsonb_build_object('data', null) $$;
grant usage on schema graphql to postgres, anon, authenticated, service_role;
