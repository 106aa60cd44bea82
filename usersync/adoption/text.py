"""What was found in a database, as the text of a ``usersync.yaml`` with its reasons."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass

from usersync.adoption.making import Making
from usersync.adoption.mapping import Mapped, Role
from usersync.backends.catalog import ActingTrigger, LikelyTable
from usersync.privacy import visible

_PLAIN = re.compile(r"[a-z_][a-z0-9_]*")
#: Words that YAML 1.1 takes for something else.
_WORDS = frozenset({"y", "n", "yes", "no", "on", "off", "true", "false", "null"})


@dataclass(frozen=True, slots=True)
class Adopted:
    """A table with everything that is proposed for it."""

    table: LikelyTable
    columns: tuple[Mapped, ...]
    role: Role | None
    writer: ActingTrigger | None
    """The app's own trigger that writes it."""
    making: Making | None = None
    """How its missing profiles are made beside that trigger."""
    ours: bool = False
    """Whether usersync has a trigger on ``auth.users`` already."""
    everybody: bool = False
    """Whether the app's own trigger makes no difference for anonymous users."""


def lines(found: tuple[Adopted, ...]) -> Iterator[str]:
    """The file: what was taken and why, then what was left.

    Args:
        found: the likeliest table first.
    """
    yield "# usersync.yaml, proposed from the catalog of the database; nothing was written there."
    yield "# Every choice has its reason beside it: read them, they are guesses."
    yield ""
    if not found:
        yield "# No table has one row per user: none refers to auth.users by a unique uuid, and"
        yield "# none that a trigger writes, or that is named like one, has a unique id of type"
        yield "# uuid. Name the app's table here, or let `migration.apply --create-table` make this"
        yield "# one, which holds when nothing is said:"
        yield from ("# profiles:", "#   - table: user_profiles", "#     key: user_id")
        return
    first, *others = found
    yield "profiles:"
    yield from _entry(first)
    for other in others:
        yield ""
        yield f"  # Also found, and left out, since {_comparison(first.table, other.table)}:"
        yield from (f"  # {line[2:].removeprefix('# ')}" for line in _entry(other))
    yield ""
    yield from _of_triggers(first)
    if first.everybody:
        yield ""
        yield "# Its function asks nobody whether they are anonymous, so they get a profile too."
        yield from ("users:", "  anonymous: true")


def _comparison(first: LikelyTable, other: LikelyTable) -> str:
    if first.score == other.score:
        return "nothing tells them apart; take the other one if it is the right one"
    return "less speaks for it"


def _entry(adopted: Adopted) -> Iterator[str]:
    table = adopted.table
    yield f"  # {_reasons(table)}"
    yield f"  - schema: {_word(table.schema_name)}"
    yield f"    table: {_word(table.table_name)}"
    unique = "" if table.key_unique else "; NOT UNIQUE: add a unique constraint first"
    what = "refers to auth.users(id)" if table.references_users else "a uuid, by its name"
    yield f"    key: {_word(table.key)}  # {what}{unique}"
    if (making := adopted.making) is not None:
        create = f"    create: {making.create}  # " if making.create else "    # create: "
        yield create + _comment(making.why)
    taken = [one for one in adopted.columns if one.source is not None]
    if taken:
        yield "    columns:"
        for one in taken:
            assert one.source is not None
            yield f"      {_word(one.column)}: {one.source.describe()}  # {_comment(one.why)}"
    for one in adopted.columns:
        if one.source is None:
            yield f"    # columns, without a source: {_comment(one.column)}: {_comment(one.why)}"
    if adopted.role:
        role = adopted.role
        yield "    role:"
        yield f"      column: {_word(role.column)}"
        yield f"      default: {_word(role.default)}  # {_comment(role.why)}"
        more = "" if len(role.allowed) > 1 else "  # add the other roles there are"
        yield f"      allowed: [{', '.join(map(_word, role.allowed))}]{more}"


def _reasons(table: LikelyTable) -> str:
    reasons = [
        *(["refers to auth.users"] if table.references_users else []),
        *(["has one row per user"] if table.key_unique else []),
        *([f"is written at sign-up by {table.written_by}"] if table.written_by else []),
    ]
    name = f"{table.schema_name}.{table.table_name}"
    return _comment(f"{name}: {', '.join(reasons) or 'is named like one'}.")


def _of_triggers(adopted: Adopted) -> Iterator[str]:
    """What acts on sign-ups already, which usersync leaves alone, and who makes the profiles."""
    acting = [
        one
        for one in adopted.table.triggers
        if one.on_users and (one.on_insert or one == adopted.writer)
    ]
    if not acting:
        yield "# No trigger on auth.users acts at sign-up: `migration.apply` installs one."
        return
    for one in acting:
        extra = [
            *(["it swallows errors"] if one.catches else []),
            *(["it reaches outside the database"] if one.reaches_outside else []),
            *([] if one.security_definer else ["with the rights of whoever signs up"]),
            *([f"written in {one.language}"] if one.language != "plpgsql" else []),
        ]
        does = ", ".join(one.writes) or "nothing that its text shows"
        yield _comment_line(
            f"Trigger {one.name} ({one.state}, {one.moment}) calls {one.function}: {does}"
            + (f" ({'; '.join(extra)})." if extra else ".")
        )
    writer = adopted.writer
    if writer is None and adopted.ours:
        yield "# The trigger of usersync makes the profiles."
    elif writer is None:
        yield "# None of them shows that it writes the profile table. Look before `migration.apply`"
        yield "# installs a trigger that does: one table has one writer."
    elif not writer.on_insert:
        yield "# The app makes the profile later than at the sign-up, and one table has one writer:"
        yield "# usersync installs no trigger. `sync` makes the profiles that are missing."
        yield "trigger: none"
    else:
        yield from _kept(writer)


def _kept(writer: ActingTrigger) -> Iterator[str]:
    """That the app's own trigger stays the writer."""
    if writer.state == "paused":
        yield "# Its function is paused: nobody who signs up has a profile, until"
        yield "# `migration.resume`."
    elif writer.state != "on":
        yield "# It is off: nobody who signs up has a profile, until the app's team switches it on."
    yield "# The app's own trigger is there to make the profiles, and one table has one writer:"
    yield "# usersync installs no second one. `migration.test` proves that it works, `sync` makes"
    yield "# the profiles that are missing."
    yield "trigger: keep"


def _word(text: str) -> str:
    """A name or a text as YAML reads it back, letter by letter."""
    if _PLAIN.fullmatch(text) and text not in _WORDS:
        return text
    return json.dumps(text)


def _comment(text: str) -> str:
    """Text of unknown origin in a comment: one line, and no end of it."""
    return visible(text, 400)


def _comment_line(text: str) -> str:
    return f"# {_comment(text)}"
