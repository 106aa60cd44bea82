"""What the code of one function says of its reach, without what it calls."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from typing import Literal, TypeAlias

from usersync.model import Reach
from usersync.triggers.tokens import Token, tokens

#: Schemas whose functions send something.
_SENDING_SCHEMAS = {
    "net": "pg_net (net.*)",
    "pgmq": "pgmq",
    "cron": "pg_cron",
    "realtime": "Realtime",
    "supabase_functions": "a database webhook",
}

#: Functions that send something, wherever they are installed.
_SENDING_FUNCTIONS = {
    **dict.fromkeys(
        ("http", "http_get", "http_post", "http_put", "http_patch", "http_delete", "http_head"),
        "the http extension",
    ),
    "pg_notify": "pg_notify",
    "pg_logical_emit_message": "the write-ahead log (pg_logical_emit_message)",
    **dict.fromkeys(
        ("lo_export", "pg_file_write", "pg_file_rename", "pg_file_unlink"), "a file of the server"
    ),
    **dict.fromkeys(
        (
            "pg_cancel_backend", "pg_terminate_backend", "pg_reload_conf", "pg_rotate_logfile",
            "pg_promote", "pg_switch_wal", "pg_create_restore_point",
        ),
        "the administration of the server",
    ),
}  # fmt: skip

#: Functions of Postgres that run a text, or write where something else may read.
_OPAQUE_FUNCTIONS = {
    **dict.fromkeys(
        (
            "query_to_xml", "query_to_xmlschema", "query_to_xml_and_xmlschema", "table_to_xml",
            "table_to_xml_and_xmlschema", "schema_to_xml", "schema_to_xml_and_xmlschema",
            "database_to_xml", "database_to_xml_and_xmlschema", "ts_stat", "ts_rewrite",
            "pg_input_is_valid", "pg_input_error_info",
        ),
        "it runs what a text says",
    ),
    **dict.fromkeys(
        ("lo_create", "lo_creat", "lo_from_bytea", "lo_import", "lo_put", "lowrite"),
        "it writes a large object",
    ),
}  # fmt: skip

#: Functions that reach nobody, and that a trigger which takes the place of another leaves out.
_ASIDE = {
    **dict.fromkeys(("nextval", "setval"), "it takes numbers of a sequence"),
    "set_config": "it changes a setting",
    "current_setting": "it asks for a setting",
    **dict.fromkeys(
        ("uid", "jwt", "role", "email"), "it asks who is signed in, which nobody is at a sign-up"
    ),
    **dict.fromkeys(
        ("pg_advisory_lock", "pg_advisory_xact_lock"), "it takes an advisory lock"
    ),
}  # fmt: skip

#: Of these the schema tells what they are.
_OF_AUTH = {"uid", "jwt", "role", "email"}

#: What a statement of PL/pgSQL or SQL stands behind.
_STATEMENT_STARTS = frozenset({";", "begin", "then", "else", "loop", "atomic", ">>"})

#: Statements that change more than rows; event triggers may tell of them.
_DEFINITIONS = frozenset(
    {
        "create", "alter", "drop", "grant", "revoke", "comment", "security", "refresh", "import",
        "load", "reindex", "cluster", "vacuum", "analyze", "checkpoint", "reassign",
    }
)  # fmt: skip

#: ``for update``, ``for no key update``, ``do update``, and what is called so.
_BEFORE_NO_UPDATE = frozenset({"for", "key", "do", ".", "as"})


#: How the reasons begin of what a ROLLBACK undoes: rows in queues and tables, notifications that
#: are sent at commit (PostgreSQL, NOTIFY; pg_net's own table net.http_request_queue).
_UNDONE = (
    "it uses pg_net", "it uses pgmq", "it uses pg_cron", "it uses Realtime",
    "it uses a database webhook", "it uses pg_notify", "it writes to ", "it writes a large object",
    "it changes definitions", "it changes rows of ", "it overwrites the row ",
)  # fmt: skip


def is_undone(reason: str) -> bool:
    """Whether a ROLLBACK undoes what a sign tells of."""
    return reason.startswith(_UNDONE)


Event = Literal["insert", "update", "delete"]

#: A kind of write, and the schema, or nothing, and the name of the table.
Write: TypeAlias = tuple[Event, str, str]

#: The kinds of write behind the verb of a statement; any other inserts.
_EVENTS: dict[str, tuple[Event, ...]] = {
    "update": ("update",),
    "delete": ("delete",),
    "truncate": ("delete",),
    "merge": ("insert", "update", "delete"),
}

#: Stands around the code, so that every token has neighbours.
_EDGE = Token("symbol", "")


def signs(
    source: str, language: str, foreign_tables: Collection[str]
) -> Iterator[tuple[Reach, str]]:
    """Every sign that a function is not contained, with a clause about it.

    Args:
        source: its text, or the list of statements of an SQL-standard body.
        language: ``sql`` or ``plpgsql``.
        foreign_tables: names of tables that live in another server.
    """
    code = [_EDGE, *tokens(source), _EDGE, _EDGE]
    for at in range(1, len(code) - 2):
        yield from _at(code, at, language)
        if code[at].is_name and code[at].text in foreign_tables:
            yield "outside", f"it uses the foreign table {code[at].text}"


def aside(source: str) -> Iterator[str]:
    """What a function does that reaches nobody and writes no row, a clause each.

    Args:
        source: its text, or the list of statements of an SQL-standard body.
    """
    code = [_EDGE, _EDGE, *tokens(source), _EDGE]
    for at in range(2, len(code) - 1):
        name, of_auth = code[at].text, code[at - 1].text == "." and code[at - 2].text == "auth"
        called = code[at].is_name and code[at + 1].text == "("
        if called and name in _ASIDE and (name not in _OF_AUTH or of_auth):
            yield f"{_ASIDE[name]} ({'auth.' if name in _OF_AUTH else ''}{name})"


def writes_rows(reason: str) -> bool:
    """Whether a sign tells of rows of a table."""
    return reason.startswith(("it writes to ", "it changes rows of ", "it overwrites the row "))


def writes_to(table: str) -> str:
    """The sign that a function writes to a table, as its code names it."""
    return f"it writes to {table}, which something else may read"


def changes(table: str) -> str:
    """The sign that a function changes or removes rows of a table, as its code names it."""
    return f"it changes rows of {table} that may be there already"


def overwrites(target: str) -> str:
    """The sign that a function overwrites the row that it meets at a constraint."""
    return f"it overwrites the row that has the same {target}"


def writes(source: str, language: str) -> frozenset[Write]:
    """What a function's own statements write.

    Args:
        source: its text, or the list of statements of an SQL-standard body.
        language: ``sql`` or ``plpgsql``.
    """
    code = [_EDGE, *tokens(source), _EDGE, _EDGE]
    found: set[Write] = set()
    table = ""
    for at in (at for at in range(1, len(code) - 2) if code[at].kind == "word"):
        events: tuple[Event, ...] = _EVENTS.get(code[at].text, ("insert",))
        if written := _written(code, at, language):
            table = written
        elif code[at].text == "do" and code[at + 1].text == "update":
            events = ("update",)
        else:
            continue
        schema, _, name = table.rpartition(".")
        found |= {(event, schema, name) for event in events if name}
    return frozenset(found)


def _at(code: Sequence[Token], at: int, language: str) -> Iterator[tuple[Reach, str]]:
    """What one token, seen with its neighbours, says."""
    token, following = code[at], code[at + 1]
    if token.kind == "hidden":
        yield "undecided", 'it writes a name in escapes (U&"…")'
    elif token.kind == "doubtful":
        yield "undecided", "it has a backslash before a quote, and a setting says what that means"
    if token.is_name and following.text == "." and token.text in _SENDING_SCHEMAS:
        yield "outside", f"it uses {_SENDING_SCHEMAS[token.text]}"
    said = code[at - 1].text == "." and at > 1 and code[at - 2].text in _SENDING_SCHEMAS
    if token.is_name and following.text == "(" and not said:
        if token.text.startswith("dblink"):
            yield "outside", "it uses dblink"
        if token.text in _SENDING_FUNCTIONS:
            yield "outside", f"it uses {_SENDING_FUNCTIONS[token.text]}"
        if token.text in _OPAQUE_FUNCTIONS:
            yield "undecided", f"{_OPAQUE_FUNCTIONS[token.text]} ({token.text})"
    if token.kind == "word":
        yield from _statement(code, at)
        written = _written(code, at, language)
        if written:
            yield "undecided", writes_to(written)
            if token.text in _EVENTS:
                yield "undecided", changes(written)
        elif token.text == "do" and following.text == "update":
            yield "undecided", overwrites(_target(code, at))


def _statement(code: Sequence[Token], at: int) -> Iterator[tuple[Reach, str]]:
    """What a keyword says that begins a statement."""
    before, word, following = code[at - 1], code[at].text, code[at + 1]
    if word == "execute" and before.text not in (".", "as"):
        yield "undecided", "it builds statements at run time (execute)"
    if at > 1 and (before.kind == "name" or before.text not in _STATEMENT_STARTS):
        return
    if word == "notify" and following.is_name and code[at + 2].text in (";", ",", ""):
        yield "outside", "it uses pg_notify"
    elif word == "copy" and (following.is_name or following.text == "("):
        yield "outside", "it uses a file of the server"
    elif word == "do" and (following.kind in ("text", "doubtful") or following.text == "language"):
        yield "undecided", "it runs what a text says (do)"
    elif word in _DEFINITIONS and following.is_name:
        yield "undecided", f"it changes definitions ({word})"


def _written(code: Sequence[Token], at: int, language: str) -> str:
    """The table that is written to when a word is the verb of it."""
    before, word, following = code[at - 1].text, code[at].text, code[at + 1].text
    into = word in ("insert", "merge") and following == "into"
    if into or (word == "delete" and following == "from"):
        return _table(code, at + 2)
    no_table = following == "set" and code[at + 1].kind == "word"  # when matched then update set
    if word == "update" and before not in _BEFORE_NO_UPDATE and not no_table:
        return _table(code, at + 1)
    if word == "truncate" and before != ".":
        return _table(code, at + 1)
    if word == "into" and language == "sql" and before not in ("insert", "merge"):
        return _table(code, at + 1)
    return ""


def _target(code: Sequence[Token], at: int) -> str:
    """The constraint, or the columns, of the ``on conflict`` before a ``do update``."""
    parts: list[str] = []
    for token in reversed(code[:at]):
        if token.text in ("conflict", ""):
            break
        parts.append(token.text)
    return " ".join(part for part in reversed(parts) if part not in ("on", "constraint", "(", ")"))


def _table(code: Sequence[Token], at: int) -> str:
    """The name that begins here; empty when none does."""
    while code[at].kind == "word" and code[at].text in ("only", "table"):
        at += 1
    parts: list[str] = []
    while code[at].is_name:
        parts.append(code[at].text)
        if code[at + 1].text != ".":
            break
        at += 2
    return ".".join(parts)
