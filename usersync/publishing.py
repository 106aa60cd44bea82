"""Reports go where people look; whatever fails on the way is told and changes no verdict."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Literal

import platformdirs

from usersync import config, notification, report
from usersync.config.github import GitHub, github
from usersync.errors import Refused, UsersyncError
from usersync.github import plan_notice, step
from usersync.model import Run, worst
from usersync.notification import Memory
from usersync.privacy import plain_line
from usersync.report import Report

if TYPE_CHECKING:
    from usersync.github import issue

Destination = Literal["summary", "annotations", "comment", "issue", "notify", "outputs"]
DESTINATIONS: tuple[Destination, ...] = (
    "summary",
    "annotations",
    "comment",
    "issue",
    "notify",
    "outputs",
)


def destinations(text: str | None) -> tuple[Destination, ...]:
    """The places that ``--publish`` names.

    Raises:
        Refused: one of them is none.
    """
    asked = [part.strip() for part in (text or "").split(",")] if text else []
    for word in asked:
        if word not in DESTINATIONS:
            near = config.did_you_mean(word, DESTINATIONS)
            raise Refused(
                f"--publish: there is no `{word}`{f'; {near}' if near else ''}",
                f"one or more of {', '.join(DESTINATIONS)}, with commas between them",
            )
    return tuple(place for place in DESTINATIONS if place in asked)


@dataclass(frozen=True, slots=True)
class Publication:
    """What is published, and how.

    Args:
        runs: what is told.
        places: where.
        key: what comment and issue are about; the target when not given.
        show_counts: exact numbers although anybody can read them.
        pull_request: its number; that of the event when not given.
        config: the configuration file, for ``notify:``.
        say: takes the workflow commands and the warnings.
        clock: the time.
        surroundings: the workflow run; read from the environment when not given.
        made: digests of the plans that this process made, for `four_eyes`.
    """

    runs: Sequence[Run]
    places: Sequence[Destination]
    key: str = ""
    show_counts: bool = False
    pull_request: int | None = None
    config: str | None = None
    say: Callable[[str], None] = print
    clock: Callable[[], datetime] = lambda: datetime.now(UTC)
    surroundings: GitHub = field(default_factory=github)
    made: Sequence[str] = ()


def publish(asked: Publication) -> int:
    """Publish runs everywhere that was asked for.

    Returns:
        The exit code that the runs hold, whatever became of publishing.
    """
    try:
        _Publishing(asked).everywhere()
    except Exception as error:  # noqa: BLE001 - a bug here may not become the verdict
        bug = f"nothing was published: {type(error).__name__}, a bug in usersync"
        asked.say(step.Annotation(bug, "warning").command)
    return worst(run.exit_code for run in asked.runs)


class _Publishing:
    """One publication on its way."""

    def __init__(self, asked: Publication) -> None:
        self._asked = asked
        self._github = asked.surroundings
        self._warnings: list[str] = []
        self._notices = plan_notice.notices(asked.made) if asked.surroundings.is_actions else ()
        self._run_url = config.circumstances().run_url
        self._before: Memory | None = None
        self._made = report.report(
            asked.runs, is_public=is_discreet(asked.surroundings, show_counts=asked.show_counts)
        )
        self._key = asked.key or _key(self._made)

    def everywhere(self) -> None:
        """Publish to each place.

        The summary comes behind the others, since it also says what went wrong; annotations come
        last, since they leave room for that: GitHub shows ten, and drops the rest. The notice of a
        plan stands among them wherever and however the run is told, as it proves who made it.
        """
        try:
            self._places()
        finally:
            for notice in self._notices:
                self._say(notice)
        for warning in self._warnings:
            self._say(step.Annotation(warning, "warning"))

    def _places(self) -> None:
        steps: dict[Destination, Callable[[], None]] = {
            "comment": self._comment,
            "issue": self._issue,
            "notify": self._notify,
            "summary": self._summarize,
        }
        for place, do in steps.items():
            if place in self._asked.places:
                self._tried(place, do)
        if self._github.output_path or "outputs" in self._asked.places:
            self._tried("outputs", self._write_outputs)
        if "annotations" in self._asked.places:
            self._tried("annotations", self._annotate)

    def _tried(self, place: str, do: Callable[[], None]) -> None:
        try:
            do()
        except UsersyncError as error:
            self._warnings.append(f"{place}: {error.message}")
            self._warnings += error.next_step.splitlines()
        except OSError as error:
            self._warnings.append(f"{place}: {error.strerror or type(error).__name__}")

    def _comment(self) -> None:
        from usersync.github import client, comment

        number = self._asked.pull_request or self._github.pull_request
        if number is None:
            raise Refused("this is no run of a pull request", "name it: --pull-request N")
        with client.opened(self._github) as api:
            comment.publish(api, number, self._key, self._made)

    def _issue(self) -> None:
        from usersync.github import client, issue

        with client.opened(self._github) as api:
            told = issue.publish(api, self._key, self._made, self._when_told)
        if told.facts is not None:
            self._made = self._made.since(told.facts)
            self._before = _memory(told)

    def _when_told(self, before: issue.Told) -> datetime | None:
        """What the issue remembers; a report that tells nobody leaves it as it is."""
        now = self._asked.clock()
        is_due = notification.is_due(self._made, _memory(before), now)
        return now if is_due and "notify" in self._asked.places else before.told_at

    def _notify(self) -> None:
        settings = config.notify(self._asked.config)
        path = platformdirs.user_state_path("usersync") / "notifications.json"
        before = self._before or notification.recalled(path, self._key)
        now = self._asked.clock()
        is_due = notification.is_due(self._made, before, now)
        if is_due and settings.webhook:
            body = notification.message(self._made, settings.format, self._run_url)
            self._sent("webhook", notification.send(settings.webhook, body))
        if self._made.exit_code == 0 and settings.heartbeat:
            self._sent("heartbeat", notification.send(settings.heartbeat))
        if self._made.exit_code != 7:
            told_at = now if is_due else before.told_at
            notification.remember(path, self._key, Memory(self._made.exit_code, told_at))

    def _sent(self, what: str, fault: str) -> None:
        if fault:
            self._warnings.append(f"notify: the {what}: {fault}")

    def _annotate(self) -> None:
        room = step.MOST_ANNOTATIONS - len(self._notices) - len(self._warnings)
        for annotation in step.annotated(self._made, room=room):
            self._say(annotation)

    def _summarize(self) -> None:
        text = report.render(self._made)
        if self._warnings:
            text += "\n" + "".join(f"> {report.in_markdown(one)}\n" for one in self._warnings)
        if self._github.summary_path:
            step.summarize(self._github.summary_path, text)
        else:
            self._asked.say(text)

    def _write_outputs(self) -> None:
        """With every place, and alone where nothing else is wanted."""
        if not self._github.output_path:
            raise Refused("this is no step of GitHub Actions", "it names the file in GITHUB_OUTPUT")
        step.write_outputs(self._github.output_path, step.outputs(self._made, self._run_url))

    def _say(self, annotation: step.Annotation) -> None:
        """A workflow command where there is a workflow, else a line."""
        if self._github.is_actions:
            self._asked.say(annotation.command)
        else:
            self._asked.say(f"{annotation.severity}: {plain_line(annotation.message)}")


def is_discreet(surroundings: GitHub | None = None, *, show_counts: bool = False) -> bool:
    """Whether only what anybody may read is said: in a public repository, and when in doubt.

    Args:
        surroundings: the workflow run; read from the environment when not given.
        show_counts: somebody wants exact numbers all the same.
    """
    around = surroundings or github()
    if show_counts or not around.is_actions or not around.repository:
        return False
    is_private = around.is_private
    if is_private is None and around.token:
        from usersync.github import client

        try:
            with client.opened(around) as api:
                is_private = api.one("").get("private") is True
        except UsersyncError:
            is_private = False
    return not is_private


def _key(made: Report) -> str:
    """What comment and issue are about when nobody said it: the targets, and the first task."""
    names = {section.run.target.name for section in made.sections if section.run.target}
    # A name holds no slash, so that no two lists of targets are about the same.
    return "/".join(sorted(names)) or made.sections[0].run.task


def _memory(told: issue.Told) -> Memory:
    """What an issue remembers of the last time: the worst exit code among its facts."""
    found = (re.fullmatch(r"exit code ([0-7])", how) for how in (told.facts or {}).values())
    codes = [int(code[1]) for code in found if code]
    return Memory(worst(codes) if told.facts is not None else None, told.told_at)
