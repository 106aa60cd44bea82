"""The migrations of one side, run in a database as the Supabase CLI runs them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial

from usersync.backends.postgres import connection, scripts
from usersync.comparison.folder import Migration
from usersync.comparison.statements import Statement, split
from usersync.comparison.workshop import Workshop

#: Schemas of the platform, of which not everything is here.
_PLATFORM = re.compile(
    r'"?\b(auth|storage|realtime|vault|net|cron|extensions|graphql|graphql_public|pgmq|pgsodium'
    r'|supabase_functions|pgmq_public|topology|tiger)\b"?(?:\.| does not exist)'
)

#: SQLSTATEs of what is not there: schema, table, function, type or other object.
_NOT_THERE = re.compile(r"(?:[\w ]+: )?(?:3F000|42P01|42883|42704) ")


@dataclass(frozen=True, slots=True)
class Stage:
    """A database that migrations have run in, as far as they did.

    Args:
        database: its name.
        fault: where they ended; empty when all of them ran.
        since: the file that it ended in.
        lacking: what this Postgres has not got, a clause each.
        remarks: what was done otherwise than on a hosted project, a sentence each.
        roles: those that its migrations made; all databases of a server share them.
    """

    database: str
    fault: str = ""
    since: str = ""
    lacking: tuple[str, ...] = ()
    remarks: tuple[str, ...] = ()
    roles: frozenset[str] = frozenset()


def build(workshop: Workshop, stage: Stage, migrations: Sequence[Migration]) -> Stage:
    """Run migrations in a database, one after the other, until one fails.

    Args:
        workshop: whose database it is.
        stage: what it holds already; unchanged when its migrations have failed.
        migrations: what follows.
    """
    if stage.fault or not migrations:
        return stage
    there = workshop.roles()
    with connection.connect(workshop.developer_url(stage.database)) as opened:
        for migration in migrations:
            scripts.begin(opened)
            stage = _one(workshop, opened, stage, migration, there)
            if stage.fault:
                break
    return replace(stage, roles=stage.roles | (workshop.roles() - there))


def sow(workshop: Workshop, database: str, name: str, text: str) -> str:
    """Run a seed in a database; answers why it ended early, empty when it did not.

    Args:
        workshop: whose database it is.
        database: its name.
        name: of the file.
        text: of the file.
    """
    with connection.connect(workshop.developer_url(database)) as opened:
        scripts.begin(opened)
        ended = _one(workshop, opened, Stage(database), Migration(name, text), frozenset())
    return "; ".join((*([ended.fault] if ended.fault else []), *ended.lacking))


def lacks(told: str) -> str:
    """What of the platform is not here, when that is what failed; empty otherwise.

    Args:
        told: SQLSTATE and message of an error.
    """
    named = _PLATFORM.search(told) if _NOT_THERE.match(told) else None
    return f"something of the schema {named[1]} that is not here" if named else ""


def _one(
    workshop: Workshop,
    opened: connection.Connection,
    stage: Stage,
    migration: Migration,
    roles: frozenset[str],
) -> Stage:
    statements = split(migration.text)
    host = scripts.Host(
        lend=workshop.lending if workshop.is_ours else None,
        stand_in=partial(workshop.stand_in, stage.database),
        roles=roles - stage.roles,
    )
    ran = scripts.run(opened, statements, host)
    lacking = [
        f"{_place(migration, statements, number)} needs the extension {name}"
        for number, name in ran.lacking
    ]
    remarks = [
        f"{_place(migration, statements, number)}: run with the rights that hosted projects lend"
        for number in ran.lent
    ]
    remarks += [
        f"{migration.name}, line {one.line}: run in no transaction, which `supabase db push` does"
        " only when it stands first in its file"
        for number, one in enumerate(statements)
        if one.alone and number
    ]
    stage = replace(
        stage,
        lacking=(*stage.lacking, *lacking),
        remarks=(*stage.remarks, *remarks),
        roles=stage.roles | ran.borrowed,
    )
    if ran.fault is None:
        return stage
    place = _place(migration, statements, ran.fault.number, ran.fault.lines)
    missing = lacks(f"{ran.fault.sqlstate} {ran.fault.message}") if workshop.is_ours else ""
    if missing:
        stage = replace(stage, lacking=(*stage.lacking, f"{place} needs {missing}"))
    return replace(stage, fault=f"{place}: {ran.fault.told}", since=migration.name)


def _place(
    migration: Migration, statements: Sequence[Statement], number: int, below: int = 0
) -> str:
    return f"{migration.name}, line {statements[number].line + below}"
