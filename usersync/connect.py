"""``connect.check``: which settings are there, and what the open door sees and may do."""

from __future__ import annotations

from collections.abc import Sequence

from usersync.backends import Access
from usersync.model import Outcome, Step, worst
from usersync.session import Session


def check(session: Session) -> Outcome:
    """Say who we are in the target, and name each right that is missing with its remedy."""
    access = session.backend.access(session.target.profiles)
    steps = [
        Step("reachable", "ok", f"PostgreSQL {access.server_version}", duration_s=access.latency_s),
        Step("role", "ok", access.user),
        *(
            Step(settings.name, "ok", "configured profile table")
            for settings in session.target.profiles
        ),
        _row_security(access),
    ]
    rights = "may read auth.users and lock its rows, read and insert profiles"
    if not access.problems:
        steps.append(Step("rights", "ok", rights))
    steps += [
        Step("problem", "finding", problem, next_step=remedy) for problem, remedy in access.problems
    ]
    if access.beyond:
        steps.append(Step("more than needed", "ok", access.beyond))
    codes = [0 if access.sees_users else 1, 2 if access.problems else 0]
    return Outcome(steps=tuple(steps), exit_code=worst(codes))


def _row_security(access: Access) -> Step:
    if access.unseen:
        return Step("row security", "unknown", access.unseen)
    if access.sees_users:
        return Step("row security", "ok", "hides no user from this role")
    return Step("row security", "unknown", "hides auth.users from this role, or its rights do")


def together(doors: Sequence[tuple[str, Outcome]]) -> Outcome:
    """What was found through several ways to one target, each under its name.

    Args:
        doors: the name of each way and what was found there; an error when it could not be opened.
    """
    steps: list[Step] = []
    for name, outcome in doors:
        if outcome.error:
            remedy = "\n".join(outcome.next_steps)
            refused = Step(name, "finding", outcome.error, next_step=remedy)
            silent = Step(name, "unknown", outcome.error, next_step=remedy)
            steps.append(refused if outcome.exit_code == 3 else silent)
        else:
            steps += [Step(name, "ok", "open"), *outcome.steps]
    return Outcome(steps=tuple(steps), exit_code=worst([one.exit_code for _, one in doors]))
