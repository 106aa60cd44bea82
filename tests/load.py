"""People who sign up and sign in all the time, and who of them has to wait."""

from __future__ import annotations

import itertools
import threading
import time
import uuid
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Literal

import psycopg

from tests.app import NIL
from tests.conftest import Database

Kind = Literal["sign-up", "sign-in"]

KINDS: tuple[Kind, ...] = ("sign-up", "sign-in")

#: Of each kind.
PER_SECOND = 50
_WORKERS = 8

#: No load lasts longer, whatever its test does.
_LONGEST_S = 60.0

_APPLICATION = "load"
_LOOK_EVERY_S = 0.02

_SIGN_UP = f"""
insert into auth.users (
    id, instance_id, aud, role, email, created_at, raw_app_meta_data, raw_user_meta_data,
    confirmation_token, recovery_token, email_change, email_change_token_new
)
values (
    %(id)s::uuid, '{NIL}', 'authenticated', 'authenticated', %(id)s::text || '@load.example', now(),
    '{{"provider": "email", "providers": ["email"]}}', '{{}}', '', '', '', ''
)
"""
_SIGN_IN = "update auth.users set last_sign_in_at = now() where id = %(id)s"
_SHOWN = "select id, email, last_sign_in_at from auth.users where id = %(id)s"

_WAITING = """
select exists (
    select from pg_locks as l join pg_stat_activity as a using (pid)
    where l.relation = 'auth.users'::regclass and not l.granted
        and a.datname = current_database() and a.application_name = %s
)
"""


@dataclass(frozen=True)
class Sign:
    """One sign-up or sign-in, and how it went."""

    kind: Kind
    user: str
    started_s: float
    """When it was due: what waited for a free worker waited too."""
    took_s: float
    error: str = ""

    @property
    def ended_s(self) -> float:
        """When it was over."""
        return self.started_s + self.took_s

    def is_within(self, began_s: float, ended_s: float) -> bool:
        """Whether all of it happened between two moments."""
        return began_s <= self.started_s and self.ended_s <= ended_s


@dataclass
class Load:
    """Sign-ups and sign-ins on a schedule that waits for nobody."""

    url: str
    users: Sequence[str]
    began_s: float = field(default_factory=time.monotonic)
    told: list[Sign] = field(default_factory=list)
    stopped: threading.Event = field(default_factory=threading.Event)
    _numbers: dict[Kind, Iterator[int]] = field(
        default_factory=lambda: {kind: itertools.count() for kind in KINDS}
    )

    def work(self, kind: Kind) -> None:
        """Do whatever is due next, until stopped."""
        with psycopg.connect(
            self.url,
            autocommit=True,
            application_name=_APPLICATION,
            options="-c statement_timeout=20s",
        ) as connection:
            for number in self._numbers[kind]:
                due_s = self.began_s + number / PER_SECOND
                if due_s > self.began_s + _LONGEST_S:
                    return
                if self.stopped.wait(max(due_s - time.monotonic(), 0)):
                    return
                user = str(uuid.uuid4()) if kind == "sign-up" else self._known(number)
                error = _sign(connection, kind, user)
                self.told.append(Sign(kind, user, due_s, time.monotonic() - due_s, error))

    def _known(self, number: int) -> str:
        return self.users[number % len(self.users)]


def _sign(connection: psycopg.Connection[Any], kind: Kind, user: str) -> str:
    """Do it as the Auth server does, in one transaction; what went wrong."""
    try:
        with connection.transaction():
            if kind == "sign-up":
                connection.execute(_SIGN_UP, {"id": user})
            connection.execute(_SIGN_IN, {"id": user})
            connection.execute(_SHOWN, {"id": user}).fetchall()
    except psycopg.Error as error:
        return f"{error.sqlstate} {error}"
    return ""


@contextmanager
def load(database: Database, users: Sequence[str]) -> Iterator[list[Sign]]:
    """Let 50 people a second sign up and 50 sign in while the block lasts.

    Args:
        database: theirs; they come as the role of the Auth server.
        users: who signs in, one after the other.
    """
    work = Load(database.url_of("supabase_auth_admin"), users)
    with ThreadPoolExecutor(_WORKERS * len(KINDS)) as pool:
        workers = [pool.submit(work.work, kind) for kind in KINDS for _ in range(_WORKERS)]
        try:
            yield work.told
        finally:
            work.stopped.set()
    for worker in workers:
        worker.result()


@dataclass
class Watch:
    """How much of the time at least one of the load waited for the lock of ``auth.users``."""

    waited_s: float = 0.0
    watched_s: float = 0.0

    @property
    def share(self) -> float:
        """Of the time that was watched."""
        return self.waited_s / self.watched_s


@contextmanager
def watched(database: Database) -> Iterator[Watch]:
    """Look every 20 ms who waits, while the block lasts."""
    watch = Watch()
    stopped = threading.Event()

    def look() -> None:
        """Count the time since the last look for what is seen now."""
        with psycopg.connect(database.admin_url, autocommit=True) as connection:
            last_s = time.monotonic()
            while not stopped.wait(_LOOK_EVERY_S):
                row = connection.execute(_WAITING, [_APPLICATION]).fetchone()
                now_s = time.monotonic()
                assert row is not None
                watch.waited_s += (now_s - last_s) * row[0]
                watch.watched_s += now_s - last_s
                last_s = now_s

    with ThreadPoolExecutor(1) as pool:
        looking = pool.submit(look)
        try:
            yield watch
        finally:
            stopped.set()
    looking.result()
