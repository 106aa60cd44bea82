"""One statement that looks at a project for the first time, made of the checks."""

from __future__ import annotations

import string

from psycopg import sql

from usersync.config import Settings
from usersync.sql import Script, checks, compose, load, names, users
from usersync.sql.check_names import INSERT_PATTERN

#: Of the columns and what they mean; `doctor --from` refuses another.
VERSION = "1"

#: The most findings of one check that are told.
_MOST = 5

#: Their findings are people, of whom only the number is told.
_OF_PEOPLE = frozenset({"users_unreadable_by_api"})

#: They need the table's own columns, our configuration or rows of people: the figures tell of them.
_NEEDS = frozenset(
    {"profiles", "key", "ours", "null_columns", "without_profile", "broken_columns"}
    | {"broken_reasons", "profile_email_is"}
)

_HEAD = """\
-- A first look at a Supabase project: what its profile table lacks, since when, and why.
--
-- Paste it into the SQL editor of the dashboard and run it, or send it any other way. It is one
-- statement that only reads: nothing is installed, nothing is written, no key is needed. The answer
-- holds numbers, times and names of tables, triggers, functions and roles; no address and no id of
-- any user. Read it as it is, or export it as CSV or JSON, and render it: doctor --from FILE.
--
-- usersync made it from its checks: invoke reference.

"""


def first_look_text() -> str:
    """The statement, with what it is for in front."""
    settings = Settings.model_validate({})
    named = _names(settings)
    asked = [script for script in checks() if _can_be_asked(script, named)]
    text = compose(
        load("queries/first_look"),
        {
            "candidates": _inner(load("queries/candidates"), {}),
            "insert_pattern": sql.Literal(INSERT_PATTERN),
            "triggers": _inner(load("queries/acting_triggers"), named),
            "counts_text": _counts(settings),
            "differs_text": _dollars(users.email_differs("@email@", "@key@").as_string()),
            "findings": sql.SQL("\n    union all\n").join(_findings(one, named) for one in asked),
            "version": sql.Literal(VERSION),
            "checks": sql.Literal(len(asked)),
        },
    ).as_string()
    body = "\n".join(line.rstrip() for line in _without_head(text).splitlines())
    return f"{_HEAD}{body}\n"


def _names(settings: Settings) -> names.Names:
    """What a check may name, as questions to the table that was found."""
    columns = {
        "profiles_text": "profiles_text",
        "schema_text": "schema_name",
        "table_text": "table_name",
        "table_name": "named",
        "table_pattern": "table_pattern",
        "insert_pattern": "insert_pattern",
        "key_text": "key",
        "email_text": "email",
    }
    return {
        name: sql.SQL("(select t.{} from target as t)").format(sql.Identifier(column))
        for name, column in columns.items()
    } | {**names.ours(settings), "anonymous": sql.Literal(settings.users.anonymous)}


def _can_be_asked(script: Script, named: names.Names) -> bool:
    wanted = {field for _, field, _, _ in string.Formatter().parse(script.text) if field}
    return not wanted & _NEEDS and wanted <= set(named)


def _findings(script: Script, named: names.Names) -> sql.Composable:
    """The findings of one check as rows of all of them."""
    name = script.name.rpartition("/")[2].partition("_")[2]
    wrapped = (
        "(select count(*)::text as subject, 'users: migration.verify names them' as detail"
        " from ({check}) as p having count(*) > 0)"
        if name in _OF_PEOPLE
        else "({check})"
    )
    check = sql.SQL(wrapped).format(check=_inner(script, named))
    about_table = script.header.get("about") == "table"
    return sql.SQL(
        "(select {level} as level, {name} as check_name, f.subject::text as subject,"
        " f.detail::text as detail, {remedy} as remedy\n    from {check} as f\n    {where}"
        "limit {most})"
    ).format(
        level=sql.Literal(script.header["level"]),
        name=sql.Literal(name),
        remedy=sql.Literal(script.header["remedy"]),
        check=check,
        where=sql.SQL("where (select t.key from target as t) is not null " if about_table else ""),
        most=sql.Literal(_MOST),
    )


def _counts(settings: Settings) -> sql.Composable:
    """The query that counts, as a text with tokens where the table's names will stand."""
    query = _inner(
        load("queries/first_look_counts"),
        {
            "profiles": sql.Identifier("@profiles@"),
            "key": sql.Identifier("@key@"),
            "email_differs": sql.Identifier("@differs@"),
            "skip_reason": users.skip_reason(settings.users),
            "provider": users.provider(),
        },
    )
    return _dollars(query.as_string())


def _inner(script: Script, named: names.Names) -> sql.Composable:
    """A query without its head and its end, to stand inside another."""
    return sql.SQL(_without_head(compose(script, named).as_string()).rstrip().rstrip(";"))


def _without_head(text: str) -> str:
    lines = text.splitlines()
    first = next(number for number, line in enumerate(lines) if not line.startswith("--"))
    return "\n".join(lines[first:])


def _dollars(text: str) -> sql.Composable:
    """A text between quotes that its own do not end."""
    assert "$counts$" not in text
    return sql.SQL(f"$counts${text}$counts$")
