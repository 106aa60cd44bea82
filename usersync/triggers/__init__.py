"""How far a trigger reaches: can an insert into the profile table mail somebody?

Postgres cannot say what a function will do, so its source is read: a trigger is *contained* only
when nothing in it, nor in anything it names, can leave the table. Everything else is *outside*, or
*undecided* when the text does not tell; both stop a backfill until they are named.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from usersync.model import Reach, Trigger
from usersync.triggers.signs import (
    Write,
    aside,
    is_undone,
    overwrites,
    signs,
    writes,
    writes_rows,
    writes_to,
)
from usersync.triggers.tokens import tokens

#: Extensions whose C functions compute and do nothing else (PostgreSQL contrib, Supabase's list).
HARMLESS_EXTENSIONS = frozenset(
    {
        "btree_gin", "btree_gist", "citext", "cube", "dict_int", "dict_xsyn", "earthdistance",
        "fuzzystrmatch", "hstore", "insert_username", "intarray", "isn", "ltree", "moddatetime",
        "pg_hashids", "pg_jsonschema", "pg_trgm", "pgcrypto", "postgis", "seg", "unaccent",
        "uuid-ossp", "vector",
    }
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class FunctionSource:
    """One function of the target, or a view, domain, operator or cast, as SQL."""

    oid: int
    name: str
    """Qualified."""
    language: str
    trusted: bool
    source: str
    extension: str | None = None
    search_path: str | None = None
    """Its own setting; None when it runs with that of whoever calls it."""


@dataclass(frozen=True, slots=True)
class TriggerSource:
    """One trigger with its WHEN condition, or a rule, which has no function."""

    name: str
    function: FunctionSource | None
    condition: str = ""


#: A schema, or whatever else stands before the point (empty for nothing), and a name.
Reference: TypeAlias = tuple[str, str]

#: Looks up what stands behind references. The schemas are searched besides those of the session;
#: None for all schemas.
LookUp: TypeAlias = Callable[
    [Collection[Reference], Collection[str] | None], Sequence[FunctionSource]
]


def references(source: str) -> frozenset[Reference]:
    """Every name and operator in a function's source: ``m.sent`` may call ``sent(m)``."""
    code = tokens(source)
    found: set[Reference] = set()
    for at, token in enumerate(code):
        if token.is_name or token.is_operator:
            qualified = at > 1 and code[at - 1].text == "." and code[at - 2].is_name
            found.add((code[at - 2].text if qualified else "", token.text))
    return frozenset(found)


def judge(
    triggers: Sequence[TriggerSource],
    look_up: LookUp,
    foreign_tables: Collection[str] = (),
    own_tables: Collection[str] = (),
    own_key: str = "",
) -> tuple[Trigger, ...]:
    """Say of each trigger how far it reaches.

    Args:
        triggers: what an insert fires.
        look_up: finds what stands behind references; asked once for each.
        foreign_tables: names of tables that live in another server, wholly or in part.
        own_tables: names of tables that it is there to insert into, which is no sign.
        own_key: the key of their rows; to overwrite one with the same key is no sign either.
    """
    expected = {writes_to(table) for table in own_tables}
    expected |= {overwrites(own_key)} if own_tables else set()
    return tuple(_judge_one(trigger, look_up, foreign_tables, expected) for trigger in triggers)


def inserts_into(
    function: FunctionSource, look_up: LookUp, tables: Collection[Reference]
) -> frozenset[Reference]:
    """The tables that a function, or anything it calls, may insert rows into.

    A name without a schema may mean any of them; and so may one inside a text, where a text may be
    run.

    Args:
        function: where to begin to read.
        look_up: finds what stands behind references.
        tables: schema and name of each table that is asked for.
    """
    found: set[Reference] = set()
    for one in closure([function], look_up):
        if not _readable(one):
            continue
        code = tokens(one.source)
        runs_texts = any(token.kind == "word" and token.text == "execute" for token in code)
        for at, token in enumerate(code):
            if token.quoted and runs_texts:
                found |= {table for table in tables if table[1] in token.quoted}
            elif token.text == "into" and at and code[at - 1].text in ("insert", "merge"):
                name = [part.text for part in code[at + 1 : at + 4]]
                schema, table = (name[0], name[2]) if name[1:2] == ["."] else ("", name[0])
                found |= {one for one in tables if one[1] == table and schema in ("", one[0])}
    return frozenset(found)


def written(function: FunctionSource, look_up: LookUp) -> frozenset[Reference]:
    """The tables that a function, or anything it calls, writes to by statements of its own.

    Args:
        function: where to begin to read.
        look_up: finds what stands behind references.
    """
    return frozenset((schema, name) for _, schema, name in performed(function, look_up))


def performed(function: FunctionSource, look_up: LookUp) -> frozenset[Write]:
    """What a function, or anything it calls, writes by statements of its own, and how.

    Args:
        function: where to begin to read.
        look_up: finds what stands behind references.
    """
    return frozenset(
        write
        for one in closure([function], look_up)
        if _readable(one)
        for write in writes(one.source, one.language)
    )


def beyond_rollback(
    function: FunctionSource, look_up: LookUp, foreign_tables: Collection[str] = ()
) -> str:
    """Why a ROLLBACK may not undo what a function does; empty when it does.

    Args:
        function: where to begin to read.
        look_up: finds what stands behind references.
        foreign_tables: names of tables that live in another server.
    """
    for one in closure([function], look_up):
        for _, reason in _reasons(one, foreign_tables):
            if not is_undone(reason):
                return reason + ("" if one is function else f" (in {one.name})")
    return ""


def effects(
    function: FunctionSource, look_up: LookUp, foreign_tables: Collection[str] = ()
) -> tuple[str, ...]:
    """What a function, or anything it calls, does beside writing rows, a clause each.

    Args:
        function: where to begin to read.
        look_up: finds what stands behind references.
        foreign_tables: names of tables that live in another server.
    """
    found: list[str] = []
    for one in closure([function], look_up):
        where = "" if one is function else f" (in {one.name})"
        for reach, reason in _reasons(one, foreign_tables):
            if not writes_rows(reason):
                unclear = "what it does there cannot be told: " if reach == "undecided" else ""
                found.append(f"{unclear}{reason}{where}")
        if _readable(one) and one.extension not in HARMLESS_EXTENSIONS:
            found += [f"{reason}{where}" for reason in aside(one.source)]
    return tuple(dict.fromkeys(found))


def unreadable(function: FunctionSource) -> bool:
    """Whether nobody can tell by its source what a function does."""
    builtin = function.language == "internal" and function.name.startswith("pg_catalog.")
    return not (builtin or function.extension in HARMLESS_EXTENSIONS or _readable(function))


def _judge_one(
    trigger: TriggerSource,
    look_up: LookUp,
    foreign_tables: Collection[str],
    expected: Collection[str],
) -> Trigger:
    if trigger.function is None:
        why = "it is a rule, which rewrites the insert"
        return Trigger(trigger.name, "", "undecided", why, lasting=why)
    reach: Reach = "contained"
    why = "it writes the profile table, and else only computes" if expected else "it only computes"
    lasting = ""
    starts = [trigger.function]
    if trigger.condition:
        starts.append(
            FunctionSource(0, "its condition", "sql", trusted=True, source=trigger.condition)
        )
    for function in closure(starts, look_up):
        for found, reason in _reasons(function, foreign_tables):
            if reason in expected:
                continue
            told = reason + ("" if function is trigger.function else f" (in {function.name})")
            if not lasting and not is_undone(reason):
                lasting = told
            if reach == "contained" or (found, reach) == ("outside", "undecided"):
                reach, why = found, told
    return Trigger(trigger.name, trigger.function.name, reach, why, lasting)


def closure(starts: Sequence[FunctionSource], look_up: LookUp) -> Iterator[FunctionSource]:
    """Everything that may run, each with the schemas in which its names are searched."""
    asked: set[tuple[Reference, frozenset[str] | None]] = set()
    seen: set[tuple[str, int, frozenset[str] | None]] = set()
    queue: list[tuple[FunctionSource, frozenset[str] | None]] = [
        (start, frozenset()) for start in starts
    ]
    while queue:
        function, schemas = queue.pop()
        schemas = _schemas(function, schemas)
        if (function.name, function.oid, schemas) in seen:
            continue
        seen.add((function.name, function.oid, schemas))
        yield function
        if not _readable(function):
            continue
        new = {one for one in references(function.source) if (one, schemas) not in asked}
        asked |= {(one, schemas) for one in new}
        if new:
            queue += [(called, schemas) for called in look_up(sorted(new), schemas)]


def _schemas(function: FunctionSource, inherited: frozenset[str] | None) -> frozenset[str] | None:
    """Where a function looks for names without a schema; None when its code changes that."""
    code = {token.text for token in tokens(function.source)} if _readable(function) else set()
    if inherited is None or code & {"search_path", "set_config"}:
        return None
    if function.search_path is None:
        return inherited
    return frozenset(part.strip(' "') for part in function.search_path.split(","))


def _readable(function: FunctionSource) -> bool:
    return function.language in ("sql", "plpgsql")


def _reasons(
    function: FunctionSource, foreign_tables: Collection[str]
) -> Iterator[tuple[Reach, str]]:
    if unreadable(function):
        yield (
            ("undecided", f"its language {function.language} cannot be read")
            if function.trusted
            else ("outside", f"it is written in {function.language}, which may do anything")
        )
    elif _readable(function) and function.extension not in HARMLESS_EXTENSIONS:
        yield from signs(function.source, function.language, foreign_tables)
