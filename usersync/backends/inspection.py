"""The profile table held against its configuration, from what the catalog says."""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from usersync.backends import Table, suffixed
from usersync.config import ProfileTable
from usersync.errors import CouldNotTell, Refused, UsersyncError
from usersync.model import ReadOnly
from usersync.sql import profiles

Facts = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that stands in the way."""

    message: str
    next_step: str
    unknowable: bool = False
    """It hides the answer (exit 1) rather than being wrong in the configuration (exit 3)."""


def refuse(problems: Sequence[Problem]) -> None:
    """Raise what was found, all at once; return when nothing was.

    Raises:
        CouldNotTell: when rows are hidden from us.
        Refused: when the table does not fit its configuration.
    """
    if not problems:
        return
    hidden = [problem for problem in problems if problem.unknowable]
    kind: type[UsersyncError] = CouldNotTell if hidden else Refused
    told = hidden or list(problems)
    raise kind(
        "\n".join(problem.message for problem in told),
        "\n".join(dict.fromkeys(problem.next_step for problem in told if problem.next_step)),
    )


def read_only(why: ReadOnly | None) -> list[Problem]:
    """What stands in the way of any write to the server."""
    if why is None:
        return []
    if why == "standby":
        return [Problem("this server is read-only: it is a standby", "connect to the primary")]
    return [
        Problem(
            "this server is read-only: default_transaction_read_only is on, as a hosted project"
            " turns it on when its disk is full",
            "free or enlarge the disk in the dashboard under Database; if somebody set it on"
            " purpose, it is theirs to take back",
        )
    ]


def table(facts: Facts, settings: ProfileTable) -> Table:
    """What the use-cases need to know of a table without problems."""
    return Table(
        settings=settings,
        column_types={column["name"]: column["type"] for column in facts["relation"]["columns"]},
        definition=facts["relation"]["definition"],
        user_blocks=facts["users"]["blocks"],
        users_estimate=int(facts["users"]["rows_estimate"]),
        read_only=facts["read_only"],
        own_function=facts.get("own_function"),
        suffixed=suffixed.columns(facts, settings),
    )


def bad_value(settings: ProfileTable, column: str, what: str, reason: str) -> Refused:
    """A mapping whose source cannot become a value of its column.

    Args:
        settings: the table's configuration.
        column: the column.
        what: what does not fit.
        reason: what Postgres says of it.
    """
    name = f"{settings.schema_name}.{settings.table}"
    return Refused(
        f"profiles: {name}: columns.{column}: {what}: {reason}",
        "correct it in usersync.yaml; a sql: source is one expression over the row u of"
        " auth.users, such as `lower(u.email)`; functions and types of one's own need their"
        " schema, since a trigger looks nothing up",
    )


def own_function_needs_connection(settings: ProfileTable, function: str | None) -> Refused:
    """Profiles that a function of the app makes, asked for over the API.

    Args:
        settings: the table's configuration.
        function: its name, where that is known.
    """
    return Refused(
        f"the profiles of {settings.name} are made by {function or 'a function of the app'}, as at"
        " a sign-up, and the API cannot run it",
        "use a database connection: set SUPABASE_DB_URL\n"
        "or say create: columns for this table in usersync.yaml",
    )


def sees_users(facts: Facts) -> bool:
    """Whether row security leaves ``auth.users`` to us."""
    users = facts["users"]
    return (
        bool(users and users["schema_usage"] and users["may_select"]) and not users["row_security"]
    )


def problems(
    facts: Facts, settings: ProfileTable, current_user: str, *, writing: bool
) -> list[Problem]:
    """Everything that stands in the way of reading, or of writing, the table.

    Args:
        facts: what ``queries/profile_table.sql`` returned.
        settings: the table's configuration.
        current_user: who asks, for the messages.
        writing: whether rights and columns that only a write needs are asked for too.
    """
    found = _users_problems(facts, current_user, writing=writing)
    relation = facts["relation"]
    if relation is None:
        return [*found, _missing_table(facts, settings)]
    name = f"{settings.schema_name}.{settings.table}"
    if relation["kind"] not in ("r", "p"):
        kind = {"v": "a view", "m": "a materialized view", "f": "a foreign table"}
        what = kind.get(relation["kind"], "not a table")
        return [*found, Problem(f"{name} is {what}; profiles are rows of a table", "")]
    found += _right_problems(relation, name, current_user, writing=writing)
    found += _key_problems(relation, settings, name)
    # Which columns a function of the app fills is its own affair.
    fills = writing and not facts.get("own_function")
    found += _column_problems(relation, settings, name, writing=fills)
    if writing:
        found += [Problem(*problem) for problem in suffixed.problems(facts, settings)]
    return found


def _users_problems(facts: Facts, current_user: str, *, writing: bool) -> list[Problem]:
    users = facts["users"]
    if users is None:
        return [
            Problem(
                f"the database {facts['database']} has no table auth.users",
                "connect to the database of a Supabase project (its name is postgres)",
            )
        ]
    as_postgres = "connect as postgres, or as a role with BYPASSRLS and rights on auth.users"
    if not (users["schema_usage"] and users["may_select"]):
        return [Problem(f"{current_user} may not read auth.users", as_postgres, unknowable=True)]
    if users["row_security"]:
        return [
            Problem(
                f"row security hides auth.users from {current_user}: it would count 0 users and"
                " call every profile an orphan",
                as_postgres,
                unknowable=True,
            )
        ]
    if writing and not users["may_lock"]:
        return [
            Problem(
                f"{current_user} may not lock rows of auth.users (no UPDATE right)", as_postgres
            )
        ]
    return []


def _missing_table(facts: Facts, settings: ProfileTable) -> Problem:
    name = f"{settings.schema_name}.{settings.table}"
    candidates: list[str] = facts["near_names"]
    same = [other for other in candidates if other.partition(".")[2] == settings.table]
    near = same or difflib.get_close_matches(name, candidates, n=3)
    hint = f"; did you mean {' or '.join(near)}?" if near else ""
    return Problem(
        f"there is no table {name}{hint}",
        "name the app's table under profiles: in usersync.yaml (schema, table, key)",
    )


def _right_problems(
    relation: Facts, name: str, current_user: str, *, writing: bool
) -> list[Problem]:
    found: list[Problem] = []
    readable = relation["schema_usage"] and relation["may_select"]
    if not readable:
        found.append(
            Problem(
                f"{current_user} may not read {name}",
                f"as its owner: grant select, insert on {name} to {current_user};",
                unknowable=True,
            )
        )
    elif relation["row_security"]:
        found.append(
            Problem(
                f"row security hides {name} from {current_user}: profiles that exist would count"
                " as missing",
                "connect as postgres, or as a role with BYPASSRLS",
                unknowable=True,
            )
        )
    if writing and readable and not relation["may_insert"]:
        found.append(
            Problem(
                f"{current_user} may not insert into {name}",
                f"as its owner: grant insert on {name} to {current_user};",
            )
        )
    return found


def _key_problems(relation: Facts, settings: ProfileTable, name: str) -> list[Problem]:
    columns = {column["name"]: column for column in relation["columns"]}
    key = settings.key
    if key not in columns:
        return [_missing_column(relation, name, key, "key")]
    kind = columns[key]["display_type"]
    if kind != "uuid":
        return [
            Problem(
                f"{name}.{key} is of type {kind}; the key holds the user's id, a uuid",
                "name the column that references auth.users(id) as key: in usersync.yaml",
            )
        ]
    if [key] not in relation["unique_keys"]:
        composite = [keys for keys in relation["unique_keys"] if key in keys]
        also = (
            f"; it is only part of ({', '.join(composite[0])}), and a composite key cannot tell"
            " whether a user has a profile"
            if composite
            else ""
        )
        return [
            Problem(
                f"{name}.{key} has no unique index of its own{also}",
                f"alter table {name} add unique ({key});",
            )
        ]
    return []


def _column_problems(
    relation: Facts, settings: ProfileTable, name: str, *, writing: bool
) -> list[Problem]:
    columns = {column["name"]: column for column in relation["columns"]}
    found: list[Problem] = []
    filled = profiles.sources(settings)
    for column in filled:
        if column not in columns:
            found.append(_missing_column(relation, name, column, f"columns.{column}"))
        elif columns[column]["generated"]:
            found.append(
                Problem(
                    f"{name}.{column} is generated by Postgres and takes no value",
                    f"take columns.{column} out of usersync.yaml",
                )
            )
    if writing:
        found += [
            Problem(
                f"{name}.{column['name']} is NOT NULL, has no default and is not mapped",
                f"say under columns: in usersync.yaml where {column['name']} comes from,"
                " or give it a default",
            )
            for column in relation["columns"]
            if column["required"]
            and not column["generated"]
            and column["name"] != settings.key
            and column["name"] not in filled
        ]
    return found


def _missing_column(relation: Facts, name: str, column: str, where: str) -> Problem:
    names = [known["name"] for known in relation["columns"]]
    near = difflib.get_close_matches(column, names, n=2)
    hint = f"; did you mean {' or '.join(near)}?" if near else f"; it has {', '.join(names)}"
    return Problem(
        f"{name} has no column {column}{hint}",
        f"correct {where} of this table under profiles: in usersync.yaml",
    )
