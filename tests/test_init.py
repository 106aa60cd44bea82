"""``init``, what it writes into somebody's repository; and ``targets``, for a matrix."""

from __future__ import annotations

import json
from importlib import metadata
from pathlib import Path

import pytest

from tests.app import App
from tests.program import NOWHERE, called
from usersync import config, scaffold

PINNED = f"acme/usersync@{'7' * 40}"

WRITTEN = {
    "usersync.yaml",
    ".github/workflows/usersync-verify.yml",
    ".github/workflows/usersync-sync.yml",
    ".github/workflows/usersync-runbook.yml",
    "runbooks/our-first-runbook.yaml",
    "runbooks/checks/our-first-runbook.sql",
    "runbooks/changes/our-first-runbook.sql",
    "runbooks/drills/our-first-runbook.sql",
    "schemas/runbook.json",
}


def there(folder: Path) -> dict[str, str]:
    """Every file of a folder, and its text."""
    return {
        str(path.relative_to(folder)): path.read_text()
        for path in folder.rglob("*")
        if path.is_file()
    }


def test_init_writes_what_is_missing(workdir: Path) -> None:
    """In an empty repository init writes all its files, and says which and what comes next."""
    done = called("init", "--action", PINNED)
    assert done.returncode == 0, done.stderr
    assert there(workdir).keys() == WRITTEN
    for name in WRITTEN:
        assert f"written: {name}\n" in done.stdout
    assert "gh secret set SUPABASE_DB_URL --env production\n" in done.stdout
    assert "environments/production-destructive" in done.stdout


def test_what_init_writes_is_in_order(workdir: Path) -> None:
    """The configuration can be read, the runbook passes lint, the workflows pin the action."""
    called("init", "--action", PINNED)
    settings = config.read_text((workdir / "usersync.yaml").read_text()).settings
    assert settings.targets["production"].environment == "production"
    assert settings.profiles == (config.DEFAULT_PROFILE,)
    assert settings.unattended is not None
    lint = called("runbook.lint")
    assert (lint.returncode, lint.stderr) == (0, ""), lint.stdout
    for path in (workdir / ".github/workflows").glob("*.yml"):
        used = [line for line in path.read_text().splitlines() if "acme/usersync" in line]
        assert used
        assert all(line.strip("- ").endswith(f"uses: {PINNED} # v0.1.0") for line in used)
        assert "@ACTION@" not in path.read_text()
        assert "@OPTIONS@" not in path.read_text()


def test_init_again_changes_nothing(workdir: Path) -> None:
    """The second time everything is as ours, and the exit code is 0."""
    called("init", "--action", PINNED)
    before = there(workdir)
    done = called("init", "--action", PINNED)
    assert (done.returncode, there(workdir)) == (0, before)
    assert done.stdout.count("as ours: ") == len(WRITTEN)


def test_init_never_overwrites(workdir: Path) -> None:
    """A file that is there stays, is told with what differs, and the exit code is 2."""
    mine = "targets: {}\n\x1b[2J::error::mine\n"
    (workdir / "usersync.yaml").write_text(mine)
    done = called("init", "--action", PINNED)
    assert done.returncode == 2
    assert (workdir / "usersync.yaml").read_text() == mine
    assert there(workdir).keys() == WRITTEN
    assert "differs: usersync.yaml (yours stays)" in done.stdout
    assert "-targets: {}" in done.stdout
    assert "\x1b" not in done.stdout
    assert "\n::error" not in done.stdout


def test_a_difference_shows_and_writes_nothing(workdir: Path) -> None:
    """With --diff every file is shown as it would be and nothing is written: exit code 2."""
    done = called("init", "--diff", "--action", PINNED)
    assert (done.returncode, there(workdir)) == (2, {})
    assert "new: usersync.yaml" in done.stdout
    assert "+unattended:" in done.stdout
    called("init", "--action", PINNED)
    assert called("init", "--diff", "--action", PINNED).returncode == 0


def test_init_in_another_folder(workdir: Path) -> None:
    """--folder names the repository."""
    (workdir / "app").mkdir()
    assert called("init", "--folder", "app", "--action", PINNED).returncode == 0
    assert there(workdir / "app").keys() == WRITTEN


@pytest.mark.parametrize(
    ("make", "folder", "words"),
    [
        (lambda _at: None, "nowhere", "there is no folder nowhere"),
        (lambda at: (at / ".github").write_text(""), ".", ".github is there and is no folder"),
        (lambda at: (at / "usersync.yaml").mkdir(), ".", "usersync.yaml is there and is no file"),
        (
            lambda at: (at / "usersync.yaml").symlink_to("/nowhere/secret"),
            ".",
            "usersync.yaml is there and is no file",
        ),
    ],
    ids=["no folder", "a file for a folder", "a folder for a file", "a link to nowhere"],
)
def test_init_is_refused(workdir: Path, make: object, folder: str, words: str) -> None:
    """What stands in the way is named before anything is written."""
    assert callable(make)
    make(workdir)
    before = there(workdir)
    done = called("init", "--folder", folder, "--action", PINNED)
    assert (done.returncode, there(workdir)) == (3, before)
    assert words in done.stderr


@pytest.mark.parametrize(
    "given", ["acme/usersync@v1", "acme/usersync", "usersync@" + "7" * 40, PINNED + "\n- run: x"]
)
def test_an_action_that_is_not_pinned(workdir: Path, given: str) -> None:
    """Only a whole commit pins an action; anything else is refused, and nothing is written."""
    done = called("init", "--action", given)
    assert (done.returncode, there(workdir)) == (3, {})
    assert "--action takes OWNER/REPOSITORY@COMMIT" in done.stderr


def test_init_of_an_unknown_origin(workdir: Path) -> None:
    """Installed from a folder, as here, usersync says that it does not know its repository."""
    done = called("init")
    assert done.returncode == 3
    assert "init --action OWNER/usersync@COMMIT" in done.stderr


@pytest.mark.parametrize(
    ("url", "name"),
    [
        ("https://github.com/acme/usersync", "acme/usersync"),
        ("https://github.com/acme/usersync.git", "acme/usersync"),
        ("ssh://git@github.acme.example/tools/usersync.git", "tools/usersync"),
    ],
)
def test_init_knows_where_it_came_from(
    url: str, name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Installed from a repository, the workflows use that repository at that commit."""
    folder = tmp_path / "usersync-0.1.0.dist-info"
    folder.mkdir()
    (folder / "METADATA").write_text("Metadata-Version: 2.1\nName: usersync\nVersion: 0.1.0\n")
    told = {"url": url, "vcs_info": {"vcs": "git", "commit_id": "8" * 40}}
    (folder / "direct_url.json").write_text(json.dumps(told))
    there = metadata.Distribution.at(folder)
    monkeypatch.setattr(metadata, "distribution", lambda _name: there)
    assert scaffold.action(None) == f"{name}@{'8' * 40} # v0.1.0"


# -- targets -----------------------------------------------------------------------------------


def test_targets(workdir: Path) -> None:
    """Every target stands with what it is for, and no secret is asked for."""
    (workdir / "usersync.yaml").write_text(
        "targets:\n  eu: {db_url_env: EU_URL}\n"
        "  staging: {db_url_env: X_URL, environment: staging}\n"
    )
    assert called("targets").stdout == "eu       production\nstaging  staging\n"
    listed = called("targets", "--json").stdout
    assert listed.count("\n") == 1
    assert json.loads(listed) == [
        {"target": "eu", "environment": "production"},
        {"target": "staging", "environment": "staging"},
    ]


def test_targets_without_a_file(workdir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a file there is the one target of the environment, production until it is said."""
    assert json.loads(called("targets", "--json").stdout) == [
        {"target": "default", "environment": "production"}
    ]
    monkeypatch.setenv("USERSYNC_ENVIRONMENT", "staging")
    assert called("targets").stdout == "default  staging\n"
    monkeypatch.setenv("USERSYNC_ENVIRONMENT", "stagign\n::error::x")
    assert called("targets").returncode == 3


def test_targets_of_a_broken_file(workdir: Path) -> None:
    """What is wrong with the file is told with its line."""
    (workdir / "mine.yaml").write_text("target: {}\n")
    done = called("targets", "--config", "mine.yaml", "--json")
    assert (done.returncode, done.stdout) == (3, "")
    assert "mine.yaml:1: target" in done.stderr


def test_init_looks(app: App) -> None:
    """With a connection the file says what the database has, with the reason for each choice."""
    app.rows(
        "create schema crm; create table crm.people"
        " (id uuid primary key references auth.users (id), email text, display_name text)"
    )
    app.rows("drop table public.user_profiles")
    done = called("init", "--action", PINNED)
    assert done.returncode == 0, done.stderr
    text = (app.folder / "usersync.yaml").read_text()
    (table,) = config.read_text(text).settings.profiles
    assert (table.schema_name, table.table, table.key) == ("crm", "people", "id")
    assert "email" in table.columns
    assert "Every choice has its reason beside it" in text
    assert config.read_text(text).settings.unattended is not None
    again = called("init", "--action", PINNED)
    assert again.returncode == 0
    assert "as ours: usersync.yaml" in again.stdout


def test_init_keeps_the_trigger_that_is_there(app: App) -> None:
    """Beside a trigger of the app the file says that it stays, and a plan runs its function."""
    app.user()
    app.rows("""
        drop table public.user_profiles;
        create table public.profiles (id uuid primary key references auth.users (id));
        create function public.handle_new_user() returns trigger language plpgsql
            security definer set search_path = '' as
            $$ begin insert into public.profiles (id) values (new.id); return new; end $$;
        create trigger on_auth_user_created after insert on auth.users
            for each row execute function public.handle_new_user();
    """)
    done = called("init", "--action", PINNED)
    assert done.returncode == 0, done.stderr
    settings = config.read_text((app.folder / "usersync.yaml").read_text()).settings
    assert (settings.trigger, settings.profiles[0].create) == ("keep", "own_function")
    planned = called("sync", "--dry-run")
    assert planned.returncode == 2, planned.stderr
    assert "handle_new_user" in planned.stdout
    assert "migration.apply" not in planned.stdout


def test_init_cannot_look(workdir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A connection that is configured and does not open ends it before anything is written."""
    monkeypatch.setenv("SUPABASE_DB_URL", NOWHERE)
    done = called("init", "--action", PINNED)
    assert done.returncode == 1
    assert "nothing listens" in done.stderr
    assert there(workdir) == {}


def test_init_without_a_connection_says_so(workdir: Path) -> None:
    """Without a connection the file holds the usual table, and init says that it is a guess."""
    done = called("init", "--action", PINNED)
    assert "No database was looked at" in done.stdout


TWO = "targets:\n  eu: {db_url_env: EU_URL}\n  us: {db_url_env: US_URL}\n"


def looked(app: App, *words: str) -> str:
    """What `init --diff` says, once it looked at the database."""
    done = called("init", "--diff", "--action", PINNED, *words)
    assert done.returncode == 2, done.stderr
    assert "No database was looked at" not in done.stdout
    assert "Every choice has its reason beside it" in done.stdout
    return done.stdout


def test_init_looks_at_one_of_several_targets(app: App, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of two targets --target says which; without it, with both, and with all it is refused."""
    monkeypatch.delenv("SUPABASE_DB_URL")
    monkeypatch.setenv("EU_URL", app.url)
    monkeypatch.setenv("US_URL", NOWHERE)
    (app.folder / "usersync.yaml").write_text(TWO)
    looked(app, "--target", "eu")
    for words, said in (
        ((), "`--target eu`"),
        (("--target", "eu", "--target", "us"), "name one: --target eu"),
        (("--target", "all"), "name one: --target NAME"),
        (("--target", "ue"), "there is no target `ue`"),
    ):
        done = called("init", "--action", PINNED, *words)
        assert done.returncode == 3, words
        assert said in done.stderr
        assert there(app.folder).keys() == {"usersync.yaml"}


def test_init_looks_where_a_target_says(app: App, monkeypatch: pytest.MonkeyPatch) -> None:
    """The connection string of the target counts, from its variable, from --env-file, --config."""
    monkeypatch.delenv("SUPABASE_DB_URL")
    monkeypatch.setenv("PROD_DB_URL", app.url)
    one = "targets:\n  production: {db_url_env: PROD_DB_URL}\n"
    (app.folder / "usersync.yaml").write_text(one)
    looked(app)
    monkeypatch.delenv("PROD_DB_URL")
    (app.folder / "prod.env").write_text(f"PROD_DB_URL={app.url}\n")
    looked(app, "--env-file", "prod.env")
    (app.folder / "usersync.yaml").rename(app.folder / "mine.yaml")
    said = looked(app, "--config", "mine.yaml", "--env-file", "prod.env")
    assert "new: usersync.yaml" in said


def test_init_names_the_target_that_it_looked_at(app: App, monkeypatch: pytest.MonkeyPatch) -> None:
    """The next command is about the same target as init itself, from the same files."""
    monkeypatch.delenv("SUPABASE_DB_URL")
    (app.folder / "prod.env").write_text(f"EU_URL={app.url}\nUS_URL={NOWHERE}\n")
    (app.folder / "usersync.yaml").write_text(TWO)
    done = called("init", "--action", PINNED, "--target", "eu", "--env-file", "prod.env")
    assert "then: usersync sync --dry-run --target eu --env-file prod.env\n" in done.stdout


@pytest.mark.parametrize(
    ("text", "words", "said"),
    [
        ("", (), "SUPABASE_DB_URL is not set"),
        ("targets: {production: {db_url_env: PROD_DB_URL}}\n", (), "PROD_DB_URL is not set"),
        (TWO, (), "neither EU_URL nor US_URL is set"),
        (TWO, ("--target", "us"), "US_URL is not set"),
        (
            "targets: {api: {api_url_env: A_URL, api_key_env: A_KEY}}\n",
            ("--target", "api"),
            "no connection string is configured, db_url_env",
        ),
    ],
)
def test_init_names_what_to_set(
    workdir: Path, text: str, words: tuple[str, ...], said: str
) -> None:
    """Where no database can be looked at the variable that is missing is named."""
    (workdir / "usersync.yaml").write_text(text)
    done = called("init", "--action", PINNED, *words)
    assert done.returncode == 2, done.stderr
    assert f"No database was looked at: {said}. " in done.stdout
    assert there(workdir).keys() == WRITTEN


def test_init_is_told_a_wrong_file(workdir: Path) -> None:
    """A file that was asked for and is not there ends it before anything is written."""
    for words in (("--config", "nowhere.yaml"), ("--env-file", "nowhere.env")):
        done = called("init", "--action", PINNED, *words)
        assert (done.returncode, there(workdir)) == (3, {})
        assert "nowhere" in done.stderr
