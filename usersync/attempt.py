"""What would come of one profile if it were made now, as `sync` and `create-profile` make it."""

from __future__ import annotations

from collections.abc import Sequence

from usersync import sync
from usersync.backends import Failure, Ids, Match, OwnFunction, Selection, Table
from usersync.errors import Broken, Refused, UsersyncError
from usersync.model import Guard, Plan, Step, Trigger
from usersync.session import Session

#: What helps against a profile that cannot be made, by the class or the whole of its SQLSTATE.
_REPAIRS = (
    (
        "23505",
        "another profile has that value: change it, or map the column otherwise (`unique: suffix`)",
    ),
    ("23502", "say under columns: in usersync.yaml where that value comes from"),
    ("23", "correct the user's data or the mapping under columns: in usersync.yaml"),
    ("22", "the value does not fit the column: correct it, or the mapping in usersync.yaml"),
    ("", "correct the function or the column that is named"),
)

#: The same where the app's own function makes it.
_OWN_REPAIRS = (
    ("23505", "another row holds that value: change it there, or correct the function"),
    ("", "correct the user's data, or the function that is named"),
)

#: How ``queries/create_by_function.sql`` says that the function made none, without a place.
_MADE_NONE = "P0002"


def tried(session: Session, table: Table, match: Match) -> Step:
    """What would come of it; the transaction is rolled back.

    Args:
        session: the run's surroundings.
        table: where the profile is missing.
        match: whose it would be.
    """
    name = "if it were made now"
    try:
        table = session.backend.table(table.settings, writing=True)
        sync.refuse_read_only([table])
        sync.refuse_unrunnable(session, [table])
        if session.backend.most_rehearsed == 0:
            return Step(name, "skipped", "not tried: over the API a read cannot; a connection can")
        triggers = session.backend.triggers(table)
        guards = _guards(session, match, triggers)
        create = guards[0].next_step if guards else command(session, match)
        lasting = _guards(session, match, [one for one in triggers if one.lasting])
        if lasting:
            return Step(name, "skipped", f"not tried: {lasting[0].message}", next_step=create)
        with session.backend.rehearsal(session.target.settings.rehearse_timeout_s) as door:
            made = door.create(table, Selection(), Ids((match.user.id,)), max_failures=1)
    except (Refused, Broken) as error:
        again = f"; then: {command(session, match)}" if isinstance(error, Broken) else ""
        return Step(name, "finding", error.message, next_step=error.next_step + again)
    except UsersyncError as error:
        return Step(name, "unknown", error.message, next_step=error.next_step)
    if made.failures:
        told, repair = _why(made.failures[0], table.own_function)
        return Step(name, "finding", told, next_step=f"{repair}; then: {create}")
    maker = " and ".join(table.own_function.functions) if table.own_function else ""
    passes = f"{maker} makes it" if maker else "the insert passes"
    return Step(name, "ok", passes if made.created else "somebody was faster", next_step=create)


def _why(failure: Failure, own: OwnFunction | None) -> tuple[str, str]:
    """What a failed creation tells, and what helps."""
    if own and failure.sqlstate == _MADE_NONE and not failure.place:
        return (
            f"{failure.subject} for this user: it swallows an error, or leaves the user out",
            "look into that function: what it catches, and whom it leaves out",
        )
    repairs = _OWN_REPAIRS if own else _REPAIRS
    repair = next(text for state, text in repairs if failure.sqlstate.startswith(state))
    return f"it fails: {failure.told}", repair


def command(session: Session, match: Match) -> str:
    """The command that makes it.

    Args:
        session: the run's surroundings.
        match: whose it would be.
    """
    return session.command("create-profile", match.user.id)


def _guards(session: Session, match: Match, triggers: Sequence[Trigger]) -> tuple[Guard, ...]:
    """What stands before the profile of this user; each names the command that passes."""
    plan = Plan(session.clock(), 1, 0, 1, "", triggers=tuple(triggers))
    return sync.trigger_guards(session, plan, (), "create-profile", match.user.id)
