-- does: makes one profile table; rows go with their user, and a user may read their own
create table if not exists {profiles} (
    {key} uuid primary key references auth.users (id) on delete cascade,
    {column_definitions}
);
alter table {profiles} enable row level security;
do $policy$
begin
    if not exists (
        select from pg_catalog.pg_policies as p
        where p.schemaname = {schema_text} and p.tablename = {table_text}
            and p.policyname = 'users read their own profile'
    ) then
        create policy "users read their own profile" on {profiles}
            for select to authenticated
            using ((select auth.uid()) = {key});
    end if;
end
$policy$;
revoke all on {profiles} from public, anon, authenticated;
grant select on {profiles} to authenticated;
grant select, insert, update, delete on {profiles} to service_role;
