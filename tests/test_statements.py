"""The statements of a migration file: told apart as psql does, and run as the CLI runs them."""

from __future__ import annotations

import pytest

from usersync.comparison.statements import split

QUOTED = """
create table public."a;b" (c text default ';', d text default E'\\';');
-- a comment; with a semicolon
/* and one; /* inside; */ another; */
select $$ ; $$, $tag$ ; $$ ; $tag$, U&"a;b";
"""


RULE = "create rule r as on insert to t do (delete from a; delete from b)"
ATOMIC = (
    "create function f() returns int begin atomic select case when true then 1 end; select 2; end"
)
QUOTED_BODY = "create function f() returns trigger language plpgsql as 'begin return new; end'"


@pytest.mark.parametrize(
    ("source", "begins"),
    [
        ("", []),
        (";;\n -- nothing\n;", []),
        ("select 1", ["select 1"]),
        (QUOTED, ["create table", "select $$"]),
        (f"{RULE}; select 2", ["create rule", "select 2"]),
        (f"{ATOMIC}; select 3;", ["create function", "select 3"]),
        (f"{QUOTED_BODY}; select 1", ["create function", "select 1"]),
        ("begin; select 1; end;\nselect 2", ["begin", "select 1", "end", "select 2"]),
        ("select ')'; select 1)", ["select ')'", "select 1)"]),
        ("select 'never ends;", ["select 'never"]),
    ],
)
def test_where_a_statement_ends(source: str, begins: list[str]) -> None:
    """A semicolon ends a statement unless it stands in quotes, comments, parentheses or a body."""
    found = [statement.text for statement in split(source)]
    assert [text[: len(start)] for text, start in zip(found, begins, strict=True)] == begins


def test_where_a_statement_begins() -> None:
    """The line of a statement is that of its first word, behind comments and blank lines."""
    source = "-- one\n\nselect 1;  select\n2;\r\n/*\n*/ select 3"
    assert [(one.line, one.text) for one in split(source)] == [
        (3, "select 1"),
        (3, "select\n2"),
        (6, "select 3"),
    ]


@pytest.mark.parametrize(
    ("source", "alone"),
    [
        ("create index concurrently a on b (c)", True),
        ("CREATE UNIQUE INDEX CONCURRENTLY IF NOT EXISTS a ON b (c)", True),
        ("drop index concurrently a", True),
        ("reindex (verbose) table concurrently a", True),
        ("vacuum", True),
        ("alter system set a = 1", True),
        ("create index a on concurrently_used (c)", False),
        ('create index "concurrently" on b (c)', False),
        ("refresh materialized view concurrently a", False),
        ("alter type a add value 'b'", False),
    ],
)
def test_what_runs_in_no_transaction(source: str, alone: bool) -> None:
    """What Postgres takes in no transaction is known by its first words."""
    (statement,) = split(source)
    assert statement.alone is alone


def test_what_only_psql_sends() -> None:
    """COPY FROM STDIN reads the lines behind it, which no migration tool sends."""
    assert split("COPY public.a (b) FROM stdin;\n1\n\\.\n")[0].reads_input
    assert not split("copy a from '/tmp/stdin'")[0].reads_input
