"""One issue for each target that has drifted: opened, told what is new, closed, reopened."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING

from usersync import report
from usersync.github.marker import Ours, marker, ours
from usersync.report import Facts, Report

if TYPE_CHECKING:
    from usersync.github.client import Client

LABEL = "usersync"


@dataclass(frozen=True, slots=True)
class Told:
    """What the issue said before, and what was done with it."""

    did: str = ""
    facts: Facts | None = None
    """None when nothing was ever said."""
    told_at: datetime | None = None


def publish(
    client: Client,
    key: str,
    made: Report,
    when_told: Callable[[Told], datetime | None] = lambda before: before.told_at,
) -> Told:
    """Keep the issue in step with the report.

    Args:
        client: the repository's.
        key: what it is about; there is one issue for each.
        made: what to say.
        when_told: from what was said before, when the team's webhook is told last; the issue
            remembers it.

    Returns:
        What it said before, and ``opened``, ``reopened``, ``told``, ``unchanged``, ``closed``, or
        nothing where all is well and no issue is open.
    """
    login = client.login()
    known = ours(_issues(client, login), key, login)
    if made.exit_code == 7:
        return Told()
    # The one that is open, else the latest: people close what they have seen.
    standing = [one for one in known if one.is_open] or known[-1:]
    if not standing:
        if made.exit_code == 0:
            return Told()
        standing = _opened(client, login, key, made, when_told(Told()))
        if not standing:
            return Told("opened")
    now, *twins = standing
    if made.exit_code == 0:
        told = _well(client, now, key, made)
    else:
        told = _news(client, now, key, made, when_told)
    for twin in twins:
        _close(client, twin, now)
    return told


def _opened(
    client: Client, login: str, key: str, made: Report, told_at: datetime | None
) -> list[Ours]:
    """Open an issue; the one that goes on and this one, where another run was faster."""
    body = _body(made, key, report.fingerprint(made.known), told_at)
    issue = client.make("/issues", title=title(key, made), body=body, labels=[LABEL])
    there = [one for one in ours(_issues(client, login), key, login) if one.is_open]
    if not there or there[0].number == issue.get("number"):
        return []
    # The oldest goes on, and each later run tells there what it found. It closes its own alone, or
    # nobody would know of the others any more.
    return [there[0], *(one for one in there if one.number == issue.get("number"))]


def _news(
    client: Client,
    now: Ours,
    key: str,
    made: Report,
    when_told: Callable[[Told], datetime | None],
) -> Told:
    hash_ = report.fingerprint(made.known)
    latest = made.since(now.facts)
    same = now.is_open and now.hash == hash_
    if not same:
        # What is new is a comment, since only that reaches people.
        client.make(f"/issues/{now.number}/comments", body=report.render(latest, size="comment"))
    before = Told("", now.facts, now.told_at)
    body = _body(latest, key, hash_, when_told(before))
    client.change(f"/issues/{now.number}", state="open", title=title(key, made), body=body)
    did = "unchanged" if same else "told" if now.is_open else "reopened"
    return replace(before, did=did)


def _close(client: Client, twin: Ours, now: Ours) -> None:
    """Close what was opened beside the issue that goes on, and say there which that is."""
    why = f"Several runs opened an issue at the same moment: #{now.number} goes on."
    client.make(f"/issues/{twin.number}/comments", body=why)
    client.change(f"/issues/{twin.number}", state="closed", state_reason="not_planned")


def _well(client: Client, now: Ours, key: str, made: Report) -> Told:
    if not now.is_open:
        return Told("", now.facts)
    latest = made.since(now.facts)
    client.make(f"/issues/{now.number}/comments", body=report.render(latest, size="comment"))
    hash_ = report.fingerprint(made.known)
    client.change(
        f"/issues/{now.number}",
        state="closed",
        state_reason="completed",
        body=_body(latest, key, hash_, None),
    )
    return Told("closed", now.facts, now.told_at)


def _issues(client: Client, login: str) -> list[dict[str, object]]:
    """All issues of ours; pull requests are listed among them, and are none."""
    listed = client.pages("/issues", state="all", creator=login)
    return [dict(item) for item in listed if "pull_request" not in item]


def title(key: str, made: Report) -> str:
    """What an issue is called."""
    return report.unmarked(f"usersync {key}: {made.headline.text}")[:200]


def _body(made: Report, key: str, hash_: str, told_at: datetime | None) -> str:
    return report.render(made, size="comment", marker=marker(key, hash_, made.known, told_at))
