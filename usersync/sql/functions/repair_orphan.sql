-- does: works out what would be parked of one profile, and which rows of others refer to it
select null::timestamptz as created_at, '' as detail, {blocked} as blocked,
    null::bigint as source_id, {whole_row} as before, '{{}}'::jsonb as after
into change
from {profiles} as p
where p.{key} = usersync_repaired_id
    and not exists (select from auth.users as u where u.id = p.{key});
