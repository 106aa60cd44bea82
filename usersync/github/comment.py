"""One comment on a pull request: made once, edited in place, left alone when nothing changed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from usersync import report
from usersync.github.marker import marker, ours
from usersync.report import Report

if TYPE_CHECKING:
    from usersync.github.client import Client


def publish(client: Client, pull_request: int, key: str, made: Report) -> str:
    """Say it on the pull request.

    Args:
        client: the repository's.
        pull_request: its number.
        key: what it is about; there is one comment for each.
        made: what to say; what the comment said before is told as changes.

    Returns:
        What was done: ``made``, ``edited``, ``unchanged``, or nothing where all is well and nothing
        was said before.
    """
    login = client.login()
    path = f"/issues/{pull_request}/comments"
    before = ours(client.pages(path), key, login)
    # Not of the facts alone: the same sign-up may fail for another reason, in another file.
    hash_ = report.fingerprint(report.substance(made, "comment"))
    if not before:
        if made.exit_code == 0:
            return ""
        mine = client.make(path, body=_body(made, key, hash_)).get("id")
        before = ours(client.pages(path), key, login)
        if not before or before[0].number == mine:
            return "made"
        # Runs that found none at once: the oldest comment stays, and each later run says there what
        # it found. It removes its own alone, or nobody would know of the others any more.
        before = [before[0], *(one for one in before if one.number == mine)]
    first, *others = before
    is_same = first.hash == hash_
    if not is_same:
        latest = made.since(first.facts)
        client.change(f"/issues/comments/{first.number}", body=_body(latest, key, hash_))
    # Only then: what cannot be said there still stands here.
    for other in others:
        client.remove(f"/issues/comments/{other.number}")
    return "unchanged" if is_same else "edited"


def _body(made: Report, key: str, hash_: str) -> str:
    return report.render(made, size="comment", marker=marker(key, hash_, made.known))
