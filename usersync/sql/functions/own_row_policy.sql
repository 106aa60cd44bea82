-- does: lets users read their own profile
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
