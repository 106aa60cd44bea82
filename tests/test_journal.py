"""The journal: what was changed, by whom and why, and nothing that names a person."""

from __future__ import annotations

import json
import stat
from pathlib import Path

import psycopg
import pytest

from tests.app import App
from tests.migrated import PRODUCTION
from usersync.model import JournalEvent


@pytest.fixture
def kept(app: App) -> App:
    """An app in whose database the journal of usersync stands."""
    app.install("0001_ledger", "0002_journal")
    return app


def lines(app: App) -> list[dict[str, object]]:
    (path,) = (app.folder.parent / "state").rglob("journal.jsonl")
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_a_run_is_a_start_a_line_per_unit_and_an_end(
    app: App, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without our schema the journal is a file: start, one line per batch, end, with the why."""
    monkeypatch.setenv("USERSYNC_REASON", "ticket 7")
    monkeypatch.setenv("GITHUB_ACTOR", "octocat")
    app.users(5)
    app.synced(batch_size=2)
    written = lines(app)
    assert [line["event"] for line in written] == ["started", "unit", "unit", "unit", "ended"]
    assert written[0]["counts"] == {"planned": 5}
    assert [line["counts"] for line in written[1:4]] == [
        {"created": 2, "failed": 0},
        {"created": 2, "failed": 0},
        {"created": 1, "failed": 0},
    ]
    assert written[-1]["counts"] == {"created": 5, "failed": 0, "already_there": 0, "gone": 0}
    assert written[-1]["exit_code"] == 0
    assert len({line["run_id"] for line in written}) == 1
    assert {line["actor"] for line in written} == {"octocat"}
    assert {line["reason"] for line in written} == {"ticket 7"}
    assert {line["database_user"] for line in written} == {"postgres"}
    assert str(written[0]["digest"]).startswith("5-")


def test_the_file_is_for_its_user_alone(app: App) -> None:
    """The journal file has mode 0600."""
    app.user()
    app.synced()
    (path,) = (app.folder.parent / "state").rglob("journal.jsonl")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_only_failures_name_users_and_nothing_names_an_address(app: App) -> None:
    """Ids stand in the journal only for failed creations and create-profile; e-mails never."""
    app.rows("alter table public.user_profiles add check (email not like 'bad%')")
    bad = app.user(email="bad@example.com")
    app.users(3)
    app.synced()
    other = app.user()
    app.run("create-profile", reference=other)
    named = [user_id for line in lines(app) for user_id in line["user_ids"]]  # type: ignore[attr-defined]
    assert named == [bad, other]
    assert "@" not in json.dumps(lines(app))


def test_create_profile_that_breaks_has_an_end(app: App) -> None:
    """A create-profile that an error ends is no run that was killed: its journal has an end."""
    app.rows(
        "create function public.broken() returns trigger language plpgsql as"
        " $$ begin new.nothing := 1; return new; end $$"
    )
    app.rows(
        "create trigger broken before insert on public.user_profiles"
        " for each row execute function public.broken()"
    )
    assert app.run("create-profile", reference=app.user()).exit_code == 1
    assert [(line["event"], line["exit_code"]) for line in lines(app)][-1] == ("ended", 1)


def test_the_target_keeps_its_own_journal(kept: App) -> None:
    """With our schema the lines stand in usersync.journal, in the transaction of the change."""
    kept.users(3)
    kept.synced(batch_size=2)
    rows = kept.rows("select event from usersync.journal order by id")
    assert [row["event"] for row in rows] == ["started", "unit", "unit", "ended"]
    kept.users(3)
    kept.rows("alter table usersync.journal add check (event <> 'unit') not valid")
    assert kept.sync().exit_code == 1
    assert kept.status().missing == 3
    assert not (kept.folder.parent / "state").exists()


def test_a_digest_approves_once_by_the_targets_journal(kept: App) -> None:
    """Which digests were used is known to every machine that reaches the target."""
    kept.user()
    digest = kept.plan()[1].digest
    assert kept.sync(approve=digest).exit_code == 0
    kept.rows("delete from public.user_profiles")
    run = kept.sync(approve=digest)
    assert (run.exit_code, "carried out already" in run.error) == (4, True)


@pytest.mark.parametrize("in_target", [True, False])
def test_history_shows_the_last_lines(app: App, in_target: bool) -> None:
    """``status --history N`` shows the last N lines of this target, newest first."""
    if in_target:
        app.install("0001_ledger", "0002_journal")
    app.users(2)
    app.synced()
    history = app.run("status", history=2).history
    assert [event.event for event in history] == ["ended", "unit"]
    assert all(isinstance(event, JournalEvent) for event in history)
    assert history[0].at >= history[1].at


def test_a_torn_last_line_hides_nothing(app: App) -> None:
    """A line that a power cut tore is left out of the history; the others are shown."""
    app.user()
    app.synced()
    (path,) = (app.folder.parent / "state").rglob("journal.jsonl")
    with path.open("a") as file:
        file.write('{"event": "star')
    assert len(app.run("status", history=10).history) == 3


def test_a_journal_that_cannot_be_written_stops_before_the_first_write(
    app: App, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No journal, no change: exit 1 with the path, and no profile is made."""
    (app.folder / "file").write_text("")
    monkeypatch.setenv("XDG_STATE_HOME", str(Path(app.folder / "file")))
    app.user()
    run = app.sync()
    assert run.exit_code == 3
    assert "journal" in run.error
    assert app.status().existing == 0


@pytest.mark.parametrize("statement", ["update {} set task = 'x'", "delete from {}", "truncate {}"])
def test_what_was_written_stays(kept: App, statement: str) -> None:
    """Nobody, not even the owner by mistake, changes or removes a line of the journal."""
    kept.user()
    kept.synced()
    with pytest.raises(psycopg.errors.InsufficientPrivilege, match="append-only"):
        kept.rows(statement.format("usersync.journal"))
    assert kept.one("select count(*) from usersync.journal") == 3


@pytest.mark.parametrize("in_target", [True, False])
def test_a_user_is_forgotten(app: App, in_target: bool) -> None:
    """``journal.forget`` takes one id out of every line, and leaves lines and other ids."""
    if in_target:
        app.install("0001_ledger", "0002_journal")
    gone, stays = app.users(2)
    for user_id in (gone, stays):
        assert app.run("create-profile", reference=user_id).exit_code == 0
    before = app.run("status", history=50).history
    typed = gone.upper().replace("-", "")
    run = app.run("journal.forget", task="journal.forget", user_id=typed)
    assert run.exit_code == 0
    after = app.run("status", history=50).history
    assert len(after) == len(before)
    assert {one for event in before for one in event.user_ids} == {gone, stays}
    assert {one for event in after for one in event.user_ids} == {stays}
    again = app.run("journal.forget", task="journal.forget", user_id=gone)
    assert again.steps[0].status == "ok"
    assert app.run("journal.forget", task="journal.forget", user_id="abc").exit_code == 3


def test_what_is_older_than_it_is_kept_goes(kept: App) -> None:
    """``retention_days`` removes older lines when the next changing run starts, and no others."""
    kept.user()
    kept.synced()
    kept.rows(
        "insert into usersync.journal (at, run_id, event, task, target)"
        " values (now() - interval '31 days', gen_random_uuid(), 'ended', 'sync', 'x')"
    )
    kept.user()
    kept.synced()
    assert kept.one("select count(*) from usersync.journal") == 7
    kept.configure("journal: {retention_days: 30}\n")
    kept.user()
    kept.synced()
    assert kept.one("select count(*) from usersync.journal") == 9


@pytest.mark.parametrize("in_target", [True, False])
def test_who_approved_is_told(app: App, in_target: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """A plan that somebody approved names them on each line, and the commit; others name nobody."""
    if in_target:
        app.install("0001_ledger", "0002_journal")
    monkeypatch.setenv("GITHUB_ACTOR", "octocat")
    monkeypatch.setenv("GITHUB_SHA", "c0ffee")
    app.users(2)
    app.synced()
    app.users(2)
    digest = app.plan()[1].digest
    monkeypatch.setenv("GITHUB_TRIGGERING_ACTOR", "mona")
    assert app.sync(approve=digest).exit_code == 0
    told = [
        (line.event, line.actor, line.approver, line.commit_sha)
        for line in app.run("status", history=10).history[::-1]
    ]
    events = ("started", "unit", "ended")
    assert told == [
        *((event, "octocat", "", "c0ffee") for event in events),
        *((event, "octocat", "mona", "c0ffee") for event in events),
    ]


def test_who_says_yes_at_the_terminal_approves(app: App, monkeypatch: pytest.MonkeyPatch) -> None:
    """At a terminal it is whoever is logged in there; of a no nothing is written."""
    monkeypatch.setenv("LOGNAME", "ada")
    app.configure(PRODUCTION)
    app.user()
    app.answer = False
    assert app.sync().exit_code == 4
    assert app.run("status", history=1).history == ()
    app.answer = True
    assert app.sync().exit_code == 0
    history = app.run("status", history=10).history
    assert {(line.actor, line.approver) for line in history} == {("ada", "ada")}
