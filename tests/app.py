"""Somebody's app for a test: its database, its usersync.yaml, and the product run on both."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
from psycopg import sql
from psycopg.rows import dict_row
from psycopg.types.json import Jsonb

from usersync import config, model, runner
from usersync.sql import changes
from usersync.sync import SyncOptions

NIL = "00000000-0000-0000-0000-000000000000"

#: The table that Supabase's own quick start makes.
PROFILES = """
create table public.profiles (
    id uuid primary key references auth.users (id) on delete cascade,
    username text unique not null check (char_length(username) >= 3),
    full_name text,
    avatar_url text
);
alter table public.profiles enable row level security;
"""


@dataclass
class App:
    """One app under test."""

    url: str
    folder: Path
    asked: list[str] = field(default_factory=list)
    answer: bool | None = None
    """What the person at the terminal says; None when there is no terminal."""

    def rows(self, query: str, **parameters: Any) -> list[dict[str, Any]]:
        """Run SQL as ``postgres`` and commit."""
        with (
            psycopg.connect(self.url, autocommit=True, row_factory=dict_row) as connection,
            connection.cursor() as cursor,
        ):
            cursor.execute(query.encode(), parameters or None)
            return cursor.fetchall() if cursor.description else []

    def one(self, query: str, **parameters: Any) -> Any:
        """The only value of the only row."""
        (row,) = self.rows(query, **parameters)
        (value,) = row.values()
        return value

    def next_transaction(self) -> str:
        """The number of the next transaction that writes: the same as long as nobody wrote.

        The write-ahead log would not do: now and then the server notes in it who is at work.
        """
        number: str = self.one("select pg_snapshot_xmax(pg_current_snapshot())::text")
        return number

    def user(self, **columns: Any) -> str:
        """Add an ordinary user, as GoTrue writes one; returns the id."""
        with psycopg.connect(self.url, autocommit=True) as connection:
            return _add_user(connection, columns)

    def users(self, count: int, **columns: Any) -> list[str]:
        """Add several ordinary users."""
        with psycopg.connect(self.url, autocommit=True) as connection:
            return [_add_user(connection, columns) for _ in range(count)]

    def many_users(self, count: int) -> None:
        """Add many ordinary users quickly."""
        self.rows(
            "insert into auth.users (id, instance_id, aud, email, created_at, raw_app_meta_data)"
            " select gen_random_uuid(), '00000000-0000-0000-0000-000000000000', 'authenticated',"
            " 'many-' || n || '@example.com', now() - make_interval(secs => 100 + n), '{}'"
            f" from generate_series(1, {count}) as n"
        )

    def change(self, name: str) -> changes.Change:
        """One change of the migration, rendered for this app."""
        target = config.load(environ={"SUPABASE_DB_URL": self.url})
        shapes = [
            changes.Shape(table, changes.new_column_types(table), made=True)
            for table in target.profiles
        ]
        (change,) = (one for one in changes.render(target.settings, shapes) if one.name == name)
        return change

    def install(self, *names: str) -> None:
        """Run the statements of changes, without the ledger."""
        for name in names:
            self.rows(self.change(name).apply)

    def configure(self, text: str) -> None:
        """Write usersync.yaml."""
        (self.folder / "usersync.yaml").write_text(text, encoding="utf-8")

    def run(self, operation: str, *, task: str | None = None, **inputs: Any) -> model.Run:
        """Run one operation as its task does."""
        run = runner.run(
            runner.Request(
                task=task or operation.partition(".")[0],
                operation=operation,
                inputs=inputs,
                ask=None if self.answer is None else self._ask,
            )
        )
        assert "a bug in usersync" not in run.error, run.error
        return run

    def status(self, **inputs: Any) -> model.Status:
        """The status of the first profile table."""
        status = self.run("status", **inputs).tables[0].status
        assert status is not None
        return status

    def plan(self, **options: Any) -> tuple[model.Run, model.Plan]:
        """``sync --dry-run``."""
        run = self.run("sync.plan", options=SyncOptions(**options))
        assert run.tables, run.error
        plan = run.tables[0].plan
        assert plan is not None
        return run, plan

    def sync(self, **options: Any) -> model.Run:
        """``sync``, whatever comes of it."""
        return self.run("sync", options=SyncOptions(**options))

    def synced(self, **options: Any) -> model.Summary:
        """``sync``, which gets as far as its summary."""
        return summary_of(self.sync(**options))

    def rehearsed(self, **options: Any) -> model.Summary:
        """``sync --rehearse``, which gets as far as its summary."""
        return summary_of(self.run("sync.rehearse", options=SyncOptions(**options)))

    def _ask(self, question: str) -> bool:
        self.asked.append(question)
        return bool(self.answer)


def spelled(user_id: str) -> tuple[str, ...]:
    """An id as people, programs and Postgres itself write it."""
    digits = user_id.replace("-", "")
    few_dashes = f"{digits[:16]}-{digits[16:]}"
    return (
        user_id,
        user_id.upper(),
        f"{{{user_id}}}",
        digits,
        digits.upper(),
        f"{{{digits}}}",
        few_dashes,
        f"{{{few_dashes.upper()}}}",
    )


def summary_of(run: model.Run) -> model.Summary:
    """The summary of a run's first table."""
    assert run.tables, run.error
    summary = run.tables[0].summary
    assert summary is not None, run.error
    return summary


def counts(summary: model.Summary) -> Mapping[str, int]:
    """What a summary counted."""
    return {
        "created": summary.created,
        "failed": summary.failed,
        "already_there": summary.already_there,
        "gone": summary.gone,
    }


def _add_user(connection: psycopg.Connection[Any], columns: Mapping[str, Any]) -> str:
    user_id = str(columns.get("id") or uuid.uuid4())
    values: dict[str, Any] = {
        "instance_id": NIL,
        "aud": "authenticated",
        "role": "authenticated",
        "email": f"user-{user_id[:13]}@example.com",
        "created_at": datetime.now(UTC) - timedelta(minutes=5),
        "updated_at": datetime.now(UTC) - timedelta(minutes=5),
        "raw_app_meta_data": {"provider": "email", "providers": ["email"]},
        "raw_user_meta_data": {},
        "confirmation_token": "",
        "recovery_token": "",
        "email_change": "",
        "email_change_token_new": "",
        **columns,
        "id": user_id,
    }
    statement = sql.SQL("insert into auth.users ({}) values ({})").format(
        sql.SQL(", ").join(map(sql.Identifier, values)),
        sql.SQL(", ").join(sql.Placeholder() * len(values)),
    )
    adapted = [
        Jsonb(value) if name.startswith("raw_") and value is not None else value
        for name, value in values.items()
    ]
    connection.execute(statement, adapted)
    return user_id
