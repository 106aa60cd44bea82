"""How far triggers reach, judged on real functions; what really sends is seen sending."""

from __future__ import annotations

import contextlib
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import psycopg
import pytest
from psycopg import sql
from pydantic import SecretStr

from tests.conftest import Database
from usersync import local
from usersync.backends.postgres import PostgresDoor
from usersync.config import Target, read_text
from usersync.model import Trigger
from usersync.triggers import FunctionSource, TriggerSource, judge

CHANNEL = "outside_world"

SETTINGS = read_text(
    """
    profiles:
      - {schema: app, table: members, key: user_id, columns: {email: email}}
    """
).settings

MEMBERS = """
    create table app.members (
        user_id uuid primary key, email text, role text, updated_at timestamptz
    )
"""

#: Bodies of a trigger function that only compute, whatever their text may look like.
CONTAINED = {
    "sets updated_at": "new.updated_at := now(); return new;",
    "raises": "if new.email is null then raise exception 'no e-mail'; end if; return new;",
    "text that mentions a call": "raise notice 'net.http_post( dblink( notify x'; return new;",
    "text with quotes in it": "new.role := 'it''s http_post( too'; return new;",
    "text with escapes": r"new.role := e'\' net.http_post( \\'; return new;",
    "dollar-quoted text": "new.role := $q$ it's net.http_post('x') $q$; return new;",
    "comments that mention one": """
        -- don't call net.http_post( here
        /* perform pg_notify('a', 'b'); /* nested */ copy x to '/tmp/y' */
        return new;
    """,
    "reads and locks": """
        perform 1 from auth.users as u where u.id = new.user_id for no key update of u;
        perform 1 from auth.users as u where u.id = new.user_id for update limit 1;
        return new;
    """,
    "a loop over locked rows": """
        declare one record;
        begin
            for one in select u.id from auth.users as u where u.id = new.user_id for update loop
                new.role := one.id::text;
            end loop;
            return new;
        end;
    """,
    "columns called like commands": """
        declare "update" record; notify boolean := true;
        begin
            select 1 as update, 2 as copy, 3 as execute, true as notify into "update";
            if "update".notify and notify then new.role := "update".copy; end if;
            return new;
        end;
    """,
}

#: Bodies that send, each to the channel that the test listens on.
SENDS = {
    "pg_notify": "perform pg_notify('outside_world', new.email);",
    "the statement": "notify outside_world, 'payload';",
    "a qualified name": "perform pg_catalog.pg_notify('outside_world', '');",
    "a quoted name": """perform pg_catalog."pg_notify" ('outside_world', '');""",
    "capital letters": "PERFORM PG_NOTIFY('outside_world', '');",
    "a comment inside": "perform pg_notify/* here */('outside_world', '');",
    "behind a -- in text": "new.role := '--'; perform pg_notify('outside_world', '');",
    "behind a /* in text": "new.role := '/*'; perform pg_notify('outside_world', '');",
    "behind a quote in a comment": "-- don't\nperform pg_notify('outside_world', ''); -- '",
    "behind a quote in a block comment": "/* ' */ perform pg_notify('outside_world', ''); /* ' */",
    "behind a nested comment": "/* /* */ ' */ perform pg_notify('outside_world', ''); -- '",
    "behind a carriage return": "-- one\rperform pg_notify('outside_world', '');",
    "behind an escaped quote": r"new.role := e'\''; perform pg_notify('outside_world', ''); -- '",
    "behind a dollar-quoted quote": """
        new.role := $q$it's$q$; perform pg_notify('outside_world', ''); -- '
    """,
    "behind dollar-quoted dashes": "new.role := $$--$$; perform pg_notify('outside_world', '');",
    "behind a quote in a name": """perform 1 as "it's"; perform pg_notify('outside_world', '');""",
    "behind dashes in a name": """perform 1 as "--"; perform pg_notify('outside_world', '');""",
}

#: What a body calls that sends by another way than a call of its own.
SENDS_BY = {
    "a function": ("", "perform app.sends();"),
    "a function without its schema": ("", "perform sends();"),
    "a function two levels down": (
        """create function app.calls() returns void language sql as 'select app.sends()';
        create function app.calls_twice() returns void language sql
            begin atomic select app.calls(); end""",
        "perform app.calls_twice();",
    ),
    "a function with a quoted name": (
        """create function app."Sends It" () returns void language sql as 'select app.sends()'""",
        """perform "app" . "Sends It" ();""",
    ),
    "a function with a dollar in its name": (
        "create function app.a$b() returns void language sql as 'select app.sends()'",
        "perform app.a$b();",
    ),
    "a function with a cut name": (
        f"create function app.{'n' * 63}() returns void language sql as 'select app.sends()'",
        f"perform app.{'n' * 70}();",
    ),
    "a name written in escapes": ("", r"""perform app.U&"s\0065nds" ();"""),
    "one of several overloads": (
        """create function app.many(text) returns void language sql as 'select';
        create function app.many(integer) returns void language sql as 'select app.sends()';
        create function app.many(bigint) returns void language sql as 'select'""",
        "perform app.many(1);",
    ),
    "a function that its own search path finds": (
        """create function hidden.gives() returns void language sql as 'select app.sends()';
        create function app.calls() returns void language sql
            set search_path = hidden, pg_catalog as 'select gives()'""",
        "perform app.calls();",
    ),
    "a function that the search path of a caller finds": (
        """create function hidden.gives() returns void language sql as 'select app.sends()';
        create function app.inner() returns void language plpgsql
            as 'begin perform gives(); end';
        create function app.outer() returns void language sql
            set search_path to "hidden", "$user" as 'select app.inner()'""",
        "perform app.outer();",
    ),
    "a function that a search path of its body finds": (
        "create function hidden.gives() returns void language sql as 'select app.sends()'",
        "set local search_path = hidden; perform gives();",
    ),
    "a function that a computed search path finds": (
        "create function hidden.gives() returns void language sql as 'select app.sends()'",
        "perform set_config('search_path', 'hid' || 'den', true); perform gives();",
    ),
    "a function that shadows a built-in one": (
        """create function app.lower(app.members) returns text language sql
            as $$ select app.sends(); select '' $$""",
        "perform lower(new);",
    ),
    "a procedure": (
        "create procedure app.proceed() language sql as 'select app.sends()'",
        "call app.proceed();",
    ),
    "the default of an argument": (
        """create function app.value() returns text language sql
            as $$ select app.sends(); select '' $$;
        create function app.innocent(text default app.value()) returns void language sql
            as 'select'""",
        "perform app.innocent();",
    ),
    "a function written as a column": (
        """create function app.sent(app.members) returns text language sql
            as $$ select app.sends(); select '' $$""",
        "perform (null::app.members).sent;",
    ),
    "a view": (
        "create view app.looks as select app.sends() is null as nothing",
        "perform * from app.looks;",
    ),
    "an operator": (
        """create function app.joined(text, text) returns text language sql
            as $$ select app.sends(); select '' $$;
        create operator app.<~~> (leftarg = text, rightarg = text, function = app.joined)""",
        "perform new.email operator(app.<~~>) 'x';",
    ),
    "an aggregate": (
        """create function app.gather(text, text) returns text language sql
            as $$ select app.sends(); select '' $$;
        create aggregate app.collects(text) (sfunc = app.gather, stype = text, initcond = '')""",
        "perform app.collects(new.email);",
    ),
    "the check of a domain": (
        """create function app.holds(text) returns boolean language sql
            as $$ select app.sends(); select true $$;
        create domain app.checked as text check (app.holds(value))""",
        "perform new.email::app.checked;",
    ),
    "the check of a domain in a row type": (
        """create function app.holds(text) returns boolean language sql
            as $$ select app.sends(); select true $$;
        create domain app.checked as text check (app.holds(value));
        create table app.rows (email app.checked)""",
        "perform jsonb_populate_record(null::app.rows, jsonb_build_object('email', new.email));",
    ),
    "a cast": (
        """create type app.pair as (a text, b text);
        create function app.turned(app.pair) returns integer language sql
            as $$ select app.sends(); select 1 $$;
        create cast (app.pair as integer) with function app.turned(app.pair)""",
        "perform row('a', 'b')::app.pair::integer;",
    ),
}

#: What could make a reader lose its place, and what may hold it.
PIECES = (
    "'", "''", '"', "/*", "*/", "--", "\n", "\r", "$$", "$q$", "e'", r"\'", "\\", "x", " ", ";",
)  # fmt: skip
WRAPPERS: tuple[Callable[[str], str], ...] = (
    lambda text: text,
    lambda text: f"/*{text}*/",
    lambda text: f"--{text}\n",
    lambda text: f"--{text}\r",
    lambda text: f"perform $x${text}$x$;",
    lambda text: "perform '" + text.replace("'", "''") + "';",
    lambda text: "perform e'" + text.replace("\\", r"\\").replace("'", r"\'") + "';",
    lambda text: 'perform 1 as "x' + text.replace('"', '""') + '";',
)

#: Bodies whose text does not tell, with a word of the reason.
UNDECIDED = {
    "dynamic statement": ("execute 'select 1';", "execute"),
    "dynamic loop": ("for new in execute 'select 1' loop end loop;", "execute"),
    "prepared statement": ("execute one;", "execute"),
    "block of text": ("do 'begin end';", "do"),
    "block of dollar-quoted text": ("do language plpgsql $d$ begin end $d$;", "do"),
    "query as text": ("perform query_to_xml('select 1', true, true, '');", "query_to_xml"),
    "insert": ("insert into app.audit values (1);", "app.audit"),
    "insert with a comment in it": ("insert/**/into app.audit values (1);", "app.audit"),
    "insert in a with": (
        "with a as (insert into app.audit values (1) returning 1) select 1 into new from a;",
        "app.audit",
    ),
    "insert into a quoted name": ('insert into app."Audit Log" values (1);', "app.Audit Log"),
    "update": ("update only app.audit set n = 1;", "app.audit"),
    "update of a table called set": ('update "set" set n = 1;', "set"),
    "delete": ("delete from only app.audit;", "app.audit"),
    "merge": (
        "merge into app.audit using app.audit b on true when matched then delete;",
        "app.audit",
    ),
    "truncate": ("truncate table only app.audit;", "app.audit"),
    "another table definition": ("create temp table t (n integer);", "create"),
    "a settings change": ("alter table app.audit disable trigger all;", "alter"),
    "a backslash before a quote": (r"new.role := '\'; -- '", "backslash"),
}

#: Bodies that reach out by what this server has not got; judged by their text alone.
OUTSIDE = {
    "pg_net": "perform net.http_post('https://example.com');",
    "pg_net with quotes": """perform "net"."http_post"('https://example.com');""",
    "pg_net with gaps": "perform net /* x */ . http_post ('https://example.com');",
    "http": "perform http_post('https://example.com', '', '');",
    "http in a schema": "perform extensions.http(('GET', 'https://example.com')::http_request);",
    "dblink": "perform * from dblink('host=x', 'select 1') as t (n integer);",
    "dblink that writes": "perform extensions.dblink_exec('host=x', 'delete from t');",
    "pgmq": "perform pgmq.send('mail', '{}');",
    "pg_cron": "perform cron.schedule('* * * * *', 'select 1');",
    "Realtime": "perform realtime.send('{}', 'event', 'topic');",
    "large object export": "perform lo_export(1, '/tmp/x');",
    "copy to a program": "copy (select 1) to program 'mail';",
    "logical message": "perform pg_logical_emit_message(false, 'a', 'b');",
}


@dataclass(frozen=True)
class Court:
    """A database with the table ``app.members``, whose triggers are judged."""

    database: Database
    door: PostgresDoor

    def run(self, script: str, *, as_admin: bool = False) -> None:
        """Run statements as postgres, who is no superuser, or as the platform's superuser."""
        url = self.database.admin_url if as_admin else self.database.url
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute("set search_path = app, public")
            connection.execute(script.encode())

    def trigger(
        self,
        body: str,
        *,
        name: str = "fires",
        moment: str = "before insert",
        level: str = "for each row",
        kind: str = "trigger",
    ) -> None:
        """Create a trigger and its function from the statements of its body, or a whole block."""
        whole = body.lstrip().startswith("declare")
        block = body if whole else f"begin {body}\nreturn new;\nend"
        names = {"function": sql.Identifier("app", name), "trigger": sql.Identifier(name)}
        with psycopg.connect(self.database.url, autocommit=True) as connection:
            connection.execute(
                sql.SQL(
                    "create function {function}() returns trigger language plpgsql"
                    " set search_path = app, pg_catalog as {body}"
                ).format(body=sql.Literal(block), **names)
            )
            connection.execute(
                sql.SQL(
                    "create {kind} {trigger} {moment} on app.members {level}"
                    " execute function {function}()"
                ).format(kind=sql.SQL(kind), moment=sql.SQL(moment), level=sql.SQL(level), **names)
            )

    def judged(self) -> dict[str, Trigger]:
        """The verdicts by name of the trigger."""
        (settings,) = SETTINGS.profiles
        table = self.door.table(settings, writing=False)
        return {trigger.name: trigger for trigger in self.door.triggers(table)}

    def verdict(self) -> Trigger:
        """The verdict on the only trigger."""
        (trigger,) = self.judged().values()
        return trigger

    def sends(self, patience_s: float = 0.5) -> bool:
        """Whether an insert really lets somebody outside hear of it."""
        with psycopg.connect(self.database.url, autocommit=True) as listener:
            listener.execute(f"listen {CHANNEL}")
            self.run("insert into app.members (user_id, email) values (gen_random_uuid(), 'a@b')")
            return bool(list(listener.notifies(timeout=patience_s, stop_after=1)))


@pytest.fixture(scope="module")
def house(
    server: local.LocalServer, template: Callable[[local.Grants], str]
) -> Iterator[tuple[Database, PostgresDoor]]:
    """One database and one door for all cases of this file."""
    name = "triggers"
    with psycopg.connect(server.admin_url, autocommit=True) as connection:
        connection.execute(
            f"create database {name} owner postgres template {template('explicit')}".encode()
        )
    database = Database(server, name)
    door = PostgresDoor(
        Target("t", "test", SecretStr(database.url), "", SETTINGS.profiles, SETTINGS)
    )
    yield database, door
    door.close()
    with psycopg.connect(server.admin_url, autocommit=True) as connection:
        connection.execute(f"drop database {name} with (force)".encode())


@pytest.fixture
def court(house: tuple[Database, PostgresDoor]) -> Iterator[Court]:
    """An empty ``app.members``; what a case makes goes with the schemas ``app`` and ``hidden``."""
    court = Court(*house)
    court.run(f"create schema app; create schema hidden; {MEMBERS}")
    yield court
    court.run("drop schema app, hidden cascade", as_admin=True)


# -- what the text of a function tells ---------------------------------------------------------


@pytest.mark.parametrize("body", CONTAINED.values(), ids=CONTAINED)
def test_computing_is_contained(court: Court, body: str) -> None:
    """A function that only computes is contained, whatever its text and comments mention."""
    court.trigger(body)
    verdict = court.verdict()
    assert (verdict.reach, verdict.why) == ("contained", "it only computes")


@pytest.mark.parametrize("body", SENDS.values(), ids=SENDS)
def test_sending_is_outside(court: Court, body: str) -> None:
    """A function that sends is outside, however the call is written, and it does send."""
    court.trigger(body)
    verdict = court.verdict()
    assert (verdict.reach, verdict.why) == ("outside", "it uses pg_notify")
    assert verdict.function == "app.fires"
    assert court.sends()


@pytest.mark.parametrize(("setup", "body"), SENDS_BY.values(), ids=SENDS_BY)
def test_what_is_called_is_followed(court: Court, setup: str, body: str) -> None:
    """What a function calls, in whatever way, is read too, and said to be the one that sends."""
    court.run(
        "create function app.sends() returns void language sql"
        f" as $$ select pg_notify('{CHANNEL}', '') $$"
    )
    court.run(setup or "select")
    court.trigger(body)
    verdict = court.verdict()
    assert verdict.reach in ("outside", "undecided")
    assert "sends" in verdict.why or "escapes" in verdict.why
    assert court.sends()


@pytest.mark.parametrize("body", OUTSIDE.values(), ids=OUTSIDE)
def test_known_senders_are_outside(court: Court, body: str) -> None:
    """A call to an extension that sends is outside, also where it is not installed."""
    court.trigger(body)
    assert court.verdict().reach == "outside"


@pytest.mark.parametrize(("body", "reason"), UNDECIDED.values(), ids=UNDECIDED)
def test_what_the_text_does_not_tell_is_undecided(court: Court, body: str, reason: str) -> None:
    """Statements made at run time, and writes that something else may read, are undecided."""
    court.trigger(body)
    verdict = court.verdict()
    assert verdict.reach == "undecided"
    assert reason in verdict.why


def test_no_text_hides_a_call(court: Court) -> None:
    """Whatever quotes, comments and dollars stand around a call: if it sends, it is seen."""
    draw = random.Random(20261122)

    def around() -> str:
        wrap = draw.choice(WRAPPERS)
        return wrap("".join(draw.choice(PIECES) for _ in range(draw.randint(0, 4))))

    sent = 0
    for _ in range(120):
        body = f"{around()}{around()} perform pg_notify('{CHANNEL}', ''); {around()}"
        with contextlib.suppress(psycopg.Error):
            court.trigger(body)
            if court.verdict().reach == "contained":
                assert not court.sends(patience_s=0.02), body
            else:
                sent += 1
        court.run("drop function if exists app.fires cascade")
    assert sent > 40


def test_outside_wins_over_undecided(court: Court) -> None:
    """A function that writes elsewhere first and sends later is outside."""
    court.trigger(f"insert into app.audit values (1); perform pg_notify('{CHANNEL}', '');")
    assert court.verdict().reach == "outside"


def test_recursion_ends(court: Court) -> None:
    """Functions that call each other are read once each."""
    court.run("create function app.ping() returns void language plpgsql as 'begin end'")
    court.run("create function app.pong() returns void language sql as 'select app.ping()'")
    court.run(
        "create or replace function app.ping() returns void language plpgsql"
        " as 'begin perform app.pong(); perform app.ping(); end'"
    )
    court.trigger("perform app.ping(); perform app.fires();")
    assert court.verdict().reach == "contained"


def test_a_standard_body_is_read(court: Court) -> None:
    """A function with an SQL-standard body is read from what Postgres parsed."""
    court.run(
        "create function app.writes() returns void language sql"
        " begin atomic insert into app.members (user_id) values (gen_random_uuid()); end"
    )
    court.trigger("perform app.writes();")
    verdict = court.verdict()
    assert verdict.reach == "undecided"
    assert "app.members" in verdict.why
    assert "(in app.writes)" in verdict.why


# -- what is not written in SQL ----------------------------------------------------------------


def test_foreign_tables_are_outside(court: Court) -> None:
    """Reading a foreign table, or a table with a foreign part, reaches another server."""
    court.run(
        "create foreign data wrapper nowhere; create server elsewhere"
        " foreign data wrapper nowhere; grant usage on foreign server elsewhere to postgres",
        as_admin=True,
    )
    try:
        court.run(
            "create foreign table app.far (n integer) server elsewhere;"
            "create table app.parts (n integer) partition by list (n);"
            "create foreign table app.part partition of app.parts for values in (1)"
            " server elsewhere;"
            "create view app.seen as select * from app.far"
        )
        court.trigger("perform 1 from app.far;", name="reads_it")
        court.trigger("perform 1 from app.parts;", name="reads_a_part")
        court.trigger("perform 1 from app.seen;", name="reads_a_view")
        court.trigger("perform 'app.far', 'parts';", name="mentions_it")
        verdicts = court.judged()
    finally:
        court.run("drop foreign data wrapper nowhere cascade", as_admin=True)
    assert {name: verdict.reach for name, verdict in verdicts.items()} == {
        "mentions_it": "contained",
        "reads_a_part": "outside",
        "reads_a_view": "outside",
        "reads_it": "outside",
    }
    assert verdicts["reads_it"].why == "it uses the foreign table far"


def test_a_function_in_c_is_outside(court: Court) -> None:
    """A function in an untrusted language may do anything, unless its extension only computes."""
    court.run(
        "create function app.in_c() returns trigger language c"
        " as '$libdir/plpgsql', 'plpgsql_call_handler';"
        "create trigger fires before insert on app.members for each row"
        " execute function app.in_c()",
        as_admin=True,
    )
    verdict = court.verdict()
    assert verdict.reach == "outside"
    assert "written in c" in verdict.why


def test_a_called_function_in_c_is_outside(court: Court) -> None:
    """A function in an untrusted language is as bad when it is only called."""
    court.run(
        "create function app.in_c(text) returns void language c"
        " as '$libdir/plpgsql', 'plpgsql_call_handler'",
        as_admin=True,
    )
    court.trigger("perform app.in_c('x');")
    assert court.verdict().reach == "outside"


def test_another_name_for_a_builtin_is_outside(court: Court) -> None:
    """A superuser's alias of an internal function tells nothing by its name."""
    court.run(
        "create function app.innocent(text, text) returns void language internal as 'pg_notify'",
        as_admin=True,
    )
    court.trigger(f"perform app.innocent('{CHANNEL}', '');")
    assert court.verdict().reach == "outside"
    assert court.sends()


def test_extensions_that_only_compute_are_contained(court: Court) -> None:
    """A C function of a known harmless extension, and a built-in trigger, are contained."""
    uses = {
        "vector": "'[1]'::vector = '[2]'::vector, app.l2_distance('[1]'::vector, '[2]'::vector)",
        "citext": "'a'::citext = 'b'::citext, app.citext_eq('a', 'b')",
    }
    with psycopg.connect(court.database.url) as connection:
        rows = connection.execute("select name from pg_available_extensions").fetchall()
    extension = next(name for name in uses if (name,) in rows)
    court.run(f"create extension {extension} schema app", as_admin=True)
    court.run(
        "create trigger built_in before insert on app.members for each row"
        " execute function suppress_redundant_updates_trigger()"
    )
    court.trigger(f"perform {uses[extension]};", name="measures")
    assert {verdict.reach for verdict in court.judged().values()} == {"contained"}


def test_languages_that_cannot_be_read() -> None:
    """A trusted language that cannot be read is undecided; an untrusted one is outside."""

    def source(language: str, *, trusted: bool, extension: str | None = None) -> FunctionSource:
        return FunctionSource(1, "app.f", language, trusted, "…", extension)

    cases = [
        (source("plv8", trusted=True), "undecided"),
        (source("plpython3u", trusted=False), "outside"),
        (source("c", trusted=False, extension="pg_net"), "outside"),
        (source("c", trusted=False, extension="moddatetime"), "contained"),
    ]
    for function, reach in cases:
        (verdict,) = judge([TriggerSource("t", function)], lambda _references, _schemas: [])
        assert verdict.reach == reach


def test_what_another_schema_calls_the_same_is_not_meant(court: Court) -> None:
    """A keyword or column that a schema out of reach has a sending function for is no call."""
    court.run("""
        create function hidden."cast"(text) returns text language plpgsql
            as 'begin execute $1; notify outside_world; end';
        create function hidden.email(app.members) returns text language sql
            as $$ select pg_notify('outside_world', '')::text $$;
    """)
    court.trigger("new.role := cast(new.email as varchar(3));")
    assert court.verdict().reach == "contained"


# -- which triggers an insert fires ------------------------------------------------------------


def test_only_what_an_insert_fires_is_listed(court: Court) -> None:
    """Enabled INSERT triggers of every kind are listed; disabled, replica and other ones not."""
    for name, options in {
        "before_row": {"moment": "before insert"},
        "after_statement": {"moment": "after insert", "level": "for each statement"},
        "after_all": {"moment": "after insert or update or delete"},
        "deferred": {
            "kind": "constraint trigger",
            "moment": "after insert",
            "level": "deferrable initially deferred for each row",
        },
        "on_update": {"moment": "before update"},
        "on_delete": {"moment": "after delete"},
        "on_truncate": {"moment": "after truncate", "level": "for each statement"},
        "disabled": {},
        "replica": {},
        "always": {},
    }.items():
        court.trigger("return new;", name=name, **{"level": _level(options), **options})
    court.run("""
        alter table app.members disable trigger disabled;
        alter table app.members enable replica trigger replica;
        alter table app.members enable always trigger always;
    """)
    assert list(court.judged()) == [
        "after_all",
        "after_statement",
        "always",
        "before_row",
        "deferred",
    ]


def _level(options: dict[str, str]) -> str:
    return options.get("level", "for each row")


def test_rules_are_undecided(court: Court) -> None:
    """A rule rewrites the insert: undecided, until it is disabled."""
    court.run("create rule also as on insert to app.members do also select 1")
    court.run("create rule on_update as on update to app.members do also select 1")
    verdict = court.verdict()
    assert (verdict.name, verdict.reach, verdict.function) == ("also", "undecided", "")
    court.run("alter table app.members disable rule also")
    assert court.judged() == {}


def test_the_condition_of_a_trigger_is_read(court: Court) -> None:
    """A trigger that sends in its WHEN clause is outside, and it does send."""
    court.run(
        "create function app.sends(text) returns boolean language sql"
        f" as $$ select pg_notify('{CHANNEL}', $1); select false $$;"
        "create function app.nothing() returns trigger language plpgsql"
        " as 'begin return new; end';"
        "create trigger fires before insert on app.members for each row"
        " when (app.sends(new.email)) execute function app.nothing()"
    )
    verdict = court.verdict()
    assert verdict.reach == "outside"
    assert "app.sends" in verdict.why
    assert court.sends()


def test_triggers_of_partitions_are_listed(court: Court) -> None:
    """A trigger that only one partition has is fired by an insert into the whole table."""
    court.run("""
        drop table app.members;
        create table app.members (user_id uuid primary key, email text) partition by hash (user_id);
        create table app.half partition of app.members for values with (modulus 1, remainder 0);
    """)
    court.trigger("perform 1;", name="of_all")
    court.run(
        "create function app.sends() returns trigger language plpgsql"
        f" as $$ begin perform pg_notify('{CHANNEL}', ''); return new; end $$;"
        "create trigger of_half before insert on app.half for each row"
        " execute function app.sends()"
    )
    assert {name: verdict.reach for name, verdict in court.judged().items()} == {
        "of_all": "contained",
        "of_half": "outside",
    }
    assert court.sends()


def test_references_are_asked_for_once() -> None:
    """However often functions name each other, each name is looked up once for a trigger."""
    asked: list[tuple[str, str]] = []

    def look_up(references: object, _schemas: object) -> list[FunctionSource]:
        assert isinstance(references, list)
        asked.extend(references)
        text = "select app.f1(), app.f2()"
        return [FunctionSource(n, f"app.f{n}", "sql", trusted=True, source=text) for n in (1, 2)]

    start = FunctionSource(0, "app.t", "plpgsql", trusted=True, source="begin perform f1(); end")
    judge([TriggerSource("t", start)], look_up)
    assert ("app", "f1") in asked
    assert len(asked) == len(set(asked))
