-- does: tells what is there of the canary in one profile table, and what a trigger recorded of it
jsonb_build_object(
    'here', (select to_jsonb(here) from (
{found}
    ) as here),
    'failure', (select to_jsonb(recorded) from (
{failures}
    ) as recorded)
)
