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
    # The one that is open, else the latest: people close what they have seen. Two runs may have
    # found none at once: the older one stays.
    standing = [one for one in known if one.is_open] or known[-1:]
    now = standing[0] if standing else None
    for twin in standing[1:]:
        client.change(f"/issues/{twin.number}", state="closed", state_reason="not_planned")
    if made.exit_code == 0:
        return _well(client, now, key, made)
    hash_ = report.fingerprint(made.known)
    if now is None:
        body = _body(made, key, hash_, when_told(Told()))
        client.make("/issues", title=_title(key, made), body=body, labels=[LABEL])
        return Told("opened")
    latest = made.since(now.facts)
    same = now.is_open and now.hash == hash_
    if not same:
        # What is new is a comment, since only that reaches people.
        client.make(f"/issues/{now.number}/comments", body=report.render(latest, size="comment"))
    before = Told("", now.facts, now.told_at)
    body = _body(latest, key, hash_, when_told(before))
    client.change(f"/issues/{now.number}", state="open", title=_title(key, made), body=body)
    did = "unchanged" if same else "told" if now.is_open else "reopened"
    return replace(before, did=did)


def _well(client: Client, now: Ours | None, key: str, made: Report) -> Told:
    if now is None or not now.is_open:
        return Told("", now.facts if now else None)
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


def _title(key: str, made: Report) -> str:
    return report.unmarked(f"usersync {key}: {made.headline.text}")[:200]


def _body(made: Report, key: str, hash_: str, told_at: datetime | None) -> str:
    return report.render(made, size="comment", marker=marker(key, hash_, made.known, told_at))
