"""The notice by which a workflow run says which plan it made, and how another run finds it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from usersync.digest import fingerprint
from usersync.github.step import Annotation

if TYPE_CHECKING:
    from usersync.github.client import Client

_TITLE = "usersync plan"
#: How its text begins; a fingerprint for each plan follows.
_WORD = "plan"
#: A hash of so many digits stands for no other plan, also where somebody looks for one; of 32 it
#: would be taken for the id of a user, and made short.
_DIGITS = 40
#: Plans of one notice: what is longer than `LONGEST_MESSAGE` would be cut.
_MOST = 90


@dataclass(frozen=True, slots=True)
class Job:
    """A finished job of a workflow run, which made a plan.

    Args:
        attempt: of the run, in which it ran.
        ended_at: as GitHub says it.
    """

    attempt: Any
    ended_at: Any


def notices(digests: Iterable[str]) -> tuple[Annotation, ...]:
    """What says that this run made these plans, to those alone who have their digests.

    Args:
        digests: what approves each of them; in a public repository anybody reads a notice.
    """
    prints = [_print(one) for one in digests]
    return tuple(
        Annotation(" ".join((_WORD, *prints[at : at + _MOST])), "notice", title=_TITLE)
        for at in range(0, len(prints), _MOST)
    )


def maker(client: Client, run_id: str, digest: str) -> Job | None:
    """The job of a run that made a plan, in any of its attempts; None when there is none.

    One that has not finished counts for nothing: its plan was not there to be read.

    Args:
        client: the repository's.
        run_id: of the workflow run.
        digest: what approves the plan.

    Raises:
        GitHubError: it does not say; a token without `checks: read` may not ask.
    """
    for job in client.pages(f"/actions/runs/{run_id}/jobs", "jobs", filter="all"):
        number = job.get("id")
        if job.get("status") != "completed" or not isinstance(number, int):
            continue
        if any(_says(one, _print(digest)) for one in _annotations(client, number)):
            return Job(job.get("run_attempt"), job.get("completed_at"))
    return None


def _annotations(client: Client, job: int) -> list[Mapping[str, Any]]:
    """What a job said; nothing where there is no such check run."""
    from usersync.github.client import GitHubError

    # A job has the id of its check run: so `gh run view` finds the annotations of a job, in
    # GetAnnotations of github.com/cli/cli, pkg/cmd/run/shared/shared.go.
    try:
        return list(client.pages(f"/check-runs/{job}/annotations"))
    except GitHubError as error:
        if error.status != 404:
            raise
        return []


def _print(digest: str) -> str:
    return fingerprint(digest.strip(), length=_DIGITS)


def _says(annotation: Mapping[str, Any], wanted: str) -> bool:
    """Whether it is a notice of ours, as a whole, about this plan."""
    told = [str(annotation.get(name)) for name in ("annotation_level", "title", "message")]
    words = told.pop().split(" ")
    return told == ["notice", _TITLE] and words[0] == _WORD and wanted in words[1:]
