"""Who has a profile, in 24 bytes a profile: ids in their order, each with its address as a hash."""

from __future__ import annotations

import hashlib
import uuid
from array import array
from bisect import bisect_left
from collections.abc import Iterator

_ID_BYTES = 16


class Directory:
    """The keys of a profile table; they are added in their order."""

    def __init__(self) -> None:
        self._ids = bytearray()
        self._addresses = array("Q")
        self._met = bytearray()

    def __len__(self) -> int:
        return len(self._addresses)

    def __getitem__(self, position: int) -> bytes:
        return bytes(self._ids[position * _ID_BYTES : (position + 1) * _ID_BYTES])

    def add(self, key: str, address: str | None) -> None:
        """Add a profile that stands behind all others."""
        self._ids += uuid.UUID(key).bytes
        self._addresses.append(address_hash(address))
        self._met.append(0)

    def meet(self, raw: bytes) -> int | None:
        """The hash of the address in somebody's profile, 0 without one; None without a profile.

        Whoever is looked up is a user: what nobody looked up is nobody's.
        """
        position = bisect_left(self, raw)
        if position == len(self) or self[position] != raw:
            return None
        self._met[position] = 1
        return self._addresses[position]

    def nobodys(self) -> Iterator[str]:
        """The keys that no user asked for."""
        position = self._met.find(0)
        while position >= 0:
            yield str(uuid.UUID(bytes=self[position]))
            position = self._met.find(0, position + 1)


def address_hash(address: str | None) -> int:
    """What stands for an address, whatever its capitals; 0 for none."""
    if address is None:
        return 0
    digest = hashlib.blake2b(address.lower().encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big") | 1
