"""What is installed in the target and what stands in the way; writes nothing."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any

from psycopg import sql

from usersync.backends import answers
from usersync.backends.catalog import FunctionNow, LedgerEntry, Survey, UserTrigger
from usersync.backends.postgres import reach
from usersync.backends.postgres.rows import RowCursor, fetch_all
from usersync.backends.postgres.transactions import Transactions
from usersync.config import ProfileTable, Settings
from usersync.sql import compose, load, replaced
from usersync.sql.changes import ours
from usersync.sql.profiles import table_name


def survey(
    transactions: Transactions, settings: Settings, tables: Sequence[ProfileTable]
) -> Survey:
    """What is installed and what stands in the way, of one snapshot; writes nothing."""
    return transactions.read(lambda cursor: taken(cursor, settings, tables))


def taken(cursor: RowCursor, settings: Settings, tables: Sequence[ProfileTable]) -> Survey:
    """The same in a transaction that somebody else opened, under its lock."""
    names = [table_name(table).as_string() for table in tables]
    named = ours(settings) | {"profile_names": sql.SQL("{}::text[]").format(sql.Literal(names))}
    facts = fetch_all(cursor, compose(load("queries/survey"), named))[0]["survey"]
    ledger: list[dict[str, Any]] = []
    if facts.pop("ledger"):
        ledger = fetch_all(cursor, compose(load("queries/ledger_read"), named))
    entries = tuple(answers.ledger_entry(row["entry"]) for row in ledger)
    recorded = {identity for entry in entries for identity in entry.objects}
    objects = fetch_all(cursor, compose(load("queries/inventory"), named))
    triggers = facts.pop("user_triggers")
    wanted = [(table.schema_name, table.table) for table in tables]
    inserting = reach.inserting(cursor, [one["function_oid"] for one in triggers], wanted)
    for one in triggers:
        oid = one.pop("function_oid")
        one["inserts_into"] = tuple(_named(inserting.get(oid, ())))
        # What ours does is known: the ledger has it.
        if one["on_insert"] and f"function {one['function']}" not in recorded:
            one["writes"] = tuple(_named(reach.written(cursor, [oid])))
            called = {code.name for code in reach.reached(cursor, [oid]) if code.oid != oid}
            one["calls"] = tuple(sorted(called))
            one["effects"] = reach.effects(cursor, oid)
            (now,) = _functions(cursor, {one["function"]: None}).values()
            one["function_attributes"] = now.attributes
    old = [one for one in (replaced.read(entry.revert) for entry in entries) if one]
    return Survey(
        ledger=entries,
        dependents={entry.change: _dependents(cursor, entry) for entry in entries},
        objects={row["identity"]: row["definition"] for row in objects},
        user_triggers=tuple(UserTrigger(**trigger) for trigger in triggers),
        replaced=_functions(cursor, {one.function: one.owner for one in old}),
        **facts,
    )


def _functions(cursor: RowCursor, owners: Mapping[str, str | None]) -> dict[str, FunctionNow]:
    """Trigger functions as they are now; of each that may be gone, who owned it where known."""
    if not owners:
        return {}
    named = {
        "functions": sql.SQL("{}::text[]").format(sql.Literal(list(owners))),
        "owners": sql.SQL("{}::text[]").format(sql.Literal(list(owners.values()))),
    }
    return {
        row["function"]: FunctionNow(row["definition"], tuple(row["attributes"]), row["obstacle"])
        for row in fetch_all(cursor, compose(load("queries/replaced_functions"), named))
    }


def _named(tables: Collection[tuple[str, str]]) -> list[str]:
    return sorted(".".join(filter(None, table)) for table in tables)


def pushed(transactions: Transactions, since: datetime, limit: int) -> tuple[str, ...]:
    """What the Supabase CLI pushed since then: its versions are times."""
    named = {
        "since_version": sql.Literal(f"{since:%Y%m%d%H%M%S}"),
        "limit": sql.Literal(limit),
    }

    def work(cursor: RowCursor) -> tuple[str, ...]:
        if not fetch_all(cursor, compose(load("queries/pushed_there"), {}))[0]["there"]:
            return ()
        rows = fetch_all(cursor, compose(load("queries/pushed"), named))
        return tuple(row["name"] for row in rows)

    return transactions.read(work)


def _dependents(cursor: RowCursor, entry: LedgerEntry) -> tuple[str, ...]:
    if not entry.trigger_functions:
        return ()
    triggers = [one for one in entry.objects if one.startswith("trigger ")]
    named = {
        "functions": sql.SQL("{}::text[]").format(sql.Literal(list(entry.trigger_functions))),
        "triggers": sql.SQL("{}::text[]").format(sql.Literal(triggers)),
    }
    found = fetch_all(cursor, compose(load("queries/dependents"), named))
    return tuple(row["object"] for row in found)
