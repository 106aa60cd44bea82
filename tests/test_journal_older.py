"""A journal that an earlier usersync made: written, read, and completed by the next apply."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

import psycopg
import pytest

from tests.app import App
from tests.faults import journal
from tests.migrated import applied, plan, states
from usersync.sql import load

NEW = ("commit_sha", "approver")


@pytest.fixture
def older(app: App, monkeypatch: pytest.MonkeyPatch) -> App:
    """An app in which a usersync that knew no approvers has installed everything."""

    def as_it_was(name: str) -> Any:
        script = load(name)
        if name != "changes/0002_journal/apply":
            return script
        text, count = re.subn(
            r",\n    commit_sha text[^)]*(?=\n\);)|-- A journal that an earlier[^;]*;\n",
            "",
            script.text,
        )
        assert count == 2
        return replace(script, text=text)

    with monkeypatch.context() as patch:
        patch.setattr("usersync.sql.changes.load", as_it_was)
        applied(app)
    assert not columns(app) & set(NEW)
    # Everybody who signs up has a profile from now on.
    app.users(3)
    app.rows("delete from public.user_profiles")
    return app


def columns(app: App) -> set[str]:
    """Those of the journal."""
    rows = app.rows(
        "select attname from pg_attribute where attrelid = 'usersync.journal'::regclass"
    )
    return {row["attname"] for row in rows}


def test_it_is_written_and_read(older: App) -> None:
    """Syncs, single profiles and the kill switch write what fits; the history shows it."""
    before = older.one("select count(*) from usersync.journal")
    assert older.sync(approve=older.plan()[1].digest).exit_code == 0
    user_id = older.user()
    older.rows("delete from public.user_profiles where user_id = %(id)s", id=user_id)
    assert older.run("create-profile", reference=user_id).exit_code == 0
    assert older.run("migration.pause", task="migration.pause").exit_code == 0
    assert older.run("migration.resume", task="migration.resume").exit_code == 0
    assert older.one("select count(*) from usersync.journal") == before + 12
    history = older.run("status", history=50).history
    assert {(line.commit_sha, line.approver) for line in history} == {("", "")}


def test_the_next_apply_completes_it(older: App, monkeypatch: pytest.MonkeyPatch) -> None:
    """Apply adds the columns; old lines stay as they were, new ones tell who approved."""
    in_file = journal(older)
    old = older.rows("select id, at, event, digest from usersync.journal order by id")
    assert states(plan(older))["0002_journal"] == "configured"
    monkeypatch.setenv("GITHUB_SHA", "c0ffee")
    applied(older)
    assert columns(older) >= set(NEW)
    assert states(plan(older))["0002_journal"] == "applied"
    lines = older.rows("select * from usersync.journal order by id")
    kept = [{name: line[name] for name in old[0]} for line in lines[: len(old)]]
    assert kept == old
    # Begun once, in the one place that there was.
    added = [line["event"] for line in lines[len(old) :]]
    assert (added[0], added[-1], added.count("started")) == ("started", "ended", 1)
    assert journal(older) == in_file
    monkeypatch.setenv("GITHUB_TRIGGERING_ACTOR", "mona")
    assert older.sync(approve=older.plan()[1].digest).exit_code == 0
    last = older.run("status", history=1).history[0]
    assert (last.commit_sha, last.approver) == ("c0ffee", "mona")
    with pytest.raises(psycopg.errors.InsufficientPrivilege, match="append-only"):
        older.rows("update usersync.journal set approver = 'somebody else'")
