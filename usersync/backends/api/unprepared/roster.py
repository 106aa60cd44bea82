"""One listed user in a few bytes, and what the whole list comes to.

A record is the id, the sign-up time, why the user is left out, the provider and what is known of
the profile; behind that, for somebody whose profile is missing, the masked address and the values
that the profile gets. Records sort by id.
"""

from __future__ import annotations

import hashlib
import json
import struct
import uuid
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from usersync.backends.api.unprepared.directory import Directory, address_hash
from usersync.backends.api.unprepared.pile import Packed, Pile
from usersync.backends.status import DAYS
from usersync.model import LIST_LENGTH, User
from usersync.privacy import masked_email

Listed = Mapping[str, Any]

_ID = struct.Struct(">16sQ")
_REST = struct.Struct(">HIB")
ID_BYTES = 16
HEAD_BYTES = _ID.size
_BARE_BYTES = _ID.size + _REST.size

#: What is known of somebody's profile.
_HAS_PROFILE, _OTHER_ADDRESS = 1, 2

#: Who needs no profile and has one, by whether that is for a soft delete.
_CHECK_OF_SKIPPED = {True: "soft_deleted_with_profile", False: "excluded_with_profile"}

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_OFFSET = 1 << 62
_MICROSECOND = timedelta(microseconds=1)


def head(user: Listed) -> bytes:
    """The first part of a record: id and sign-up time."""
    raw = uuid.UUID(user["id"]).bytes
    return _ID.pack(raw, instant(datetime.fromisoformat(user["created_at"])))


def instant(moment: datetime) -> int:
    """A moment as a number that sorts, microseconds and all."""
    return (moment - _EPOCH) // _MICROSECOND + _OFFSET


class Clerk:
    """Writes records.

    Args:
        skip_number: why somebody needs no profile; 0 for somebody who does.
        provider: how somebody signed up.
        directory: who has a profile.
        row_of: the values of a new profile; None when nobody asks for them.
    """

    def __init__(
        self,
        skip_number: Callable[[Listed], int],
        provider: Callable[[Listed], str],
        directory: Directory,
        row_of: Callable[[Listed], dict[str, Any]] | None,
    ) -> None:
        self._skip_number = skip_number
        self._provider = provider
        self._directory = directory
        self._row_of = row_of
        self.providers: list[str] = []
        self._numbers: dict[str, int] = {}

    def record(self, user: Listed) -> bytes:
        """The record of a user."""
        first = head(user)
        skip = self._skip_number(user)
        held = self._directory.meet(first[:ID_BYTES])
        marks = 0
        if held is not None:
            address = user.get("email") or ""
            differs = held and not user.get("deleted_at") and held != address_hash(address)
            marks = _HAS_PROFILE | (_OTHER_ADDRESS if differs else 0)
        fixed = first + _REST.pack(skip, self._number(self._provider(user)), marks)
        if skip or held is not None:
            return fixed
        values = self._row_of(user).values() if self._row_of else ()
        told = [masked_email(user.get("email")), *values]
        return fixed + json.dumps(told, ensure_ascii=False, separators=(",", ":")).encode()

    def _number(self, provider: str) -> int:
        if provider not in self._numbers:
            self._numbers[provider] = len(self.providers)
            self.providers.append(provider)
        return self._numbers[provider]


@dataclass(slots=True)
class Remarkable:
    """Whom a check finds: how many, and the first of them with why they need no profile."""

    count: int = 0
    first: list[tuple[str, int]] = field(default_factory=list)


@dataclass(slots=True)
class Roster:
    """What the whole list comes to, and everybody whose profile is missing, oldest first."""

    as_of: datetime
    providers: list[str]
    counts: dict[tuple[int, bool], int] = field(default_factory=dict)
    """By reason and by whether there is a profile."""
    newest: dict[tuple[int, bool], bytes] = field(default_factory=dict)
    remarkable: dict[str, Remarkable] = field(default_factory=dict)
    """By the name of a check, whom it finds."""
    missing: Packed = field(default_factory=Packed)
    """Records with the sign-up time before the id, oldest first."""
    nobodys: int = 0
    """Profiles whose user the list does not show."""

    def take(self, records: Iterable[bytes]) -> None:
        """Count everybody; records are those of `Clerk`, each user once."""
        missing = Pile()
        for record in records:
            skip, _, marks = _REST.unpack_from(record, HEAD_BYTES)
            kind = (skip, bool(marks & _HAS_PROFILE))
            self.counts[kind] = self.counts.get(kind, 0) + 1
            created_at = record[ID_BYTES:HEAD_BYTES]
            self.newest[kind] = max(self.newest.get(kind, b""), created_at)
            if marks & _OTHER_ADDRESS:
                self._remark("email_drift", record, 0)
            if marks & _HAS_PROFILE and skip:
                self._remark(_CHECK_OF_SKIPPED[skip == 1], record, skip)
            if kind == (0, False):
                missing.add(created_at + record[:ID_BYTES] + record[HEAD_BYTES:])
        self.missing = Packed(missing.drained())

    def correct(self, present: Collection[str]) -> None:
        """Some whose profile was missing have one after all: it came while they were listed."""
        if present:
            before = len(self.missing)
            self.missing = Packed(one for one in self.missing if missing_id(one) not in present)
            came = before - len(self.missing)
            self.counts[0, False] -= came
            self.counts[0, True] = self.counts.get((0, True), 0) + came
            self.newest.setdefault((0, True), self.newest[0, False])

    def _remark(self, check: str, record: bytes, skip: int) -> None:
        found = self.remarkable.setdefault(check, Remarkable())
        found.count += 1
        if len(found.first) < LIST_LENGTH:
            found.first.append((id_of(record), skip))

    @property
    def total(self) -> int:
        """Users that need a profile."""
        return self.counts.get((0, True), 0) + self.counts.get((0, False), 0)

    def status_rows(self) -> list[dict[str, Any]]:
        """As the rows of ``queries/status.sql``; profiles of nobody are not among them."""
        rows = [
            {
                "skip": skip,
                "has_profile": has_profile,
                "users": users,
                "newest_at": created_at_of(self.newest[skip, has_profile]),
                "email_drift": 0,
            }
            for (skip, has_profile), users in self.counts.items()
        ]
        drift = self.remarkable.get("email_drift", Remarkable()).count
        none = {"skip": 0, "has_profile": True, "users": 0, "newest_at": None}
        return [*rows, none | {"email_drift": drift}]

    def missing_rows(self) -> list[dict[str, Any]]:
        """As the rows of ``queries/missing.sql``."""
        since = self.as_of - timedelta(days=DAYS + 1)
        groups: dict[tuple[Any, str], dict[str, Any]] = {}
        for record in self.missing:
            at, provider = created_at_of(record), self.providers[_provider_number(record)]
            day = at.astimezone(UTC).date() if at >= since else None
            group = groups.setdefault(
                (day, provider),
                {"day": day, "provider": provider, "users": 0, "oldest_at": at, "newest_at": at},
            )
            group["users"] += 1
            group["newest_at"] = at
        return list(groups.values())

    def user(self, record: bytes) -> User:
        """Somebody whose profile is missing, as lists show it."""
        provider = self.providers[_provider_number(record)]
        masked = json.loads(record[_BARE_BYTES:])[0]
        return User(missing_id(record), masked, created_at_of(record), provider)


def id_of(record: bytes) -> str:
    """The id of a record that sorts by id."""
    return str(uuid.UUID(bytes=record[:ID_BYTES]))


def raw_missing_id(record: bytes) -> bytes:
    """The id of a record of `Roster.missing`, in 16 bytes."""
    return record[HEAD_BYTES - ID_BYTES : HEAD_BYTES]


def missing_id(record: bytes) -> str:
    """The id of a record of `Roster.missing`."""
    return str(uuid.UUID(bytes=raw_missing_id(record)))


def created_at_of(record: bytes) -> datetime:
    """When the user of a record of `Roster.missing` signed up, by its first eight bytes."""
    number = int.from_bytes(record[: HEAD_BYTES - ID_BYTES], "big")
    return _EPOCH + (number - _OFFSET) * _MICROSECOND


def position_key(created_at: datetime | None, user_id: str) -> bytes:
    """What stands just behind somebody in `Roster.missing`."""
    at = 0 if created_at is None else instant(created_at)
    return at.to_bytes(8, "big") + uuid.UUID(user_id).bytes + b"\xff" * 8


def values_of(record: bytes) -> list[Any]:
    """The values of somebody's new profile, in the order of its columns."""
    values: list[Any] = json.loads(record[_BARE_BYTES:])[1:]
    return values


def values_digest(record: bytes) -> int:
    """What stands for somebody and the values of the new profile."""
    told = record[HEAD_BYTES - ID_BYTES : HEAD_BYTES] + record[_BARE_BYTES:]
    return int.from_bytes(hashlib.blake2b(told, digest_size=8).digest(), "big", signed=True)


def merged(known: Iterable[bytes], latest: Iterable[bytes]) -> Iterator[tuple[bytes, bool]]:
    """Two sorted runs of records as one, each user once; with whether ``latest`` has it.

    Where both have somebody, the record of ``latest`` stands.
    """
    left, right = iter(known), iter(latest)
    one, other = next(left, None), next(right, None)
    while one is not None or other is not None:
        if other is None or (one is not None and one[:ID_BYTES] < other[:ID_BYTES]):
            assert one is not None
            yield one, False
            one = next(left, None)
            continue
        if one is not None and one[:ID_BYTES] == other[:ID_BYTES]:
            one = next(left, None)
        yield other, True
        other = next(right, None)


def distinct(records: Iterable[bytes]) -> Iterator[bytes]:
    """Sorted records, each user once."""
    last = b""
    for record in records:
        if record[:ID_BYTES] != last:
            last = record[:ID_BYTES]
            yield record


def is_bare(record: bytes) -> bool:
    """Whether a record is the head alone."""
    return len(record) == HEAD_BYTES


def _provider_number(record: bytes) -> int:
    number: int = _REST.unpack_from(record, HEAD_BYTES)[1]
    return number
