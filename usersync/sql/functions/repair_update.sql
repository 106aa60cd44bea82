-- does: keeps the old values of one row, reads them back, and writes the new ones
insert into {ours}.before_images (run_id, object, key, image)
values (
    (input ->> 'run_id')::uuid, {object}, usersync_repaired_id::text,
    jsonb_build_object('before', change.before, 'after', change.after)
)
returning before_images.id into kept_id;
if not exists (
    select from {ours}.before_images as b
    where b.id = kept_id and b.image -> 'before' = change.before
) then
    raise exception 'the old values were not kept' using constraint = 'before_images';
end if;
select format(
    'update %s as p set %s where p.%I = $1 returning jsonb_object(array[%s], array[%s])',
    {relation_text},
    string_agg(
        format('%I = ($2 ->> %L)::%s', c.name, c.name, input -> 'types' ->> c.name), ', '
        order by c.name
    ),
    {key_text},
    string_agg(format('%L', c.name), ', ' order by c.name),
    string_agg(format('p.%I::text', c.name), ', ' order by c.name)
)
into statement
from jsonb_object_keys(change.after) as c (name);
execute statement into written using usersync_repaired_id, change.after;
if written is null or written = change.before then
    raise exception 'the row did not take the values' using constraint = 'a trigger of the table';
end if;
-- What a trigger or the column made of them: what restore compares the row with.
update {ours}.before_images as b
set image = jsonb_set(b.image, '{{after}}', written)
where b.id = kept_id and b.image -> 'after' <> written;
