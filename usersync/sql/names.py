"""What the query files may name: one table, its columns and the predicate, composed as SQL."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from psycopg import sql

from usersync.sql import profiles, unique, users

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from usersync.config import ProfileTable, Settings, Users
    from usersync.sql.unique import UniqueColumn

Names = dict[str, sql.Composable]

#: A kind of write, which fires triggers.
Event = Literal["insert", "update", "delete"]


def of_table(
    settings: ProfileTable,
    column_types: Mapping[str, str],
    predicate: Users,
    *,
    in_share: sql.Composable,
    in_plan: sql.Composable,
    role: str | None = None,
    suffixed: Sequence[UniqueColumn] = (),
) -> Names:
    """Everything about one table that a query file may name.

    Args:
        settings: the profile table.
        column_types: the type of each of its columns, without its length.
        predicate: who needs a profile.
        in_share: true for the users of the share that is meant.
        in_plan: true for the users that the plan means.
        role: the role of a new profile instead of the default one.
        suffixed: its columns of which no two profiles may have the same value.
    """
    email = profiles.email_column(settings)
    return {
        "profiles": profiles.table_name(settings),
        "key": sql.Identifier(settings.key),
        "columns": profiles.column_list(settings),
        "values": profiles.value_list(
            settings, column_types, role, given=unique.given_values(settings, suffixed)
        ),
        "steady_values": profiles.steady_values(settings),
        "needs_profile": users.needs_profile(predicate),
        "skip_number": users.skip_number(predicate),
        "skip_reason": users.skip_reason(predicate),
        "provider": users.provider(),
        "in_share": in_share,
        "in_plan": in_plan,
        "email_differs": users.email_differs(email, settings.key),
        "user_email": users.masked(sql.SQL("u.email")),
        "profile_email": users.masked(
            sql.SQL("p.{}::text").format(sql.Identifier(email)) if email else sql.SQL("null")
        ),
    }


def ours(settings: Settings) -> Names:
    """The names of everything usersync installs, as identifiers and as texts."""
    schema = settings.install.schema_name
    tables = ("ledger", "journal", "lease", "failures", "before_images", "parked_profiles")
    return {
        "ours": sql.Identifier(schema),
        "ours_text": sql.Literal(schema),
        "ours_name": text(sql.Identifier(schema)),
        "trigger": sql.Identifier(settings.install.trigger),
        **{f"{table}_text": text(sql.Identifier(schema, table)) for table in tables},
    }


def follow_name(settings: Settings, taken: Collection[str] = ()) -> str:
    """The name of the trigger that follows changes of users.

    Args:
        settings: what holds in the target.
        taken: the names of triggers on ``auth.users`` that are not ours.
    """
    trigger = settings.install.trigger
    updated = trigger.replace("created", "updated")
    name = updated if updated != trigger else _longer(trigger, "_updated")
    return _longer(name, "_usersync") if name in taken else name


def _longer(name: str, end: str) -> str:
    """A name with something behind it; Postgres would cut off what is more than 63 bytes."""
    return name.encode()[: 63 - len(end)].decode(errors="ignore") + end


def event(kind: Event, columns: Sequence[str] | None = None) -> Names:
    """What the catalog calls a kind of write: the bit of a trigger, and the letter of a rule.

    Args:
        kind: of write.
        columns: those that an update may write; all when not given.
    """
    bit, letter = {"insert": (4, "3"), "delete": (8, "4"), "update": (16, "2")}[kind]
    listed = None if columns is None else list(columns)
    return {
        "event_bit": sql.Literal(bit),
        "rule_event": sql.Literal(letter),
        "written_columns": sql.SQL("{}::text[]").format(sql.Literal(listed)),
    }


def quoted(*parts: str) -> str:
    """A name, with its schema or without, as SQL has it."""
    return sql.Identifier(*parts).as_string()


def text(name: sql.Composable) -> sql.Literal:
    """A composed name as a text, for questions to the catalog."""
    return sql.Literal(name.as_string())
