"""The app's own sign-up function, as sync runs it: found, judged, and put on a temporary table."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from psycopg import sql

from usersync.backends import OwnFunction, Table
from usersync.backends.postgres import names as table_names
from usersync.backends.postgres import reach
from usersync.backends.postgres.rows import RowCursor
from usersync.config import ProfileTable, Settings
from usersync.digest import fingerprint
from usersync.errors import Refused
from usersync.model import Trigger
from usersync.sql import profiles
from usersync.sql.names import event, quoted
from usersync.sql.stub import read
from usersync.triggers.tokens import tokens

_TABLE = "pg_temp.usersync_signing_up_7f3a"

#: How a trigger may ask on which table it stands: on ours it would hear another answer.
_ASKS = frozenset({"tg_relid", "tg_relname", "tg_table_name", "tg_table_schema"})

#: What stands between the table and the rest of a trigger, and means nothing on a copy.
_DEFERRABLE = re.compile(r"^(?:(?:NOT )?DEFERRABLE |INITIALLY (?:IMMEDIATE|DEFERRED) )+")


#: The body in what pg_get_functiondef prints.
_BODY = re.compile(r"^AS (?P<quote>\$\w*\$)(?P<body>.*)(?P=quote)\s*$", re.DOTALL | re.MULTILINE)


def used(
    cursor: RowCursor, settings: Settings, table: ProfileTable, sign_up: Sequence[Mapping[str, Any]]
) -> OwnFunction | None:
    """What makes the profiles of a table, when that is a function of the app.

    Args:
        cursor: in a transaction.
        settings: what holds in the target.
        table: the profile table.
        sign_up: the insert triggers on ``auth.users``, as ``queries/profile_table.sql`` tells them.

    Raises:
        Refused: the configuration wants a function of the app, and there is none.
    """
    if table.create == "columns" or (table.create is None and settings.trigger in ("own", "none")):
        return None
    theirs = [one for one in sign_up if one["schema"] != settings.install.schema_name]
    wanted = (table.schema_name, table.table)
    inserting = reach.inserting(cursor, [one["function_oid"] for one in theirs], [wanted])
    writers = [one for one in theirs if wanted in inserting.get(one["function_oid"], ())]
    paused = [one for one in theirs if saved_body(one["source"])]
    before = reach.paused_writing(
        cursor, {one["function_oid"]: saved_body(one["source"]) for one in paused}
    )
    paused = [one for one in paused if before[one["function_oid"]] & {wanted, ("", wanted[1])}]
    if not writers and table.create is None:
        others = frozenset().union(*before.values()) - {wanted, ("", wanted[1])}
        # Who says where the values come from may go on without a function that does no more.
        if not paused or (profiles.sources(table) and not others):
            return None
    if not writers and not paused:
        raise Refused(
            f"no trigger of the app's own on auth.users writes {table.schema_name}.{table.table},"
            " so there is no function that could make its profiles (create: own_function)",
            "put the trigger back, or say create: columns for this table in usersync.yaml",
        )
    return _described(cursor, table, writers, paused)


def saved_body(source: str) -> str:
    """The body that a paused function had; empty for one that is not paused.

    Args:
        source: its body now.
    """
    stub = read(source)
    found = _BODY.search(stub.definition) if stub and stub.definition else None
    return found["body"] if found else ""


def _described(
    cursor: RowCursor,
    table: ProfileTable,
    writers: Sequence[Mapping[str, Any]],
    paused: Sequence[Mapping[str, Any]],
) -> OwnFunction:
    oids = [one["function_oid"] for one in writers]
    code = sorted(reach.reached(cursor, oids), key=lambda one: (one.name, one.oid))
    attached = [_attached(one) for one in writers]
    own = {(table.schema_name, table.table), ("", table.table)}
    others = sorted(".".join(filter(None, one)) for one in reach.written(cursor, oids) - own)
    asking = [
        one.name
        for one in code
        if one.language == "plpgsql" and _ASKS & {token.text for token in tokens(one.source)}
    ]
    refusal = ""
    if paused and not writers:
        refusal = f"{paused[0]['function']} is paused"
    elif asking:
        refusal = f"{asking[0]}() asks on which table it stands (tg_table_name and the like)"
    return OwnFunction(
        triggers=tuple(one["name"] for one in writers),
        functions=tuple(dict.fromkeys(one["function"] for one in writers)),
        attach="\n    ".join(attached),
        definition=fingerprint(
            attached, [(one.name, one.source, one.search_path) for one in code], length=32
        ),
        also_writes=tuple(others),
        refusal=refusal,
    )


def _attached(trigger: Mapping[str, Any]) -> str:
    """The statement that puts a trigger on the temporary table: its condition, its arguments."""
    after_name = trigger["definition"].partition(f"TRIGGER {trigger['quoted']} ")[2]
    rest = _DEFERRABLE.sub("", after_name.partition(" ON auth.users ")[2])
    moment = "before" if trigger["before"] else "after"
    return f"create trigger {trigger['quoted']} {moment} insert on {_TABLE} {rest};"


def names(
    own: OwnFunction, how: Mapping[str, sql.Composable], *, keep: bool
) -> dict[str, sql.Composable]:
    """What ``queries/create_by_function.sql`` names beside the table.

    Args:
        own: what to run.
        how: the way in which the batch says whom it means.
        keep: whether it is to be committed.
    """
    mode = "for update" if keep else "for key share"
    locked = how["locked"].as_string().replace("for key share", mode)
    return {
        "attach": sql.SQL(own.attach),
        "locked": sql.SQL(locked),
        "lock_mode": sql.SQL(mode.upper().removeprefix("FOR ")),
        "made_no_profile": sql.Literal(f"{', '.join(own.functions)} made no profile"),
    }


def fired(cursor: RowCursor, table: Table) -> tuple[Trigger, ...]:
    """What a new profile fires: the app's own sign-up triggers where these make it, the triggers
    of the profile table, and those of every other table that the function writes to.

    Args:
        cursor: in a read-only transaction.
        table: the profile table.
    """
    settings, own = table.settings, table.own_function
    on_table = reach.triggers_of(cursor, table_names.of_settings(settings))
    if own is None:
        return on_table
    profile_names = (f"{settings.schema_name}.{settings.table}", settings.table)
    makers = reach.sign_up_triggers(cursor, own.triggers, profile_names)
    elsewhere = [
        replaced
        for other in own.also_writes
        for replaced in reach.triggers_of(
            cursor,
            event("insert") | {"profiles_text": sql.Literal(quoted(*other.split(".")))},
        )
    ]
    return tuple(dict.fromkeys((*makers, *on_table, *elsewhere)))
