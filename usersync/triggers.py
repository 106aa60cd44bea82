"""How far a trigger reaches: can an insert into the profile table mail somebody?

Postgres cannot say what a function will do, so its source is read: a trigger is *contained* only
when nothing in it, nor in any function it calls, can leave the table. Everything else is
*outside*, or *undecided* when the text does not tell; both stop a backfill until they are named.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass

from usersync.model import Reach, Trigger

#: Extensions whose C functions compute and do nothing else (PostgreSQL contrib, Supabase's list).
HARMLESS_EXTENSIONS = frozenset(
    {
        "btree_gin", "btree_gist", "citext", "cube", "earthdistance", "fuzzystrmatch", "hstore",
        "insert_username", "intarray", "isn", "ltree", "moddatetime", "pg_hashids", "pg_trgm",
        "pgcrypto", "postgis", "unaccent", "uuid-ossp", "vector",
    }
)  # fmt: skip

#: Schemas and functions that send something, by name: pg_net, http, dblink, queues, notifications.
_SENDERS = {
    r"\bnet\s*\.\s*\w+": "pg_net (net.*)",
    r"\bhttp(?:_get|_post|_put|_patch|_delete|_head)?\s*\(": "the http extension",
    r"\bdblink\w*\s*\(": "dblink",
    r"\bpg_notify\s*\(|\bnotify\s+[\w\"]": "pg_notify",
    r"\bpgmq\s*\.\s*\w+": "pgmq",
    r"\bcron\s*\.\s*\w+": "pg_cron",
    r"\brealtime\s*\.\s*\w+": "Realtime",
    r"\bsupabase_functions\s*\.\s*\w+": "a database webhook",
    r"\b(?:lo_export|pg_file_write)\s*\(|\bcopy\b[^;]*\bto\b": "a file of the server",
}

#: Quoted text and comments, whichever begins first: each may hold what looks like the other.
_NOT_CODE = re.compile(r"\b[eE]'(?:\\.|''|[^'\\])*'|'(?:''|[^'])*'|--[^\n]*|/\*.*?\*/", re.DOTALL)
_CALL = re.compile(r'(?:"?(\w+)"?\s*\.\s*)?"?(\w+)"?\s*\(')
_WRITE = re.compile(
    r"\b(?:insert\s+into|update(?:\s+only)?|delete\s+from|merge\s+into|truncate(?:\s+table)?)\s+"
    r'((?:"?\w+"?\s*\.\s*)?"?\w+"?)',
    re.IGNORECASE,
)
_NOT_A_TABLE = frozenset({"set", "of", "on", "skip", "nowait", "or"})


@dataclass(frozen=True, slots=True)
class FunctionSource:
    """One function of the target."""

    oid: int
    name: str
    """Qualified."""
    language: str
    trusted: bool
    source: str
    extension: str | None = None


@dataclass(frozen=True, slots=True)
class TriggerSource:
    """One trigger, or a rule, which has no function."""

    name: str
    function: FunctionSource | None


def called_names(source: str) -> frozenset[str]:
    """Every name that a function's source calls, in lower case."""
    return frozenset(call.group(2).lower() for call in _CALL.finditer(_code(source)))


def judge(
    triggers: Sequence[TriggerSource],
    functions_named: Callable[[Collection[str]], Sequence[FunctionSource]],
    foreign_tables: Collection[str] = (),
) -> tuple[Trigger, ...]:
    """Say of each trigger how far it reaches.

    Args:
        triggers: what an insert fires.
        functions_named: looks functions up by name; called for names that were not seen before.
        foreign_tables: names of tables that live in another server.
    """
    return tuple(_judge_one(trigger, functions_named, foreign_tables) for trigger in triggers)


def _judge_one(
    trigger: TriggerSource,
    functions_named: Callable[[Collection[str]], Sequence[FunctionSource]],
    foreign_tables: Collection[str],
) -> Trigger:
    if trigger.function is None:
        return Trigger(trigger.name, "", "undecided", "it is a rule, which rewrites the insert")
    reach: Reach = "contained"
    why = "it only computes"
    for function in _closure(trigger.function, functions_named):
        for found, reason in _reasons(function, foreign_tables):
            where = "" if function is trigger.function else f" (in {function.name})"
            if found == "outside":
                return Trigger(trigger.name, trigger.function.name, "outside", reason + where)
            if reach == "contained":
                reach, why = found, reason + where
    return Trigger(trigger.name, trigger.function.name, reach, why)


def _closure(
    start: FunctionSource,
    functions_named: Callable[[Collection[str]], Sequence[FunctionSource]],
) -> Iterator[FunctionSource]:
    seen = {start.oid}
    asked: set[str] = set()
    queue = [start]
    while queue:
        function = queue.pop()
        yield function
        if not _readable(function):
            continue
        new_names = called_names(function.source) - asked
        asked |= new_names
        if not new_names:
            continue
        for called in functions_named(sorted(new_names)):
            if called.oid not in seen:
                seen.add(called.oid)
                queue.append(called)


def _reasons(
    function: FunctionSource, foreign_tables: Collection[str]
) -> Iterator[tuple[Reach, str]]:
    if function.extension in HARMLESS_EXTENSIONS or function.language == "internal":
        return
    if not _readable(function):
        yield (
            ("undecided", f"its language {function.language} cannot be read")
            if function.trusted
            else ("outside", f"it is written in {function.language}, which may do anything")
        )
        return
    code = _code(function.source)
    for pattern, sender in _SENDERS.items():
        if re.search(pattern, code, re.IGNORECASE):
            yield "outside", f"it uses {sender}"
    words = {word.lower() for word in re.findall(r"\w+", code)}
    for table in foreign_tables:
        if table.lower() in words:
            yield "outside", f"it uses the foreign table {table}"
    if function.language == "plpgsql" and re.search(r"\bexecute\b", code, re.IGNORECASE):
        yield "undecided", "it builds statements at run time (execute)"
    for write in _WRITE.finditer(code):
        written = re.sub(r'[\s"]', "", write.group(1)).lower()
        if written not in _NOT_A_TABLE:
            yield "undecided", f"it writes to {written}, which something else may read"


def _readable(function: FunctionSource) -> bool:
    return function.language in ("sql", "plpgsql")


def _code(source: str) -> str:
    """The source without comments and quoted text."""
    return _NOT_CODE.sub(" '' ", source)
