"""What PostgREST's errors about a profile table mean, and what refused a row."""

from __future__ import annotations

import re

from usersync.config import ProfileTable
from usersync.errors import CouldNotTell, Refused, TooSlow, UsersyncError

#: What Postgres says of a broken constraint before the DETAIL, which holds values.
_SUBJECTS = (
    re.compile(r'duplicate key value violates unique constraint "([^"\n]+)"'),
    re.compile(r'new row for relation "[^"\n]+" violates check constraint "([^"\n]+)"'),
    re.compile(r'insert or update on table "[^"\n]+" violates foreign key constraint "([^"\n]+)"'),
    re.compile(r'null value in column "([^"\n]+)" of relation "[^"\n]+" violates not-null .*'),
    re.compile(r'conflicting key value violates exclusion constraint "([^"\n]+)"'),
    re.compile(r'invalid input (?:syntax|value) for (?:type|enum) ([^":\n]+): .*', re.DOTALL),
)

_COLUMN = re.compile(r"the '([^']+)' column|column (?:\S+\.)?(\S+) does not exist")


def explain(code: str, message: str, table: ProfileTable) -> UsersyncError | None:
    """An error that is about the table; None for one that is not.

    Args:
        code: PostgREST's own, or an SQLSTATE.
        message: what it said.
        table: the table that was asked.
    """
    name = f"{table.schema_name}.{table.table}"
    column = _COLUMN.search(message)
    refused = {
        **dict.fromkeys(
            ("PGRST205", "42P01"),
            (
                f"the API shows no table {name}",
                (
                    "name the app's table under profiles: in usersync.yaml (schema, table, key)\n"
                    "when it is new, in the SQL editor: notify pgrst, 'reload schema';"
                ),
            ),
        ),
        **dict.fromkeys(
            ("PGRST204", "42703"),
            (
                f"{name} has no column {(column[1] or column[2]) if column else 'of that name'}",
                "correct it under profiles: in usersync.yaml",
            ),
        ),
        "PGRST106": (
            f"the API does not expose the schema {table.schema_name}",
            "expose it: dashboard, Settings, Data API, Exposed schemas",
        ),
        "42P10": (
            f"{name}.{table.key} has no unique index of its own",
            f"in the SQL editor: alter table {name} add unique ({table.key});",
        ),
    }
    if code in refused:
        return Refused(*refused[code])
    if code == "42501":
        return CouldNotTell(
            f"the role service_role may not read {name}, or may not insert into it",
            f"in the SQL editor: grant select, insert on {name} to service_role;",
        )
    if code == "413":
        return TooSlow("the API takes no request of this size")
    return None


def subject(sqlstate: str, message: str) -> str:
    """What refused a row; nothing of a message that somebody's trigger wrote."""
    if sqlstate.startswith("P0"):
        return ""
    found = (pattern.fullmatch(message.strip()) for pattern in _SUBJECTS)
    return next((one[1] for one in found if one), "")
