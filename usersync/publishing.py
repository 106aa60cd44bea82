"""Reports go where people look; whatever fails on the way is told and changes no verdict."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import platformdirs

from usersync import config, notification, report
from usersync.config.github import GitHub, github
from usersync.errors import Refused, UsersyncError
from usersync.github import step
from usersync.model import Run, worst
from usersync.notification import Memory
from usersync.report import Report

if TYPE_CHECKING:
    from usersync.github.client import Client

Destination = Literal["summary", "annotations", "comment", "issue", "notify"]
DESTINATIONS: tuple[Destination, ...] = ("summary", "annotations", "comment", "issue", "notify")


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


def publish(asked: Publication) -> int:
    """Publish runs everywhere that was asked for.

    Returns:
        The exit code that the runs hold, whatever became of publishing.
    """
    _Publishing(asked).everywhere()
    return worst(run.exit_code for run in asked.runs)


class _Publishing:
    def __init__(self, asked: Publication) -> None:
        self._asked = asked
        self._github = asked.surroundings
        self._warnings: list[str] = []
        self._run_url = config.circumstances().run_url
        secret = asked.show_counts or not asked.runs
        self._is_public = not secret and self._can_be_read_by_all()
        self._made = report.report(asked.runs, is_public=self._is_public)
        self._key = asked.key or _key(self._made)
        self._issue_told: Memory | None = None

    def everywhere(self) -> None:
        steps: dict[Destination, Callable[[], None]] = {
            "comment": self._comment,
            "issue": self._issue,
            "notify": self._notify,
            "annotations": self._annotate,
            "summary": self._summarize,
        }
        for place, do in steps.items():
            if place in self._asked.places:
                try:
                    do()
                except UsersyncError as error:
                    self._warn(f"{place}: {error.message}", error.next_step)
                except OSError as error:
                    self._warn(f"{place}: {error.strerror or type(error).__name__}")
        if self._github.output_path:
            try:
                step.write_outputs(
                    self._github.output_path, step.outputs(self._made, self._run_url)
                )
            except OSError as error:
                self._warn(f"outputs: {error.strerror}")
        for warning in self._warnings:
            self._say(step.Annotation(warning, "warning"))

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
            told = issue.publish(api, self._key, self._made, now=self._asked.clock())
        if told.facts is not None:
            code = told.facts.get(_fact(self._made), "").removeprefix("exit code ")
            self._issue_told = Memory(int(code) if code.isdigit() else None, told.told_at)
            self._made = self._made.since(told.facts)

    def _notify(self) -> None:
        settings = config.settings(self._asked.config).notify
        if settings is None:
            raise Refused("`notify:` is not in usersync.yaml", "see docs/reports.md")
        variables = config.secrets_of(settings)
        path = platformdirs.user_state_path("usersync") / "notifications.json"
        before = self._issue_told or notification.recalled(path, self._key)
        now = self._asked.clock()
        is_due = notification.is_due(self._made, before, now)
        if is_due and variables.webhook:
            body = notification.message(self._made, settings.format, self._run_url)
            fault = notification.send(variables.webhook, body)
            if fault:
                self._warn(f"notify: the webhook {fault}")
        if self._made.exit_code == 0 and variables.heartbeat:
            fault = notification.send(variables.heartbeat)
            if fault:
                self._warn(f"notify: the heartbeat {fault}")
        if self._made.exit_code != 7:
            told_at = now if is_due else before.told_at
            notification.remember(path, self._key, Memory(self._made.exit_code, told_at))

    def _annotate(self) -> None:
        for annotation in step.annotations(self._made):
            self._say(annotation)

    def _summarize(self) -> None:
        text = report.render(self._made)
        if self._warnings:
            text += "\n" + "\n".join(f"> {report.in_markdown(one)}" for one in self._warnings) + "\n"
        if self._github.summary_path:
            step.summarize(self._github.summary_path, text)
        else:
            self._asked.say(text)
