"""Who may let a change of the schema pass, and the digest that stands for what it would do."""

from __future__ import annotations

from collections.abc import Sequence

from usersync import __version__
from usersync.backends.catalog import Survey
from usersync.digest import fingerprint
from usersync.errors import Refused, Stopped
from usersync.model import ChangeState, Outcome
from usersync.session import NOBODY_TO_ASK, Session

_PARTS = {
    "target": "the target (another database or environment)",
    "statements": "the statements (the configuration, or what is left to do)",
    "installed": "what is installed (somebody changed it)",
    "tool": "the version of usersync",
}


def digest(session: Session, verb: str, survey: Survey, statements: str) -> str:
    """Stands for exactly these statements on exactly this target as it is now.

    Args:
        session: the run's surroundings.
        verb: ``apply`` or ``rollback``.
        survey: what is there.
        statements: everything that would be run.
    """
    installed = (
        sorted(survey.objects.items()),
        [(entry.change, entry.applied_at) for entry in survey.ledger],
        [(trigger.name, trigger.enabled, trigger.definition) for trigger in survey.user_triggers],
        sorted((name, now.definition, now.attributes) for name, now in survey.replaced.items()),
    )
    parts = {
        "target": fingerprint(session.backend.identity, session.target.environment),
        "statements": fingerprint(statements, length=8),
        "installed": fingerprint(installed),
        "tool": fingerprint(__version__),
    }
    return f"{verb}-{'-'.join(parts.values())}"


def stop_if_stale(session: Session, verb: str, approved: str | None, now: str, again: str) -> None:
    """Stop when an approved plan is not the plan any more, or was carried out.

    Args:
        session: the run's surroundings.
        verb: ``apply`` or ``rollback``.
        approved: the digest that was given, if one was.
        now: the digest of what would be done now; empty when that is nothing.
        again: the command that makes a new plan.

    Raises:
        Refused: it is no digest of this task.
        Stopped: with what has moved.
    """
    if approved is None:
        return
    given = approved.strip().split("-")
    if given[0] != verb or len(given) != 1 + len(_PARTS):
        raise Refused(f"--approve takes the digest that a dry run of {verb} printed", again)
    used_by = session.journal.digest_used(approved.strip())
    if used_by:
        raise Stopped(
            f"this plan was carried out already, by run {used_by}; a digest approves once", again
        )
    if not now:
        raise Stopped("the plan is stale: nothing is left to do", again)
    moved = [
        meaning
        for meaning, before, after in zip(
            _PARTS.values(), given[1:], now.split("-")[1:], strict=True
        )
        if before != after
    ]
    if moved:
        raise Stopped(f"the plan is stale: what moved since is {' and '.join(moved)}", again)


def authorize(
    session: Session,
    question: str,
    changes: Sequence[ChangeState],
    agree: str,
    *,
    approve: str | None,
    yes: bool,
    only_by_digest: bool = False,
) -> None:
    """Let a change of production's schema pass only when somebody said so.

    Args:
        session: the run's surroundings.
        question: what would be done, in one sentence that ends in a question mark.
        changes: what is shown with it.
        agree: the command that agrees beforehand.
        approve: the digest that was given; it was compared before.
        yes: the person agreed beforehand.
        only_by_digest: neither a person at a terminal nor ``--yes`` will do.

    Raises:
        Refused: nobody is there to ask, and nothing was said beforehand.
        Stopped: the person said no.
    """
    if approve:
        session.journal.approved()
    if not session.target.is_production or approve or (yes and not only_by_digest):
        return
    line = session.backend.line
    if session.ask is None or only_by_digest:
        raise Refused(
            f"{line.name} is production: somebody must approve this"
            + ("" if only_by_digest else f", and {NOBODY_TO_ASK}"),
            agree,
        )
    if not session.ask(
        f"{line.name} is production ({line.host}). {question}", Outcome(changes=tuple(changes))
    ):
        raise Stopped("not confirmed; nothing was done")
