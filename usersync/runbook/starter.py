"""A runbook to begin with: in order, with a check and a change of one's own and a drill."""

from __future__ import annotations

from pathlib import Path

from usersync.runbook.schema import FIRST_LINE

SCHEMA_FILE = Path("schemas/runbook.json")

_RUNBOOK = """\
{first_line}
schema: 1
id: {name}
title: Say in one line what is wrong
severity: high
symptoms:
  - what people see, in their words
inputs:
  most:
    type: int
    help: most rows one run may change
    default: 100
    min: 1
    max: 1000
steps:
  - id: found
    check: ./checks/{name}.sql
    why: Say what a row of it means, and where it comes from.
    expect: rows == 0
  - id: approve
    gate: Correct ${{steps.found.rows}} rows?
    when: steps.found.rows > 0
  - id: correct
    change: ./changes/{name}.sql
    max_rows: ${{inputs.most}}
    verify: steps.found.rows == 0
  - id: tell
    note: Say who should hear of it, and what to look at next.
drill:
  fault: ./drills/{name}.sql
"""

_CHECK = """\
-- asks: which profiles have no e-mail address although their user has one?
-- level: warning
-- remedy: runbook.{name}
select p.user_id::text as subject, 'the address is missing' as detail
from public.user_profiles as p
join auth.users as u on u.id = p.user_id
where p.email is null and u.email is not null
order by p.user_id
"""

_CHANGE = """\
-- does: copies the e-mail address of the user
update public.user_profiles as p
set email = u.email
from auth.users as u
where u.id = p.user_id and p.email is null and u.email is not null;
"""

_FAULT = """\
-- does: takes the address of three profiles away, in a database of no account
update public.user_profiles set email = null
where user_id in (select user_id from public.user_profiles order by user_id limit 3);
"""


def starter(name: str) -> dict[Path, str]:
    """The files of a new runbook.

    Args:
        name: its name.
    """
    return {
        Path(f"runbooks/{name}.yaml"): _RUNBOOK.format(first_line=FIRST_LINE, name=name),
        Path(f"runbooks/checks/{name}.sql"): _CHECK.format(name=name),
        Path(f"runbooks/changes/{name}.sql"): _CHANGE,
        Path(f"runbooks/drills/{name}.sql"): _FAULT,
    }
