"""Many small records in their order, in little more memory than their bytes."""

from __future__ import annotations

import heapq
import struct
from array import array
from collections import deque
from collections.abc import Iterable, Iterator

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
    """Records by their number.

    Args:
        records: in the order that their numbers shall have.
    """

    def __init__(self, records: Iterable[bytes] = ()) -> None:
        self._bytes = bytearray()
        self._ends = array("Q")
        for record in records:
            self._bytes += record
            self._ends.append(len(self._bytes))

    def __len__(self) -> int:
        return len(self._ends)

    def __getitem__(self, number: int) -> bytes:
        if not 0 <= number < len(self._ends):
            raise IndexError(number)
        start = self._ends[number - 1] if number else 0
        return bytes(self._bytes[start : self._ends[number]])

    def __iter__(self) -> Iterator[bytes]:
        return (self[number] for number in range(len(self)))


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
