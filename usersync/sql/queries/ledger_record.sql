-- does: writes into the ledger that a change was applied, what it made and how to undo it
insert into {ours}.ledger (
    change, tool_version, configuration, apply_text, revert_text, objects
)
select
    {change}, {tool_version}, {configuration}, {apply_text}, {revert_text},
    coalesce(jsonb_object_agg(made.identity, made.definition), '{{}}')
from (
{inventory}
) as made
where not exists (
    select from {ours}.ledger as l
    where l.change <> {change} and l.objects ? made.identity
)
on conflict (change) do update set
    applied_at = now(),
    applied_by = current_user,
    tool_version = excluded.tool_version,
    configuration = excluded.configuration,
    apply_text = excluded.apply_text,
    revert_text = excluded.revert_text,
    objects = excluded.objects;
