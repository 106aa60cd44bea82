-- does: puts one parked profile back; what was parked stays told
select format(
    'insert into %s (%s) overriding system value select %s', {relation_text},
    string_agg(format('%I', c.name), ', ' order by c.name),
    string_agg(
        format('($1 ->> %L)::%s', c.name, coalesce(input -> 'types' ->> c.name, 'text')), ', '
        order by c.name
    )
)
into statement
from jsonb_object_keys(change.after) as c (name);
execute statement using change.after;
get diagnostics changed_rows = row_count;
if changed_rows <> 1 then
    raise exception 'the row did not come' using constraint = 'a trigger of the table';
end if;
update {ours}.parked_profiles as q set restored_at = now() where q.id = change.source_id;
