"""Postgres's own hash of a uuid, so that plans and shares are the same through every door."""

from __future__ import annotations

import struct

_MASK = 0xFFFFFFFF
_START = (0x9E3779B9 + 16 + 3923095) & _MASK


#: The seeds of the four hashes that make a user's share of a plan's digest.
_SEEDS = range(4)


def uuid_hash(raw: bytes, seed: int = 0) -> int:
    """What ``uuid_hash_extended(id, seed)`` answers (src/common/hashfn.c, hash_bytes_extended).

    Args:
        raw: the 16 bytes of the uuid.
        seed: less than 2 ** 32.
    """
    first, second, third, fourth = struct.unpack("<4I", raw)
    a = b = c = _START
    if seed:
        a, b, c = _mixed(a, (b + seed) & _MASK, c)
    a, b, c = _mixed((a + first) & _MASK, (b + second) & _MASK, (c + third) & _MASK)
    a = (a + fourth) & _MASK
    c = ((c ^ b) - _rotated(b, 14)) & _MASK
    a = ((a ^ c) - _rotated(c, 11)) & _MASK
    b = ((b ^ a) - _rotated(a, 25)) & _MASK
    c = ((c ^ b) - _rotated(b, 16)) & _MASK
    a = ((a ^ c) - _rotated(c, 4)) & _MASK
    b = ((b ^ a) - _rotated(a, 14)) & _MASK
    c = ((c ^ b) - _rotated(b, 24)) & _MASK
    return signed(b << 32 | c)


def digest_share(raw: bytes) -> int:
    """A user's share of a plan's digest, as ``queries/plan.sql`` has it: four hashes in a row."""
    share = 0
    for seed in _SEEDS:
        share = share << 64 | uuid_hash(raw, seed) & 0xFFFFFFFFFFFFFFFF
    return share


def in_share(raw: bytes, share: tuple[int, int] | None) -> bool:
    """Whether a user belongs to share ``(number, of)``, as `usersync.sql.users.in_share` has it."""
    if share is None:
        return True
    number, of = share
    return (uuid_hash(raw) & 0x7FFFFFFF) % of == number - 1


def signed(number: int) -> int:
    """An unsigned 64-bit number as Postgres's bigint."""
    return number - 2**64 if number >= 2**63 else number


def _mixed(a: int, b: int, c: int) -> tuple[int, int, int]:
    for turn_a, turn_b, turn_c in ((4, 6, 8), (16, 19, 4)):
        a = ((a - c) & _MASK) ^ _rotated(c, turn_a)
        c = (c + b) & _MASK
        b = ((b - a) & _MASK) ^ _rotated(a, turn_b)
        a = (a + c) & _MASK
        c = ((c - b) & _MASK) ^ _rotated(b, turn_c)
        b = (b + a) & _MASK
    return a, b, c


def _rotated(number: int, by: int) -> int:
    return (number << by | number >> (32 - by)) & _MASK
