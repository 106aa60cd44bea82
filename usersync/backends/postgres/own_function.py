"""The app's own sign-up function, as sync runs it: found, judged, and put on a temporary table."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
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
from usersync.triggers import FunctionSource
from usersync.triggers.tokens import tokens

_TABLE = "pg_temp.usersync_signing_up_7f3a"

#: How a trigger may ask on which table it stands: on ours it would hear another answer.
_ASKS = frozenset({"tg_relid", "tg_relname", "tg_table_name", "tg_table_schema"})

#: How a function may ask for whom it runs: at a sign-up that is the Auth server.
_ASKS_WHO = frozenset({"session_user"})

#: The same of one that does not run with the rights of its owner.
_ASKS_WHO_CALLS = frozenset({"current_role", "current_user", "user"})

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
    if writers:
        # One that changes what another inserted belongs to it.
        names = {wanted, ("", wanted[1])}
        writers = [
            one
            for one in theirs
            if one in writers or names & reach.written(cursor, [one["function_oid"]])
        ]
    paused = [one for one in theirs if saved_body(one["source"])]
    before = reach.paused_writing(
        cursor, {one["function_oid"]: saved_body(one["source"]) for one in paused}
    )
    paused = [one for one in paused if before[one["function_oid"]] & {wanted, ("", wanted[1])}]
    languages = reach.unreadable(cursor, [one["function_oid"] for one in theirs])
    unread = [one for one in theirs if not writers and one["function_oid"] in languages]
    if not writers and table.create is None:
        others = frozenset().union(*before.values()) - {wanted, ("", wanted[1])}
        # Who says where the values come from may go on without a function that does no more.
        if not (paused or unread) or (profiles.sources(table) and not others):
            return None
    refusal = ""
    if not writers and paused:
        refusal = f"{paused[0]['function']} is paused"
    elif unread:
        if table.create is None:
            refusal = (
                f"{unread[0]['function']} is written in {languages[unread[0]['function_oid']]},"
                " so nobody can tell whether it makes them (create: own_function says it does)"
            )
        writers = unread
    elif not writers:
        raise Refused(
            f"no trigger of the app's own on auth.users writes {table.schema_name}.{table.table},"
            " so there is no function that could make its profiles (create: own_function)",
            "put the trigger back, or say create: columns for this table in usersync.yaml",
        )
    left_out = [one["function"] for one in theirs if one not in writers and one not in paused]
    return _described(cursor, table, writers, left_out, refusal)


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
    left_out: Sequence[str],
    refusal: str,
) -> OwnFunction:
    oids = [one["function_oid"] for one in writers]
    code = sorted(reach.reached(cursor, oids), key=lambda one: (one.name, one.oid))
    attached = [_attached(one) for one in writers]
    own = {(table.schema_name, table.table), ("", table.table)}
    writes = sorted(
        (event, ".".join(filter(None, (schema, name))))
        for event, schema, name in reach.performed(cursor, oids)
        if (schema, name) not in own
    )
    return OwnFunction(
        triggers=tuple(one["name"] for one in writers),
        functions=tuple(dict.fromkeys(one["function"] for one in writers)),
        attach="\n    ".join(attached),
        definition=fingerprint(
            attached, [(one.name, one.source, one.search_path) for one in code], length=32
        ),
        also_writes=tuple(sorted({name for _, name in writes})),
        writes=tuple(writes),
        left_out=tuple(dict.fromkeys(left_out)),
        changing=tuple(dict.fromkeys(one["function"] for one in writers if one["before"])),
        refusal=refusal or _refusal(writers, code),
        # Who has no function to run is here since one is paused.
        is_paused=not writers,
    )


def _refusal(writers: Sequence[Mapping[str, Any]], code: Sequence[FunctionSource]) -> str:
    """Why these would not do here what they do at a sign-up; empty when they would."""
    for one in writers:
        if not one["may_execute"]:
            return f"the role that is connected may not execute {one['function']}"
    who = _ASKS_WHO if all(one["definer"] for one in writers) else _ASKS_WHO | _ASKS_WHO_CALLS
    for function in code:
        if function.language == "plpgsql" and _asks(function.source, _ASKS):
            return f"{function.name}() asks on which table it stands (tg_table_name and the like)"
        for word in _asks(function.source, who):
            return (
                f"{function.name}() asks who is connected ({word}): at a sign-up that is"
                " supabase_auth_admin"
            )
    return ""


def _asks(source: str, words: Collection[str]) -> list[str]:
    """Those of these words by which a function asks, and does not name a column."""
    code = tokens(source)
    return [
        token.text
        for at, token in enumerate(code)
        if token.kind == "word"
        and token.text in words
        and (at == 0 or code[at - 1].text not in (".", "as"))
    ]


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
        "may_change": sql.Literal(bool(own.changing)),
        "changes_user": sql.Literal(f"{', '.join(own.changing)} changes the user"),
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
    makers = reach.sign_up_triggers(cursor, own.triggers, profile_names, settings.key)
    elsewhere = [
        trigger
        for kind, other in own.writes
        for trigger in reach.triggers_of(
            cursor, event(kind) | {"profiles_text": sql.Literal(quoted(*other.split(".")))}
        )
    ]
    return tuple(dict.fromkeys((*makers, *on_table, *elsewhere)))
