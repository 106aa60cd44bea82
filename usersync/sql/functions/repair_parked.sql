-- does: works out whether one parked profile can be put back: the last one that was parked
select u.created_at, '' as detail,
    case
        when p.{key} is not null then 'there is a profile with this key by now'
        when u.id is null and {user_needed} then 'its user does not exist'
        else 'columns that the table has no more: ' || (
            select string_agg(c.name, ', ' order by c.name)
            from jsonb_object_keys(q.profile) as c (name)
            where c.name <> all ({columns}::text[])
        )
    end as blocked,
    q.id as source_id, '{{}}'::jsonb as before, q.profile as after
into change
from {ours}.parked_profiles as q
left join {profiles} as p on p.{key} = q.key
left join auth.users as u on u.id = q.key
where q.profile_table = {table_name} and q.key = usersync_repaired_id
    and q.restored_at is null and {of_run}
order by q.id desc
limit 1;
