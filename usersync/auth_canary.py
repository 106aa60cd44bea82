"""``migration.test --through-auth``: one real user signs up, is watched, and is deleted for good.

The address names the run, so that the next one finds what a killed one left.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from usersync.backends import Match, Table, canary
from usersync.errors import CouldNotTell, Refused, Stopped, UsersyncError
from usersync.model import Outcome, Step
from usersync.session import NOBODY_TO_ASK, Session
from usersync.sql.profiles import profile_delete

if TYPE_CHECKING:
    from usersync.backends.api.accounts import Account, Accounts

#: Nobody's: RFC 2606 keeps the domain from ever existing.
PREFIX = "usersync-canary-"
DOMAIN = "@usersync.invalid"
_ADDRESS = rf"{PREFIX}[0-9a-f]{{16}}{DOMAIN}".replace(".", r"\.")

#: How long a profile may take, and how often it is looked for.
_PATIENCE_S = 10.0
_EVERY_S = 0.25

#: A younger one may belong to a run that is at work.
_AT_WORK_S = 30.0

FAILED_AND_UNDONE, SOMETHING_REMAINS = 5, 6


@dataclass
class _Trial:
    """What one run has done so far."""

    session: Session
    accounts: Accounts
    tables: tuple[Table, ...]
    steps: list[Step] = field(default_factory=list)
    remains: list[str] = field(default_factory=list)
    """What a person must remove, one command a line."""

    def tell(self, name: str, status: str, detail: str, user_id: str = "") -> None:
        self.steps.append(Step(name, status, detail, user_id=user_id))  # type: ignore[arg-type]


def run(session: Session, accounts: Accounts, *, yes: bool) -> Outcome:
    """Sign one user up through the Auth server and take everything back.

    Args:
        session: the run's surroundings.
        accounts: the Auth server of the same project.
        yes: the person agreed beforehand.

    Raises:
        Refused: nobody agreed, in production.
        Stopped: the person said no.
    """
    tables = tuple(
        session.backend.table(settings, writing=False) for settings in session.target.profiles
    )
    _authorize(session, yes=yes)
    trial = _Trial(session, accounts, tables)
    session.journal.started("", counts={"canary": 1})
    error: UsersyncError | None = None
    interrupted: KeyboardInterrupt | None = None
    # Not the whole id of the run, which would be told short, as every id is.
    address = f"{PREFIX}{session.journal.run_id.replace('-', '')[:16]}{DOMAIN}"
    user_id, tried = "", False
    try:
        _remove_leftovers(trial)
        tried = True
        user_id = _sign_up(trial, address)
        if user_id:
            _watch(trial, user_id)
    except UsersyncError as raised:
        error = raised
    except KeyboardInterrupt as raised:
        interrupted = raised
    if tried:
        _remove(trial, address, user_id)
    outcome = _outcome(trial, error)
    counts = {"canary": 1, "left": len(trial.remains)}
    try:
        session.journal.ended("", counts=counts, exit_code=outcome.exit_code)
    except UsersyncError as untold:
        # What is left must be told all the same.
        outcome = replace(outcome, notes=(*outcome.notes, untold.message))
    if interrupted is not None and not trial.remains:
        raise interrupted
    return outcome


def _authorize(session: Session, *, yes: bool) -> None:
    if not session.target.is_production or yes:
        return
    line = session.backend.line
    agree = session.command("migration.test", "--through-auth", "--yes")
    if session.ask is None:
        raise Refused(
            f"{line.name} is production: somebody must approve a real sign-up there, and"
            f" {NOBODY_TO_ASK}",
            agree,
        )
    question = (
        f"{line.name} is production ({line.host}). Sign up one real user ({PREFIX}…{DOMAIN})"
        " through the Auth server, with everything that a sign-up sets off (triggers, hooks,"
        " webhooks), and delete it for good?"
    )
    if not session.ask(question, Outcome()):
        raise Stopped("not confirmed; nothing was done")


def _remove_leftovers(trial: _Trial) -> None:
    """Take away what killed runs left; one that may be at work is given its time."""
    accounts = trial.accounts
    found = accounts.named(PREFIX, _ADDRESS)
    youngest = min((one.age_s for one in found), default=_AT_WORK_S)
    if youngest < _AT_WORK_S:
        trial.session.progress.say(
            f"a canary of {max(youngest, 0):.0f} s ago is there: waiting until its run is over"
        )
        give_up_at = time.monotonic() + _AT_WORK_S - youngest
        while found and time.monotonic() < give_up_at:
            time.sleep(min(1.0, _AT_WORK_S))
            found = accounts.named(PREFIX, _ADDRESS)
    for one in found:
        if _deleted(trial, one.user_id, one.address):
            trial.tell("leftover", "changed", _leftover(one), one.user_id)


def _leftover(one: Account) -> str:
    return f"{one.address} of a run that was killed {one.age_s / 60:,.0f} minutes ago is deleted"


def _sign_up(trial: _Trial, address: str) -> str:
    """The id of the new user; empty when the Auth server said no."""
    from usersync.backends.api.admin import NotCreated

    started = time.monotonic()
    try:
        user_id = trial.accounts.create(address)
    except NotCreated as refused:
        trial.tell(
            "sign-up",
            "failed",
            f"{refused.message}; the cause stands in the project's Postgres log",
        )
        return ""
    trial.steps.append(
        Step("sign-up", "ok", address, user_id=user_id, duration_s=time.monotonic() - started)
    )
    return user_id


def _watch(trial: _Trial, user_id: str) -> None:
    """See the profile appear, in every table."""
    backend = trial.session.backend
    for table in trial.tables:
        name = table.settings.name
        started = time.monotonic()
        for match in _looks(trial, table, user_id):
            if match.has_profile:
                took_s = time.monotonic() - started
                trial.steps.append(Step(name, "ok", "the profile is there", duration_s=took_s))
                break
            if match.skip_reason:
                trial.tell(
                    name,
                    "unknown",
                    f"the rules under users: leave the canary out ({match.skip_reason}), so whether"
                    " a profile would come cannot be told",
                )
                break
        else:
            if not backend.find_users(table, user_id):
                raise CouldNotTell(
                    f"the Auth server of {trial.accounts.host} made the user, and"
                    f" {backend.line.host} does not have it: are these two projects?",
                    "set SUPABASE_URL and SUPABASE_DB_URL for the same project",
                )
            if _awaited(trial):
                trial.tell(name, "failed", f"no profile within {_PATIENCE_S:g} s")
            else:
                trial.tell(name, "ok", f"no profile: {canary.AS_CONFIGURED}")


def _awaited(trial: _Trial) -> bool:
    """Whether something shall make the profile at the sign-up."""
    return trial.session.target.settings.trigger != "none"


def _looks(trial: _Trial, table: Table, user_id: str) -> Iterator[Match]:
    """What the open door sees of the user, until patience ends."""
    give_up_at = time.monotonic() + (_PATIENCE_S if _awaited(trial) else 0)
    while True:
        yield from trial.session.backend.find_users(table, user_id)
        if time.monotonic() >= give_up_at:
            return
        time.sleep(_EVERY_S)


def _remove(trial: _Trial, address: str, user_id: str) -> None:
    """Delete the user and make sure that nothing of it is left."""
    if not user_id:
        # No answer is no proof that nobody was made.
        try:
            made = trial.accounts.the_one(address)
        except UsersyncError as error:
            trial.tell("deletion", "failed", error.message)
            trial.remains.append(_by_hand(address))
            return
        if made is None:
            return
        user_id = made.user_id
    if _deleted(trial, user_id, address):
        trial.tell("deletion", "ok", "user and profile are gone", user_id)


def _deleted(trial: _Trial, user_id: str, address: str) -> bool:
    """Delete a user; whether nothing is left."""
    backend = trial.session.backend
    try:
        trial.accounts.delete(user_id)
        is_there = trial.accounts.exists(user_id)
        left = [one for one in trial.tables if not is_there and backend.left_behind(one, user_id)]
    except UsersyncError as error:
        trial.tell("deletion", "failed", error.message, user_id)
        trial.remains.append(_by_hand(address))
        return False
    if is_there:
        trial.tell("deletion", "failed", "the user is there still", user_id)
        trial.remains.append(_by_hand(address))
    for table in left:
        trial.tell(
            table.settings.name, "failed", "the profile of the deleted user is there still", user_id
        )
        statement = profile_delete(table.settings, user_id.replace("-", ""))
        trial.remains.append(f"in the SQL editor: {statement}")
    return not is_there and not left


def _by_hand(address: str) -> str:
    return f"delete the user by hand: dashboard, Authentication, Users, search {address}"


def _outcome(trial: _Trial, error: UsersyncError | None) -> Outcome:
    contact = trial.session.target.settings.contact
    if trial.remains:
        return Outcome(
            steps=tuple(trial.steps),
            exit_code=SOMETHING_REMAINS,
            error="something of the canary remains, and a person must remove it",
            next_steps=(*trial.remains, *([f"contact: {contact}"] if contact else [])),
        )
    if error is not None:
        return Outcome(
            steps=tuple(trial.steps),
            exit_code=error.exit_code,
            error=error.message,
            next_steps=tuple(error.next_step.splitlines()),
        )
    return Outcome(
        steps=tuple(trial.steps),
        exit_code=_exit_code(trial.steps),
        notes=("One user signed up for real and was deleted; nothing of it is left.",)
        if any(step.name == "deletion" for step in trial.steps)
        else (),
        next_steps=(trial.session.command("doctor"),)
        if any(step.status == "failed" for step in trial.steps)
        else (),
    )


def _exit_code(steps: Sequence[Step]) -> int:
    if any(step.status == "failed" for step in steps):
        return FAILED_AND_UNDONE
    return 1 if any(step.status == "unknown" for step in steps) else 0
