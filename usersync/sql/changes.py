"""The changes of the migration, rendered for one configuration; what they make is plain SQL text.

A change is a folder under ``changes``; the bodies of its functions are files under ``functions``.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from importlib import resources
from typing import TYPE_CHECKING

from psycopg import sql

from usersync.config import LiteralValue, UserColumn
from usersync.sql import api, compose, follow, load, profiles
from usersync.sql.fragments import block, body, fragment, lines
from usersync.sql.names import Names, follow_name, ours
from usersync.sql.replaced import Replaced
from usersync.sql.shapes import Shape, insert, record, table_names

if TYPE_CHECKING:
    from usersync.config import ProfileTable, Settings, Source

LEDGER = "0001_ledger"
JOURNAL = "0002_journal"
FAILURES = "0003_failures"
PROFILE_TABLE = "0005_profile_table"
SIGN_UP = "0006_sign_up"
FOLLOW = "0007_follow"

#: Whoever holds a lock on the profile table keeps a sign-up waiting no longer than that: the Auth
#: server gives up after 10 s.
_PATIENCE = sql.Literal("2s")

#: Types of columns of ``auth.users`` that are no texts, by name or by the end of it; spelled as the
#: catalog does, since what is rendered for a table must not differ once the table is there.
_USER_TYPES = {
    "at": "timestamp with time zone",
    "until": "timestamp with time zone",
    "data": "jsonb",
    "is_anonymous": "boolean",
    "is_sso_user": "boolean",
    "id": "uuid",
}


@dataclass(frozen=True, slots=True)
class Change:
    """One change, rendered: complete SQL texts without transaction control."""

    name: str
    """``0006_sign_up``."""
    does: str
    locks_users: bool
    """Whether it takes a lock on ``auth.users`` that holds up sign-ins."""
    loses: str
    """What revert destroys; empty for nothing."""
    apply: str
    verify: str
    revert: str
    configuration: str
    """Stands for the settings that it was rendered from."""
    trigger: str = ""
    """The trigger on ``auth.users`` that it makes; empty for none."""
    replaces: Replaced | None = None
    """The app's trigger whose place it takes now."""


def names() -> tuple[str, ...]:
    """All changes there are, in the order in which they are applied."""
    folder = resources.files(__package__).joinpath("changes")
    return tuple(sorted(entry.name for entry in folder.iterdir() if entry.name[0].isdigit()))


def render(
    settings: Settings,
    shapes: Sequence[Shape],
    *,
    on_users: bool = True,
    taken: Collection[str] = (),
) -> tuple[Change, ...]:
    """The changes that this configuration asks for, in their order.

    Args:
        settings: what holds in the target.
        shapes: its profile tables.
        on_users: whether triggers of ours belong on ``auth.users``.
        taken: the names of triggers there that are not ours.
    """
    named = _names(settings, shapes, follow_name(settings, taken))
    wanted = [
        name
        for name in names()
        if (on_users or name not in (SIGN_UP, FOLLOW))
        and not (name == PROFILE_TABLE and not any(shape.made for shape in shapes))
        and not (name == FOLLOW and "follow_condition" not in named)
    ]
    wanted = _within(settings, wanted)
    verifications = {
        f"change_{name.partition('_')[2]}": compose(
            load(f"changes/{name}/verify"), named | _own(name, named)
        )
        for name in wanted
    }
    made = api.create(settings, shapes, _configuration(settings, shapes), verifications)
    named["api_functions"] = lines(made)
    return tuple(_change(name, named | _own(name, named), settings, shapes) for name in wanted)


def _within(settings: Settings, wanted: list[str]) -> list[str]:
    """Those of the changes that ``install:`` asks for; nothing where a ledger would stand alone."""
    install = settings.install
    if install.what == "full":
        return wanted
    acting = [name for name in wanted if name in (PROFILE_TABLE, SIGN_UP, FOLLOW)]
    if install.what == "nothing" or not acting:
        return []
    # What follows changes of users never stops them, and records whatever on_error says.
    records = FOLLOW in acting or (SIGN_UP in acting and install.on_error == "record")
    return [LEDGER, *([FAILURES] if records else []), *acting]


def new_column_types(table: ProfileTable) -> dict[str, str]:
    """The types of the columns of a table that usersync makes."""
    return {column: _type(source) for column, source in profiles.sources(table).items()}


def sign_up_function(settings: Settings) -> sql.Composed:
    """The function behind the sign-up trigger: ``usersync.on_auth_user_created()``."""
    return _function(settings, settings.install.trigger)


def _change(name: str, named: Names, settings: Settings, shapes: Sequence[Shape]) -> Change:
    scripts = {part: load(f"changes/{name}/{part}") for part in ("apply", "verify", "revert")}
    texts = {part: compose(script, named).as_string() for part, script in scripts.items()}
    header = scripts["apply"].header
    return Change(
        name=name,
        does=header["does"],
        locks_users=header["locks"].startswith("auth.users"),
        loses=scripts["revert"].header["loses"].replace("nothing", ""),
        configuration=_configuration(settings, shapes),
        apply=texts["apply"],
        verify=texts["verify"],
        revert=texts["revert"],
        trigger=_trigger(name, named),
    )


def configuration(settings: Settings, tables: Sequence[ProfileTable]) -> str:
    """Stands for every setting that what is installed was made from.

    Args:
        settings: what holds in the target.
        tables: its profile tables.
    """
    parts = (settings.users, settings.install, tuple(tables))
    return hashlib.sha256(repr(parts).encode()).hexdigest()[:16]


def _configuration(settings: Settings, shapes: Sequence[Shape]) -> str:
    return configuration(settings, [shape.settings for shape in shapes])


def _names(settings: Settings, shapes: Sequence[Shape], follow_trigger: str) -> Names:
    made = [shape.settings for shape in shapes if shape.made]
    return {
        **ours(settings),
        "drop_own_schema": block("drop_own_schema", ours(settings)),
        "new_tables": lines(_new_table(table) for table in made),
        "new_table_names": _texts(made),
        "drop_tables": lines(
            sql.SQL("drop table if exists {};").format(profiles.table_name(table)) for table in made
        ),
        "profile_names": _texts([shape.settings for shape in shapes]),
        "sign_up_function": sign_up_function(settings),
        "sign_up_body": body("sign_up", [_sign_up_table(settings, shape) for shape in shapes]),
        "patience": _PATIENCE,
        # Where a failure blocks the sign-up, waiting is the better end.
        "sign_up_patience": sql.SQL("")
        if settings.install.on_error == "block"
        else sql.SQL("set lock_timeout = {}\n").format(_PATIENCE),
        "follow_trigger": sql.Identifier(follow_trigger),
        "follow_function": _function(settings, follow_trigger),
        **follow.names(settings, shapes),
        "drop_api_functions": lines(api.drop()),
        "api_signatures": sql.SQL("{}::text[]").format(
            sql.Literal([function.signature for function in api.FUNCTIONS])
        ),
    }


def _own(name: str, named: Names) -> Names:
    """The names that mean another thing in each change."""
    functions = {SIGN_UP: "sign_up_function", FOLLOW: "follow_function"}
    if name not in functions:
        return {}
    faults = named | {
        "trigger_text": sql.Literal(_trigger(name, named)),
        "function_text": _text(named[functions[name]]),
    }
    return {"trigger_faults": fragment("trigger_faults", faults)}


def _trigger(name: str, named: Names) -> str:
    """The trigger on ``auth.users`` that a change makes; empty for none."""
    trigger = named.get({SIGN_UP: "trigger", FOLLOW: "follow_trigger"}.get(name, ""))
    return trigger._obj[0] if isinstance(trigger, sql.Identifier) else ""


def _new_table(table: ProfileTable) -> sql.Composable:
    types = new_column_types(table)
    columns: list[sql.Composable] = []
    for column, source in profiles.sources(table).items():
        required = table.role is not None and column == table.role.column
        definition = sql.SQL("{} {}").format(sql.Identifier(column), sql.SQL(types[column]))
        if column in profiles.suffixed(table):
            definition += sql.SQL(" unique")
        if required:
            value = profiles.typed_value(source, types[column])
            definition = sql.SQL("{} not null default {}").format(definition, value)
        columns.append(definition)
    if "created_at" not in types:
        columns.append(sql.SQL("created_at timestamptz not null default now()"))
    named: Names = {
        "profiles": profiles.table_name(table),
        "key": sql.Identifier(table.key),
        "schema_text": sql.Literal(table.schema_name),
        "table_text": sql.Literal(table.table),
        "column_definitions": sql.SQL(",\n    ").join(columns),
    }
    return fragment("new_profile_table", named | {"own_row_policy": block("own_row_policy", named)})


def _sign_up_table(settings: Settings, shape: Shape) -> sql.Composable:
    return fragment(
        "sign_up_table",
        table_names(settings, shape)
        | {
            "insert": insert(settings, shape, indent=12),
            "on_error": sql.SQL("raise;")
            if settings.install.on_error == "block"
            else record(settings, shape, indent=8),
        },
        indent=4,
    )


def _type(source: Source) -> str:
    """What a column is made as; texts and expressions are text."""
    match source:
        case UserColumn(name=name):
            return _USER_TYPES.get(name.rpartition("_")[2], _USER_TYPES.get(name, "text"))
        case LiteralValue(value=bool()):
            return "boolean"
        case LiteralValue(value=int() | float()):
            return "numeric"
        case _:
            return "text"


def _function(settings: Settings, name: str) -> sql.Composed:
    return sql.SQL("{}()").format(sql.Identifier(settings.install.schema_name, name))


def _text(name: sql.Composable) -> sql.Literal:
    """A composed name as a text, for questions to the catalog."""
    return sql.Literal(name.as_string())


def _texts(tables: Sequence[ProfileTable]) -> sql.Composed:
    listed = [profiles.table_name(table).as_string() for table in tables]
    return sql.SQL("{}::text[]").format(sql.Literal(listed))


__all__ = [
    "FOLLOW",
    "JOURNAL",
    "LEDGER",
    "PROFILE_TABLE",
    "SIGN_UP",
    "Change",
    "Shape",
    "configuration",
    "follow_name",
    "names",
    "new_column_types",
    "ours",
    "render",
    "sign_up_function",
]
