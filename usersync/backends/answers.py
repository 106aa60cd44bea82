"""What the rows of the query files mean, whichever door they came through."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from datetime import datetime
from typing import Any

from usersync.backends import (
    Account,
    BatchResult,
    Failure,
    Match,
    Numbers,
    PlanCounts,
    Recorded,
    Wish,
)
from usersync.backends.catalog import LedgerEntry, TriggerFunction
from usersync.model import JournalEvent, Paused, User
from usersync.privacy import masked_email
from usersync.sql.stub import Stub

Row = Mapping[str, Any]


def user(row: Row) -> User:
    """A row with a user's id, address, sign-up time and provider; the address is masked here."""
    return User(str(row["id"]), masked_email(row["email"]), row["created_at"], row["provider"])


def plan(row: Row) -> PlanCounts:
    """The row of ``queries/plan.sql``."""
    ids = row["user_ids"]
    return PlanCounts(**{**row, "user_ids": None if ids is None else tuple(ids)})


def wish(row: Row) -> Wish:
    """A row of ``queries/wishes.sql``."""
    return Wish(
        column=row["column_name"],
        wanted=row["wanted"],
        users=tuple((position, user_id, meant) for position, user_id, meant in row["users"]),
        free=tuple((number, tuple(marks)) for number, marks in row["free"]),
        is_cut=len(row["free"]) >= row["room"],
    )


def numbers_of(numbers: Numbers, user_ids: Collection[str]) -> Numbers:
    """The numbers of some users alone."""
    return {
        column: {one: given[one] for one in user_ids if one in given}
        for column, given in numbers.items()
    }


def match(row: Row) -> Match:
    """A row of ``queries/find_users.sql``."""
    return Match(user(row), row["skip_reason"] or "", row["has_profile"], row["role"])


def account(row: Row, recorded: Iterable[Row]) -> Account:
    """The row of ``queries/account.sql`` with those of ``queries/recorded.sql``."""
    from usersync.backends.postgres.failures import condition_name

    lists = {"identities": tuple(row["identities"]), "unreadable": tuple(row["unreadable"])}
    told = tuple(Recorded(condition=condition_name(one["sqlstate"]), **one) for one in recorded)
    return Account(**{**row, **lists}, recorded=told)


def journal_line(row: Row) -> JournalEvent:
    """A row of ``queries/journal_read.sql`` as the line it was."""
    fields = dict(row)
    return JournalEvent(
        table=fields.pop("profile_table"),
        run_id=str(fields.pop("run_id")),
        user_ids=tuple(map(str, fields.pop("user_ids"))),
        **fields,
    )


def trigger_function(row: Row, *, is_paused: bool) -> TriggerFunction:
    """A row of ``queries/trigger_functions.sql``."""
    return TriggerFunction(
        name=row["function"],
        schema=row["schema"],
        plain_name=row["name"],
        owner=row["owner"],
        replaceable=row["replaceable"],
        source=row["source"],
        definition=row["definition"],
        triggers=tuple(row["triggers"]),
        on_users=row["on_users"],
        on_sign_up=row["on_sign_up"],
        is_paused=is_paused,
    )


def ledger_entry(row: Row) -> LedgerEntry:
    """A row of the ledger; that of another version may have fewer columns."""
    return LedgerEntry(
        change=row["change"],
        tool_version=row["tool_version"],
        configuration=row.get("configuration", ""),
        apply=row.get("apply_text", ""),
        revert=row["revert_text"],
        objects=row.get("objects", {}),
        applied_at=datetime.fromisoformat(row["applied_at"]),
        applied_by=row.get("applied_by", ""),
    )


def paused(function: TriggerFunction, stub: Stub, signed_up: int) -> Paused:
    """A paused function, and how many signed up without a profile since."""
    return Paused(
        function.name, stub.since, stub.by, stub.reason, function.triggers, signed_up=signed_up
    )


def batch_result(output: Row) -> BatchResult:
    """The output of ``queries/create_batch.sql``."""
    # The names of the SQLSTATEs are psycopg's, which is loaded only when a creation failed.
    from usersync.backends.postgres.failures import condition_name

    return BatchResult(
        found=output["found"],
        created=output["created"],
        already_there=output["already_there"],
        failures=tuple(
            Failure(
                failure["id"],
                failure["sqlstate"],
                condition_name(failure["sqlstate"]),
                failure["subject"],
                failure.get("place") or "",
            )
            for failure in output["failures"]
        ),
    )
