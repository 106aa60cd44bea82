"""The schema of a target as its functions tell it: what is read, and nothing that changes it."""

from __future__ import annotations

import uuid
from collections.abc import Collection, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, NoReturn

from usersync.backends import answers, blame, checks
from usersync.backends import canary as trial
from usersync.backends.api.client import Caller
from usersync.backends.api.code import App
from usersync.backends.canary_cases import CASES, Case, doing, facts
from usersync.backends.catalog import Survey, TriggerFunction, UserTrigger
from usersync.config import ProfileTable, Settings
from usersync.errors import Refused, TooSlow
from usersync.model import CheckResult, Paused, Step
from usersync.sql import Script, changes, load
from usersync.sql import checks as scripts
from usersync.sql.stub import MARK, read
from usersync.triggers import beyond_rollback, inserts_into


class ApiCatalog:
    """What is installed and what checks find; see `usersync.backends.catalog.Catalog`.

    Args:
        caller: that of the door.
        settings: what holds in the target.
    """

    def __init__(self, caller: Caller, settings: Settings) -> None:
        self._caller = caller
        self._settings = settings

    def __getattr__(self, _verb: str) -> NoReturn:
        """Everything else that a catalog can do changes it, or reads what no function tells."""
        raise needs_connection("this")

    def survey(self, tables: tuple[ProfileTable, ...]) -> Survey:
        (row,) = self._caller.rows("usersync_survey")
        facts: dict[str, Any] = row["survey"]
        ledger = self._caller.rows("usersync_ledger") if facts.pop("ledger") else []
        objects = self._caller.rows("usersync_inventory")
        triggers: list[dict[str, Any]] = facts.pop("user_triggers")
        written = self._inserting([one["function_oid"] for one in triggers], tables)
        for one in triggers:
            found = written.get(one.pop("function_oid"), frozenset())
            one["inserts_into"] = tuple(f"{schema}.{table}" for schema, table in sorted(found))
        return Survey(
            ledger=tuple(answers.ledger_entry(row["entry"]) for row in ledger),
            objects={row["identity"]: row["definition"] for row in objects},
            user_triggers=tuple(UserTrigger(**one) for one in triggers),
            **facts,
        )

    def pushed(self, since: datetime, limit: int = 10) -> tuple[str, ...]:
        if not self._caller.rows("usersync_pushed_there")[0]["there"]:
            return ()
        version = f"{since:%Y%m%d%H%M%S}"
        rows = self._caller.rows("usersync_pushed", since_version=version, limit=limit)
        return tuple(row["name"] for row in rows)

    def checks(
        self, tables: tuple[ProfileTable, ...], wanted: Collection[str] | None = None
    ) -> tuple[CheckResult, ...]:
        today = datetime.now(UTC).date()
        names = [checks.name_of(script) for script in scripts()]
        accepted = {
            name: list(checks.accepted_subjects(name, self._settings.accept, today))
            for name in names
            if wanted is None or name in wanted
        }
        told = {table.name: self._told(table, accepted) for table in tables}

        def ask(script: Script, table: ProfileTable, _: Collection[str]) -> Sequence[checks.Row]:
            return _rows(told[table.name][checks.name_of(script)])

        return checks.run(
            self._settings, tables, ask, has_failures=True, today=today, wanted=wanted
        )

    def verify(self, applied: Sequence[changes.Change]) -> tuple[CheckResult, ...]:
        today = datetime.now(UTC).date()
        names = {f"change_{change.name.partition('_')[2]}": change for change in applied}
        accepted = {
            name: checks.accepted_subjects(name, self._settings.accept, today) for name in names
        }
        if not names:
            return ()
        table = self._settings.profiles[0]
        told = self._told(table, {name: list(one) for name, one in accepted.items()})
        return tuple(
            checks.result(
                name,
                load(f"changes/{change.name}/verify").header,
                _rows(told[name]),
                accepted[name],
            )
            for name, change in names.items()
        )

    def trigger_functions(self) -> tuple[TriggerFunction, ...]:
        rows = self._caller.rows("usersync_trigger_functions", paused_like=f"%{MARK}%")
        return tuple(
            answers.trigger_function(row, is_paused=read(row["source"]) is not None) for row in rows
        )

    def paused(self, tables: tuple[ProfileTable, ...]) -> tuple[Paused, ...]:
        found: list[Paused] = []
        for function in self.trigger_functions():
            stub = read(function.source)
            if stub is not None:
                counts = [self._signed_up(table, stub.since) for table in tables]
                found.append(answers.paused(function, stub, max(counts, default=0)))
        return tuple(found)

    def canary(
        self, tables: tuple[ProfileTable, ...], allow: Collection[str] | None
    ) -> tuple[Step, ...]:
        triggers = self._caller.rows("usersync_canary_triggers")
        fired = trial.fired(
            (),
            lambda tables: self._caller.rows("usersync_canary_triggers", tables=sorted(tables)),
            App(self._caller).written,
        )
        trial.refuse_irreversible(fired, self._beyond_rollback(fired), allow)
        ground = trial.Ground(self._settings, tables, tuple(triggers), as_auth_admin=False)
        return (trial.role(ground), *(self._try(ground, case) for case in CASES))

    def _try(self, ground: trial.Ground, case: Case) -> Step:
        user = facts(case, str(uuid.uuid4()))
        try:
            answer = self._caller.call("usersync_canary", **user, then=case.then or None)
        except TooSlow:
            slow = blame.Error("57014", _condition("57014"))
            return trial.failed(ground, case, doing("queries/canary_sign_up"), slow)
        if "error" in answer:
            told = answer["error"]
            error = blame.Error(**told, condition=_condition(told["sqlstate"]))
            return trial.failed(ground, case, doing(answer["doing"]), error)
        return trial.verdict(ground, case, [_found(one) for one in answer["found"]])

    def _beyond_rollback(self, triggers: Sequence[Mapping[str, Any]]) -> dict[int, str]:
        app = App(self._caller)
        foreign = [row["name"] for row in self._caller.rows("usersync_foreign_tables")]
        found = {
            function.oid: beyond_rollback(function, app.look_up, foreign)
            for function in app.functions([one["function_oid"] for one in triggers])
        }
        return {oid: why for oid, why in found.items() if why}

    def _signed_up(self, table: ProfileTable, since: datetime) -> int:
        (row,) = self._caller.rows("usersync_unpaired", table=table.name, since=since)
        return int(row["users"])

    def _told(
        self, table: ProfileTable, accepted: Mapping[str, list[str]]
    ) -> Mapping[str, Mapping[str, Any]]:
        answer = self._caller.call("usersync_checks", table=table.name, accepted=accepted)
        told: Mapping[str, Mapping[str, Any]] = answer["answers"]
        return told

    def _inserting(
        self, oids: Sequence[int], tables: Sequence[ProfileTable]
    ) -> dict[int, frozenset[tuple[str, str]]]:
        app = App(self._caller)
        wanted = [(table.schema_name, table.table) for table in tables]
        return {one.oid: inserts_into(one, app.look_up, wanted) for one in app.functions(oids)}


def left_behind(caller: Caller, table: ProfileTable, user_id: str) -> bool:
    """Whether there is a profile of a user who is gone, by the check that finds such profiles.

    Args:
        caller: that of the door.
        table: the profile table.
        user_id: who is gone.
    """
    accepted = {"orphan_profile": [user_id]}
    answer = caller.call("usersync_checks", table=table.name, accepted=accepted)
    rows = _rows(answer["answers"]["orphan_profile"])
    # Every row tells how many of all are accepted: this one, or nobody.
    return bool(rows and rows[0]["accepted"])


def needs_connection(what: str) -> Refused:
    """What this door says of something that it cannot do."""
    return Refused(
        f"{what} needs a database connection, and the target is reached over its API",
        "set SUPABASE_DB_URL to the connection string of the session pooler (Connect, in the"
        " dashboard)",
    )


def _rows(told: Mapping[str, Any]) -> Sequence[checks.Row]:
    """The rows of one check; see `usersync/sql/functions/api_check.sql`."""
    if "rows" in told:
        rows: Sequence[checks.Row] = told["rows"]
        return rows
    state = told["sqlstate"]
    why = f"{state} {_condition(state)}"
    # What is wrong with names and rights quotes no value of a row.
    raise checks.Unanswered(f"{why}: {told['message']}" if state.startswith("42") else why)


def _found(told: Mapping[str, Any]) -> trial.Found:
    """What is there of a canary; see `usersync/sql/functions/api_canary_found.sql`."""
    failure = told["failure"]
    return trial.Found(
        due=told["here"]["due"],
        there=told["here"]["there"],
        failure=failure,
        failure_condition=_condition(failure["sqlstate"]) if failure else "",
    )


def _condition(sqlstate: str) -> str:
    # The names of the SQLSTATEs are psycopg's, which is loaded only when something failed.
    from usersync.backends.postgres.failures import condition_name

    return condition_name(sqlstate)
