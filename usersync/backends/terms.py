"""What the verbs of a door are given and what they answer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from usersync.config import ProfileTable
from usersync.model import ReadOnly, User
from usersync.sql.names import Event

if TYPE_CHECKING:
    from usersync.sql.unique import UniqueColumn


@dataclass(frozen=True, slots=True)
class OwnFunction:
    """The app's own triggers on ``auth.users`` that write the profile table, as sync uses them."""

    triggers: tuple[str, ...]
    functions: tuple[str, ...]
    """``public.handle_new_user()`` of each."""
    attach: str
    """The statements that put them on the temporary table."""
    definition: str
    """Stands for the triggers and all the code behind them."""
    also_writes: tuple[str, ...] = ()
    """The other tables that this code writes to."""
    writes: tuple[tuple[Event, str], ...] = ()
    """How it writes to each of them."""
    left_out: tuple[str, ...] = ()
    """Other functions that a sign-up runs, and this does not."""
    changing: tuple[str, ...] = ()
    """Those of ``functions`` that run before the insert, and may change the user on the way."""
    refusal: str = ""
    """Why it cannot be run this way; empty when it can."""
    is_paused: bool = False
    """Whether that is since it is paused."""


@dataclass(frozen=True, slots=True)
class Table:
    """A profile table that was found in the target and fits its configuration."""

    settings: ProfileTable
    column_types: Mapping[str, str]
    """The type of each column, without its length."""
    definition: str
    """Stands for columns, constraints, indexes, triggers and their functions."""
    user_blocks: int
    """Size of ``auth.users`` in heap blocks."""
    users_estimate: int
    """How many rows the planner believes ``auth.users`` to hold; 0 when it does not know."""
    read_only: ReadOnly | None = None
    own_function: OwnFunction | None = None
    """What makes its profiles; None when they are made from ``columns``."""
    suffixed: tuple[UniqueColumn, ...] = ()
    """Its columns with ``unique: suffix``."""


@dataclass(frozen=True, slots=True)
class Cursor:
    """The last user of a page: pages go by sign-up time, users without one first."""

    created_at: datetime | None
    user_id: str


@dataclass(frozen=True, slots=True)
class Selection:
    """Which of the missing users are meant.

    ``newest_at`` leaves out users who signed up later; users without a date, or dated in the
    future, are always in. ``share`` is ``(number, of)``, numbered from 1. ``last`` is the last
    user, in the order of pages, of a plan that was limited in number. ``without`` are users who
    became visible after the plan although they signed up before its newest user did.
    """

    newest_at: datetime | None = None
    share: tuple[int, int] | None = None
    last: Cursor | None = None
    without: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class PlanCounts:
    """The numbers of a plan, of one snapshot."""

    as_of: datetime
    total: int
    existing: int
    existing_in_share: int
    planned: int
    newer: int
    newest_at: datetime | None
    users_digest: str
    """The sum of the shares of all planned users, without carry: 256 bits, hexadecimal."""
    values_digest: str
    user_ids: tuple[str, ...] | None = None
    """The planned users, oldest first; None when there are more than were to be listed."""


@dataclass(frozen=True, slots=True)
class Blocks:
    """A batch by place: the users in heap blocks ``first`` to before ``end``.

    ``all_missing`` says that nobody had a profile when the plan was made: then nobody is looked up
    first, and whoever has one by now is found by the clash.
    """

    first: int
    end: int
    all_missing: bool = False


@dataclass(frozen=True, slots=True)
class Ids:
    """A batch by name."""

    user_ids: tuple[str, ...]


Batch = Blocks | Ids


@dataclass(frozen=True, slots=True)
class Wish:
    """A text that users of a plan want in a column with ``unique: suffix``."""

    column: str
    wanted: str
    users: tuple[tuple[int, str, bool], ...]
    """Position in the plan, id, and whether of the share that is meant."""
    free: tuple[tuple[int, tuple[int, ...]], ...]
    """Numbers that no profile has behind it, 1 for none at all, each with what stands for it in
    each unique index."""
    is_cut: bool
    """Whether there may be more free numbers than were told."""


#: Per column the number behind the value of a user by id; who is not named gets none.
Numbers = Mapping[str, Mapping[str, int]]


@dataclass(frozen=True, slots=True)
class Failure:
    """One profile that could not be made."""

    user_id: str
    sqlstate: str
    condition: str
    """Postgres's own name of the SQLSTATE."""
    subject: str
    """The constraint, column or function that refused it."""
    place: str = ""
    """The function of the app, and its line, in which that happened."""

    @property
    def told(self) -> str:
        """All of it in one line."""
        known = not self.subject or self.place.startswith(f"{self.subject} line ")
        named = "" if known else f" {self.subject}"
        place = f", in {self.place}" if self.place else ""
        return f"{self.sqlstate} {self.condition}{named}{place}"


@dataclass(frozen=True, slots=True)
class Recorded:
    """What our trigger wrote down when it could not make or keep a profile during a sign-up."""

    at: str
    sqlstate: str
    condition: str
    subject: str
    """The constraint or the column."""
    trigger: str


@dataclass(frozen=True, slots=True)
class BatchResult:
    """What one committed batch did."""

    found: int
    """Users without a profile when the batch began."""
    created: int
    failures: tuple[Failure, ...] = ()
    already_there: int = 0
    """Users of a batch by name who have a profile that this batch did not make."""


@dataclass(frozen=True, slots=True)
class Match:
    """One user that a reference on the command line may mean."""

    user: User
    skip_reason: str
    """Why the predicate leaves this user out; empty for one that needs a profile."""
    has_profile: bool
    role: str | None


@dataclass(frozen=True, slots=True)
class Account:
    """What of one user's account and profile may keep the person out; times as the server has them.

    ``banned_until`` is set only while that holds.
    """

    confirmed_at: str | None
    last_sign_in_at: str | None
    deleted_at: str | None
    banned_until: str | None
    is_anonymous: bool
    is_sso: bool
    identities: tuple[str, ...]
    """The providers that sign this person in."""
    unreadable: tuple[str, ...] | None
    """Columns that are null where the Auth server expects text; None where it cannot be told."""
    flags: Mapping[str, str | None] | None
    """Columns of the profile that may close the app to somebody; None where it cannot be told."""
    recorded: tuple[Recorded, ...] = ()
    """What was written down at the sign-up, the last one first."""


@dataclass(frozen=True, slots=True)
class Access:
    """What a door sees before it is asked to do anything, for ``connect.check``."""

    user: str
    server_version: str
    latency_s: float
    sees_users: bool
    problems: tuple[tuple[str, str], ...] = ()
    """What is wrong and what to do about it."""
    beyond: str = ""
    """What this credential can do that no task of usersync needs; empty for nothing."""
    unseen: str = ""
    """Why row security cannot be told this way; empty where it can."""
