"""Many small records in their order, in little more memory than their bytes."""

from __future__ import annotations

import heapq
import struct
from array import array
from collections import deque
from collections.abc import Iterable, Iterator
from itertools import accumulate

_LENGTH = struct.Struct(">I")

#: Records that are Python objects at once; behind that they are sorted and packed.
_LOOSE = 50_000
_BLOCK = 1_000


class Pile:
    """Records that are added in any order and read in theirs."""

    def __init__(self) -> None:
        self._loose: list[bytes] = []
        self._runs: list[deque[bytes]] = []

    def add(self, record: bytes) -> None:
        """Add a record."""
        self._loose.append(record)
        if len(self._loose) >= _LOOSE:
            self._pack()

    def __iter__(self) -> Iterator[bytes]:
        """All records, sorted; equal ones as often as they were added."""
        self._pack()
        return heapq.merge(*map(_records, self._runs))

    def drained(self) -> Iterator[bytes]:
        """The same; what was read is let go of, and nothing is left at the end."""
        self._pack()
        runs, self._runs = self._runs, []
        return heapq.merge(*(_records(_emptied(run)) for run in runs))

    def _pack(self) -> None:
        if not self._loose:
            return
        self._loose.sort()
        self._runs.append(
            deque(
                b"".join(_LENGTH.pack(len(one)) + one for one in self._loose[at : at + _BLOCK])
                for at in range(0, len(self._loose), _BLOCK)
            )
        )
        self._loose = []


class Packed:
    """Records by their number, in blocks: what a pile lets go of is used again for them.

    Args:
        records: in the order that their numbers shall have.
    """

    def __init__(self, records: Iterable[bytes] = ()) -> None:
        self._blocks: list[bytes] = []
        self._ends: list[array[int]] = []
        loose: list[bytes] = []
        for record in records:
            loose.append(record)
            if len(loose) == _BLOCK:
                self._close(loose)
        self._length = len(self._blocks) * _BLOCK + len(loose)
        if loose:
            self._close(loose)

    def __len__(self) -> int:
        return self._length

    def __getitem__(self, number: int) -> bytes:
        if not 0 <= number < self._length:
            raise IndexError(number)
        block, place = divmod(number, _BLOCK)
        ends = self._ends[block]
        return self._blocks[block][ends[place - 1] if place else 0 : ends[place]]

    def __iter__(self) -> Iterator[bytes]:
        return (self[number] for number in range(self._length))

    def _close(self, loose: list[bytes]) -> None:
        self._blocks.append(b"".join(loose))
        self._ends.append(array("I", accumulate(map(len, loose))))
        loose.clear()


def _records(blocks: Iterable[bytes]) -> Iterator[bytes]:
    for block in blocks:
        at = 0
        while at < len(block):
            (length,) = _LENGTH.unpack_from(block, at)
            at += _LENGTH.size
            yield block[at : at + length]
            at += length


def _emptied(blocks: deque[bytes]) -> Iterator[bytes]:
    while blocks:
        yield blocks.popleft()
