"""Gates: the digest that stands for what is behind one, and whether it opens.

A digest is ``GATE.TARGET.RUNBOOK.INPUTS.SCHEMA.TOOL.PLANS.TIME`` and then the digest of each plan:
made anew at the gate by whoever approves, and compared part by part. It opens one gate, once; TIME
is how often a digest of just this opened it before, in runs that were cut off there.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from usersync import __version__
from usersync.digest import fingerprint
from usersync.errors import Refused, Stopped, UsersyncError
from usersync.procedure.plans import StepPlan
from usersync.procedure.record import inputs_hash
from usersync.runbook import Loaded
from usersync.session import Session

#: How many parts there are before the digests of plans.
_FIXED = 8

_MEANING = (
    "the target (another database or environment)",
    "the runbook (its file, or one that it names)",
    "the inputs",
    "the schema (the profile table, or what is installed)",
    "the version of usersync",
    "the plan of the steps behind the gate",
)


def schema(session: Session) -> str:
    """Stands for the profile tables, the triggers on users and what is installed, as they are."""
    survey = session.backend.catalog.survey(session.target.profiles)
    tables = []
    for settings in session.target.profiles:
        try:
            tables.append(session.backend.table(settings, writing=False).definition)
        except UsersyncError:
            tables.append("")
    return fingerprint(
        sorted(survey.objects.items()),
        [(one.change, one.applied_at) for one in survey.ledger],
        [(one.name, one.enabled, one.definition) for one in survey.user_triggers],
        tables,
    )


def digest(
    session: Session,
    loaded: Loaded,
    gate: str,
    values: Mapping[str, Any],
    plans: Sequence[StepPlan],
) -> str:
    """Stands for opening this gate to exactly what is behind it now.

    Args:
        session: the run's surroundings.
        loaded: the runbook.
        gate: the step's id.
        values: the inputs.
        plans: of the changes behind the gate.
    """
    pending = [plan for plan in plans if plan.todo is not False]
    parts = (
        fingerprint(session.backend.identity, session.target.environment),
        loaded.digest[:8],
        inputs_hash(values),
        schema(session),
        fingerprint(__version__),
        fingerprint([(plan.step, plan.digest) for plan in pending], length=8),
    )
    exact = [plan.digest for plan in pending if plan.exact]
    for time in range(1_000):
        token = ".".join((gate, *parts, str(time), *exact))
        if session.journal.digest_used(token) is None:
            break
    return token


def gate_of(token: str, known: Sequence[str]) -> str:
    """The gate that a digest is for.

    Raises:
        Refused: it is none, or of another runbook.
    """
    parts = token.strip().split(".")
    if len(parts) < _FIXED or parts[0] not in known:
        raise Refused(
            "the digest given to --approve opens no gate of this runbook",
            "copy it whole from the line that the gate printed",
        )
    return parts[0]


def exact_digests(token: str) -> tuple[str, ...]:
    """The digests of the plans that a digest was made of."""
    return tuple(token.strip().split(".")[_FIXED:])


def stop_if_stale(
    session: Session, approved: str, now: str, plans: Sequence[StepPlan], again: str
) -> None:
    """Stop when what was approved is not what would be done.

    Args:
        session: the run's surroundings.
        approved: the digest that was given.
        now: the digest as it is now.
        plans: as they are now.
        again: the command that makes a new one.

    Raises:
        Stopped: it was used already, or something has moved; says what.
    """
    used_by = session.journal.digest_used(approved.strip())
    if used_by:
        raise Stopped(
            f"this digest opened its gate already, in run {used_by}; it opens one gate, once",
            f"look at what is left to do: {again}",
        )
    failed = [plan.error for plan in plans if plan.error is not None]
    stale = next((error for error in failed if error.exit_code == 4), None)
    if stale is not None:
        raise Stopped(stale.message, f"make a new digest: {again}")
    given, found = approved.strip().split("."), now.split(".")
    if given == found:
        return
    moved = [
        meaning
        for meaning, before, after in zip(_MEANING, given[1:], found[1:], strict=False)
        if before != after
    ] or [_MEANING[-1]]
    raise Stopped(
        f"what was approved has moved: {' and '.join(moved)}", f"make a new digest: {again}"
    )
