-- does: makes one profile table; rows go with their user, and a user may read their own
create table if not exists {profiles} (
    {key} uuid primary key references auth.users (id) on delete cascade,
    {column_definitions}
);
alter table {profiles} enable row level security;
{own_row_policy}
revoke all on {profiles} from public, anon, authenticated;
grant select on {profiles} to authenticated;
grant select, insert, update, delete on {profiles} to service_role;
