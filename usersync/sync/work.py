"""What is left to do, in batches: by place for many users, by name for few."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import replace
from typing import Protocol

from usersync.backends import Backend, Batch, Blocks, Cursor, Ids, Selection, Table
from usersync.model import Plan

#: A batch should hold its locks no longer than people notice.
_SLOW_S = 0.4
_FAST_S = 0.1
_SMALLEST_ROWS = 100
_LARGEST_ROWS = 20_000
_FIRST_ROWS = 1_000

#: Users that are in memory at once, whatever their number. A plan of no more names them all.
PAGE_ROWS = 20_000


class BatchSize:
    """How many rows a batch has: fixed, or following the measured latency.

    Args:
        fixed: rows a batch; None to follow the latency.
        most: never more than this, such as the rows one second may take.
    """

    def __init__(self, fixed: int | None = None, most: float | None = None) -> None:
        self._fixed = fixed
        self._most = max(int(min(most or _LARGEST_ROWS, _LARGEST_ROWS)), 1)
        self.rows = fixed or min(_FIRST_ROWS, self._most)

    def took(self, duration_s: float) -> None:
        """Learn from one batch."""
        if self._fixed is not None:
            return
        if duration_s > _SLOW_S:
            self.rows = max(self.rows // 2, min(self.rows, _SMALLEST_ROWS))
        elif duration_s < _FAST_S:
            self.rows = min(self.rows * 2, self._most)

    def halve(self) -> None:
        """Make batches smaller after a time-out."""
        self.rows = max(self.rows // 2, 1)


class Work(Protocol):
    """A supply of batches that several workers take from."""

    def claim(self, rows: int) -> Batch | None:
        """The next batch of about so many rows; None when nothing is left."""

    def give_back(self, batch: Batch) -> bool:
        """A batch that was too large, to be claimed again in halves; False for a single user."""


class _Returns:
    """Batches that came back, in halves."""

    def __init__(self) -> None:
        self._halves: list[Batch] = []

    def pop(self) -> Batch | None:
        return self._halves.pop() if self._halves else None

    def push(self, batch: Batch) -> bool:
        """Keep both halves, the first on top; False when there is nothing to halve."""
        if isinstance(batch, Blocks):
            middle = (batch.first + batch.end) // 2
            if middle == batch.first:
                return False
            self._halves += [replace(batch, first=middle), replace(batch, end=middle)]
        else:
            middle = len(batch.user_ids) // 2
            if middle == 0:
                return False
            self._halves += [Ids(batch.user_ids[middle:]), Ids(batch.user_ids[:middle])]
        return True


class Sweep:
    """Every heap block of ``auth.users`` once: the way to go when most users are missing."""

    def __init__(self, table: Table, plan: Plan) -> None:
        self._next = 0
        self._end = table.user_blocks
        self._all_missing = plan.existing == 0
        users = max(table.users_estimate, plan.total)
        self._rows_per_block = max(users / max(self._end, 1), 1.0)
        self._returns = _Returns()
        self._lock = threading.Lock()

    def claim(self, rows: int) -> Batch | None:
        """See `Work`."""
        with self._lock:
            returned = self._returns.pop()
            if returned is not None or self._next >= self._end:
                return returned
            first = self._next
            self._next = min(first + max(int(rows / self._rows_per_block), 1), self._end)
            return Blocks(first, self._next, self._all_missing)

    def give_back(self, batch: Batch) -> bool:
        """See `Work`; the users of a single block are left to `Pages`, which can halve them."""
        with self._lock:
            self._returns.push(batch)
            return True


class Listed:
    """Users by name.

    Args:
        user_ids: who is meant, in the order of the batches.
    """

    def __init__(self, user_ids: Sequence[str]) -> None:
        self._ids = list(user_ids)
        self._returns = _Returns()
        self._lock = threading.Lock()

    def claim(self, rows: int) -> Batch | None:
        """See `Work`."""
        with self._lock:
            returned = self._returns.pop()
            if returned is not None:
                return returned
            self._refill()
            if not self._ids:
                return None
            batch = Ids(tuple(self._ids[:rows]))
            del self._ids[:rows]
            return batch

    def give_back(self, batch: Batch) -> bool:
        """See `Work`."""
        with self._lock:
            return self._returns.push(batch)

    def _refill(self) -> None:
        """Nobody else is meant."""


class Pages(Listed):
    """The missing users by name, oldest first, found by one anti-join a page.

    Args:
        backend: the door that reads the pages.
        table: the profile table.
        selection: which missing users are meant.
        skip_ids: users who failed already and are not tried again.
        page_rows: users a page; all of one page are in memory at once.
    """

    def __init__(
        self,
        backend: Backend,
        table: Table,
        selection: Selection,
        *,
        skip_ids: frozenset[str] = frozenset(),
        page_rows: int = PAGE_ROWS,
    ) -> None:
        super().__init__(())
        self._backend = backend
        self._table = table
        self._selection = selection
        self._skip_ids = skip_ids
        self._page_rows = page_rows
        self._after: Cursor | None = None
        self._exhausted = False

    def _refill(self) -> None:
        while not self._ids and not self._exhausted:
            page = self._backend.missing_users(
                self._table, self._selection, self._after, self._page_rows
            )
            self._exhausted = len(page) < self._page_rows
            if page:
                self._after = Cursor(page[-1].created_at, page[-1].id)
            self._ids = [user.id for user in page if user.id not in self._skip_ids]
