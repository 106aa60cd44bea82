"""The journal: what was changed, by whom and why; append-only, and never an e-mail in it.

It stands in ``usersync.journal`` of the target, written in the transaction of the change, when
the migration has made that table; otherwise in a JSON Lines file of the user, mode 0600.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import asdict, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from usersync.backends import Backend
from usersync.errors import CouldNotTell, Refused
from usersync.model import JournalEvent


class Journal:
    """Tells what one run does.

    Args:
        backend: the open door; None before there is one.
        path: the file for targets without a journal of their own.
        run: what all lines of this run share (run id, task, target, actor, reason, version).
        clock: the time of each line.
        retention_days: how long the target's journal keeps a line; None for good.
        approver: who it is that approves, if this run is told to do what somebody read.
    """

    def __init__(
        self,
        backend: Backend,
        path: Path,
        run: JournalEvent,
        clock: Callable[[], datetime],
        retention_days: int | None = None,
        approver: str = "",
    ) -> None:
        self._retention_days = retention_days
        self._approver = approver
        self._backend = backend
        self._path = path
        self._run = run
        self._clock = clock
        self._starts: list[JournalEvent] = []
        self._moved_from: str | None = None

    @property
    def run_id(self) -> str:
        """Which run this is."""
        return self._run.run_id

    def elsewhere(self, backend: Backend, path: Path) -> Journal:
        """The journal of the same run for another database, a scratch copy."""
        return Journal(backend, path, self._run, self._clock)

    @property
    def folder(self) -> Path:
        """Where files of the same user go that must not be lost."""
        return self._path.parent

    @property
    def place(self) -> str:
        """Where the lines go, for people."""
        return "usersync.journal" if self._backend.keeps_journal else str(self._path)

    def approved(self, *, by_somebody: bool = True) -> None:
        """From here on each line tells who approved what it is about; or that nobody did."""
        self._run = replace(self._run, approver=self._approver if by_somebody else "")

    def started(self, table: str, *, digest: str = "", counts: Mapping[str, int]) -> None:
        """A changing run starts: said before its first write."""
        line = self._line("started", table, digest=digest, counts=dict(counts))
        if self._retention_days and not self._starts and self._backend.keeps_journal:
            self._backend.prune(self._retention_days)
        self._append(line)
        self._starts.append(line)

    def moved(self) -> None:
        """This run made or removed the target's journal: the start is told in the new place too."""
        self._moved_from = self._moved_from or ("file" if self._backend.keeps_journal else "table")
        for line in self._starts:
            self._append(line)

    def unit(self, table: str, *, digest: str = "") -> JournalEvent:
        """The line of one unit, for the backend to commit with it; counts are still empty."""
        return self._line("unit", table, digest=digest)

    def committed(
        self, unit: JournalEvent, counts: Mapping[str, int], user_ids: tuple[str, ...] = ()
    ) -> None:
        """A unit was committed: into the file, where the target has no journal of its own."""
        if not self._backend.keeps_journal:
            self._to_file(replace(unit, counts=dict(counts), user_ids=user_ids))

    def ended(
        self, table: str, *, digest: str = "", counts: Mapping[str, int], exit_code: int
    ) -> None:
        """The run ended: a run without this line was killed."""
        line = self._line("ended", table, digest=digest, counts=dict(counts))
        self._append(replace(line, exit_code=exit_code))
        if self._moved_from == "file":
            self._to_file(replace(line, exit_code=exit_code))

    def history(self, limit: int) -> tuple[JournalEvent, ...]:
        """The last lines about this target, newest first."""
        if self._backend.keeps_journal:
            return self._backend.read_journal(limit)
        return self.in_file()[::-1][:limit]

    def in_file(self) -> tuple[JournalEvent, ...]:
        """The lines about this target that stand in the file of the user, oldest first."""
        return tuple(self._from_file())

    def keep(self, lines: Iterable[JournalEvent]) -> None:
        """Tell lines of the target's journal in the file too, before that journal goes.

        Args:
            lines: those that somebody may need later.
        """
        for line in lines:
            self._to_file(replace(line, target=self._run.target))

    def forget(self, user_id: str) -> tuple[int, int]:
        """Take a user's id out of every line; the lines stay.

        Returns:
            Out of how many lines of the target's journal, and of the file.
        """
        in_target = self._backend.forget(user_id) if self._backend.keeps_journal else 0
        try:
            lines = self._path.read_text(encoding="utf-8").splitlines(keepends=True)
        except FileNotFoundError:
            return in_target, 0
        kept = [_without(line, user_id) for line in lines]
        changed = sum(before != after for before, after in zip(lines, kept, strict=True))
        if changed:
            beside = self._path.with_suffix(".new")
            descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
            with os.fdopen(descriptor, "w", encoding="utf-8") as file:
                file.writelines(kept)
                file.flush()
                os.fsync(file.fileno())
            beside.replace(self._path)
        return in_target, changed

    def digest_used(self, digest: str) -> str | None:
        """The id of the run that this plan was approved for, if there was one."""
        used = self._backend.digest_used(digest) if self._backend.keeps_journal else None
        if used:
            return used
        # Also where there is a journal by now: the run that made it began without one.
        for event in self._from_file():
            if event.event == "started" and event.digest == digest:
                return event.run_id
        return None

    def _line(self, event: Any, table: str, **fields: Any) -> JournalEvent:
        return replace(self._run, at=self._clock(), event=event, table=table, **fields)

    def _append(self, event: JournalEvent) -> None:
        if self._backend.keeps_journal:
            self._backend.write_journal(event)
        else:
            self._to_file(event)

    def _to_file(self, event: JournalEvent) -> None:
        line = json.dumps(asdict(event), default=str, ensure_ascii=False) + "\n"
        try:
            self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            # One write of a file opened for appending: lines of runs side by side never mix.
            descriptor = os.open(self._path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
            try:
                os.write(descriptor, line.encode())
                os.fsync(descriptor)
            finally:
                os.close(descriptor)
        except OSError as error:
            kind = Refused if event.event == "started" else CouldNotTell
            raise kind(
                f"the journal {self._path} cannot be written: {error.strerror}; nothing is changed"
                " without a journal",
                "make its folder writable, or point XDG_STATE_HOME to another one",
            ) from error

    def _from_file(self) -> Iterator[JournalEvent]:
        try:
            text = self._path.read_text(encoding="utf-8")
        except FileNotFoundError:
            return
        for line in text.splitlines():
            try:
                fields = json.loads(line)
            except json.JSONDecodeError:
                continue  # the last line of a machine that lost power
            if fields.get("target") == self._run.target:
                fields["at"] = datetime.fromisoformat(fields["at"])
                fields["user_ids"] = tuple(fields["user_ids"])
                yield JournalEvent(**fields)


def _without(line: str, user_id: str) -> str:
    """A line of the file without a user; what is no line is left as it is."""
    try:
        fields = json.loads(line)
    except json.JSONDecodeError:
        return line
    if user_id not in fields.get("user_ids", ()):
        return line
    fields["user_ids"] = [one for one in fields["user_ids"] if one != user_id]
    return json.dumps(fields, ensure_ascii=False) + "\n"
