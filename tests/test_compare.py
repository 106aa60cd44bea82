"""``migration.compare``: what a pull request's migrations do to sign-ups, on real databases."""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psutil
import psycopg
import pytest

from tests.faults import PROGRAM, until
from tests.program import called, usersync
from usersync import config, local
from usersync.comparison import CompareOptions, compare, folder, workshop
from usersync.comparison.sides import Seed, Sides
from usersync.comparison.verdicts import RUN, WHERE_USERS_ARE, judged
from usersync.comparison.workshop import Workshop
from usersync.config import Settings
from usersync.local import cluster
from usersync.model import Outcome, Verdict

CASES = Path(__file__).parent / "compare"
BASE = CASES / "base"

#: The version of what a pull request adds.
NEW = "20261120090000"

CREATE_PERSON = """
create or replace function public.handle_new_user() returns trigger
language plpgsql security definer {settings} as $$
begin
    insert into public.profiles (id, email) values (new.id, new.email);
    return new;
end $$;
"""


@pytest.fixture(scope="module")
def place() -> Iterator[Workshop]:
    """One embedded Postgres for all comparisons."""
    with workshop.opened(None) as place:
        yield place


@dataclass
class Change:
    """A pull request: the folder before it, and the one after it."""

    place: Workshop
    folder: Path

    @property
    def base(self) -> Path:
        return self.folder / "base"

    @property
    def head(self) -> Path:
        return self.folder / "head"

    def adds(self, **files: str) -> Change:
        """Add files to head: name and text, in the order of their versions."""
        for number, (name, text) in enumerate(files.items()):
            (self.head / f"{int(NEW) + number}_{name}.sql").write_text(text)
        return self

    def judged(self, settings: Settings | None = None, seed: str = "") -> Outcome:
        """What the comparison says."""
        empty = folder.Folder("base", ())
        return judged(
            Sides(
                self.place,
                settings or Settings(),
                folder.read(self.base) if any(self.base.iterdir()) else empty,
                folder.read(self.head),
                Seed("seed.sql", seed) if seed else None,
            )
        )


@pytest.fixture(autouse=True)
def cleared(request: pytest.FixtureRequest) -> Iterator[None]:
    """What one comparison made is gone before the next."""
    yield
    if "place" in request.fixturenames:
        request.getfixturevalue("place").clear()


@pytest.fixture
def change(place: Workshop, tmp_path: Path) -> Change:
    """A pull request that changes nothing yet."""
    shutil.copytree(BASE, tmp_path / "base")
    shutil.copytree(BASE, tmp_path / "head")
    return Change(place, tmp_path)


def verdict(outcome: Outcome, question: str) -> Verdict:
    """The verdict on one question."""
    (found,) = (one for one in outcome.verdicts if one.question == question)
    return found


def worse(outcome: Outcome) -> list[str]:
    """The questions whose answer got worse."""
    return [one.question for one in outcome.verdicts if one.is_worse]


def told(outcome: Outcome) -> str:
    """All notes in one text."""
    return "\n".join(outcome.notes)


def names(where: str) -> list[str]:
    """The names of the cases in a folder."""
    return sorted(path.stem for path in (CASES / where).glob("*"))


# -- apps with a trigger of their own -------------------------------------------------------------

APPS = sorted((Path(__file__).parent / "strangers").glob("*.sql"))

#: The one file of each.
APP = "20260101000000_app.sql"


@pytest.fixture(params=APPS, ids=[path.stem for path in APPS])
def their_change(request: pytest.FixtureRequest, place: Workshop, tmp_path: Path) -> Change:
    """A pull request of an app as other people write them; it changes nothing yet."""
    for side in ("base", "head"):
        (tmp_path / side).mkdir()
        shutil.copy(request.param, tmp_path / side / APP)
    return Change(place, tmp_path)


def function(change: Change) -> str:
    """The function behind their trigger, as SQL calls it."""
    text = (change.base / APP).read_text()
    found = re.search(r"on auth\.users.*?execute (?:function|procedure) ([^;]+);", text, re.DOTALL)
    assert found
    return found[1]


def test_what_strangers_break_is_told(their_change: Change) -> None:
    """A required column stops sign-ups, or the profiles where that is swallowed, and no advice
    brings in a second writer.
    """
    found = re.search(r"^-- table: (\w+)\.(\w+),", (their_change.base / APP).read_text())
    assert found
    table = f'"{found[1]}"."{found[2]}"'
    required = f"alter table {table} add column required_here text not null;"
    outcome = their_change.adds(
        harmless=f"comment on table {table} is 'x';", breaks=required
    ).judged()
    first = outcome.verdicts[0]
    assert (first.before, first.after) == ("ok", "failed"), outcome
    assert first.since == f"{int(NEW) + 1}_breaks.sql"
    assert outcome.exit_code == 2
    advice = [*outcome.next_steps, *outcome.notes, *(one.detail for one in outcome.verdicts)]
    assert not any("migration.apply" in text for text in advice)


def test_what_strangers_change_is_no_news(their_change: Change) -> None:
    """A second trigger for something else, and their function on another table too, are no news."""
    outcome = their_change.adds(
        other="create table public.seen (id uuid);"
        " create function public.note_seen() returns trigger language plpgsql security definer"
        " set search_path = '' as $$ begin insert into public.seen values (new.id); return new;"
        " end $$; revoke execute on function public.note_seen() from public, anon, authenticated;"
        " create trigger zz_seen after insert on auth.users"
        " for each row execute function public.note_seen();",
        shared="create table public.imported (like auth.users); create trigger imported"
        f" after insert on public.imported for each row execute function {function(their_change)};",
    ).judged()
    assert worse(outcome) == []
    assert outcome.exit_code == 0, outcome


def test_a_second_writer_is_told(their_change: Change) -> None:
    """A pull request that fires their function twice is red, also where sign-ups pass."""
    outcome = their_change.adds(
        second="create trigger zz_second after insert on auth.users"
        f" for each row execute function {function(their_change)};"
    ).judged()
    assert outcome.exit_code == 2
    assert worse(outcome) or "two_writers" in {one.check for one in outcome.checks}
    remedies = [one.remedy for one in outcome.checks]
    assert not any("migration.apply" in text for text in (*remedies, *outcome.next_steps))


# -- what breaks sign-ups, what does not, and how strangers write -------------------------------


@pytest.mark.parametrize("name", names("breaks"))
def test_what_breaks_sign_ups_is_named_with_its_file(change: Change, name: str) -> None:
    """A migration that stops sign-ups is red: SQLSTATE, subject, function, line and file."""
    text = (CASES / "breaks" / f"{name}.sql").read_text()
    outcome = change.adds(**{name: text}).judged()
    expected = text.splitlines()[0].removeprefix("-- expects: ")
    first = outcome.verdicts[0]
    assert (first.before, first.after, first.since) == ("ok", "failed", f"{NEW}_{name}.sql")
    assert first.detail.startswith(expected)
    assert outcome.exit_code == 2
    assert verdict(outcome, RUN).after == "ok"


@pytest.mark.parametrize("name", names("keeps"))
def test_what_does_not_break_sign_ups_is_green(change: Change, name: str) -> None:
    """A migration that looks like one that stops sign-ups, and does not, is exit code 0."""
    text = (CASES / "keeps" / f"{name}.sql").read_text()
    outcome = change.adds(**{name: text}).judged()
    assert {one.after for one in outcome.verdicts} == {"ok"}
    assert (outcome.exit_code, outcome.checks) == (0, ())


#: Per folder: the exit code, and what has to be said.
STRANGERS = {
    "concurrently": (0, "20250903000000_more.sql, line 2: run in no transaction"),
    "cron": (0, "In shape only: pg_cron, pg_net"),
    "dumped": (0, "Profile table: public.accounts(id), which the trigger of auth.users writes"),
    "geography": (1, "20251103000000_places.sql, line 1 needs the extension postgis"),
    "own_schemas": (0, "Profile table: private.people(auth_id)"),
    "queues": (1, "it needs something of the schema pgmq that is not here"),
    "quoted_names": (0, "Profile table: App.UserProfile(userId)"),
    "realtime": (0, "Broken before this change, and still: hard delete"),
    "repeated": (0, "20251002000000_again.sql, line 3: run with the rights that hosted projects"),
    "seeded": (0, "Profile table: public.members(user_id)"),
    "storage": (0, "Profile table: public.profiles(id)"),
    "webhooks": (0, "In shape only: http, pg_net"),
}


@pytest.mark.parametrize("name", names("strangers"))
def test_folders_as_strangers_write_them(place: Workshop, tmp_path: Path, name: str) -> None:
    """A folder written for another tool runs as it does on a hosted project, or says why not."""
    files = sorted((CASES / "strangers" / name).glob("*.sql"))
    for side, some in (("base", files[:-1]), ("head", files)):
        (tmp_path / side).mkdir()
        for file in some:
            shutil.copy(file, tmp_path / side)
    seed = CASES / "strangers" / name / "seed" / "seed.sql"
    outcome = Change(place, tmp_path).judged(seed=seed.read_text() if seed.exists() else "")
    exit_code, words = STRANGERS[name]
    details = "\n".join(one.detail for one in outcome.verdicts)
    assert outcome.exit_code == exit_code, details + told(outcome)
    assert words in details + told(outcome)
    if exit_code:
        assert verdict(outcome, "e-mail sign-up").after == "unknown"
    else:
        assert worse(outcome) == []


def test_without_its_seed_a_foreign_key_stops_sign_ups(place: Workshop, tmp_path: Path) -> None:
    """What only a seed brings is missing on both sides without it: said, and not red."""
    for side in ("base", "head"):
        shutil.copytree(CASES / "strangers" / "seeded", tmp_path / side)
    outcome = Change(place, tmp_path).judged()
    assert verdict(outcome, "e-mail sign-up").before == "failed"
    assert "23503 foreign_key_violation" in verdict(outcome, "e-mail sign-up").detail
    assert outcome.exit_code == 0


def test_a_seed_that_fails_is_a_note(change: Change) -> None:
    """A seed that does not run is said with its line, and decides nothing."""
    outcome = change.judged(seed="select 1;\ninsert into public.nowhere values (1);\n")
    assert "The seed ended early: seed.sql, line 2: 42P01 undefined_table" in told(outcome)
    assert outcome.exit_code == 0


# -- since when ---------------------------------------------------------------------------------


def test_the_guilty_file_among_many(change: Change) -> None:
    """Of several new files the one is named with which the answer changed, roles and all."""
    change.adds(
        first="create role compare_reader nologin;",
        second="alter table public.profiles add column a text;",
        third="alter table public.profiles add column b text not null;",
        fourth="create role compare_writer nologin;",
        fifth="alter table public.profiles add column c text;",
    )
    outcome = change.judged()
    assert {one.since for one in outcome.verdicts if one.is_worse} == {f"{int(NEW) + 2}_third.sql"}
    assert "(column b, table public.profiles)" in outcome.verdicts[0].detail


def test_two_guilty_files(change: Change) -> None:
    """Each answer has the file that changed it."""
    change.adds(
        phone="alter table public.profiles alter column username set not null;",
        all="alter table public.profiles add column locale text not null;",
    )
    outcome = change.judged()
    assert verdict(outcome, "phone sign-up").since == f"{NEW}_phone.sql"
    assert verdict(outcome, "e-mail sign-up").since == f"{int(NEW) + 1}_all.sql"


def test_a_file_that_is_gone_or_changed(change: Change) -> None:
    """When a file of base is taken out, and sign-ups with it, that file is named."""
    (change.head / "20260212101500_settings.sql").unlink()
    profiles = change.head / "20260105093000_profiles.sql"
    text = profiles.read_text()
    profiles.write_text(
        re.sub(r"create trigger on_auth_user_created.*?;", "", text, flags=re.DOTALL)
    )
    outcome = change.judged()
    assert verdict(outcome, "e-mail sign-up").since == "20260105093000_profiles.sql"
    assert "Changed: 20260105093000_profiles.sql" in told(outcome)
    assert "Gone: 20260212101500_settings.sql" in told(outcome)


def test_a_late_file(change: Change) -> None:
    """A file that is older than the last one of base is what `supabase db push` refuses: a note."""
    (change.head / "20260106000000_late.sql").write_text("create table public.late (id int);")
    assert "Older than the last one of base: 20260106000000_late.sql" in told(change.judged())


# -- migrations that do not run -----------------------------------------------------------------


def test_migrations_of_head_that_do_not_run(change: Change) -> None:
    """The pull request's own migration that fails is red: file, line, SQLSTATE."""
    change.adds(
        good="select 1;", bad="-- Not yet.\n\nalter table public.profiles\n  drop column x;"
    )
    outcome = change.judged()
    file = f"{int(NEW) + 1}_bad.sql"
    assert outcome.verdicts[0] == Verdict(
        RUN,
        "ok",
        "failed",
        f'{file}, line 3: 42703 undefined_column: column "x" of relation "profiles" does not exist',
        file,
    )
    assert {one.after for one in outcome.verdicts[1:]} == {"unknown"}
    assert outcome.exit_code == 2


def test_migrations_of_base_that_do_not_run(change: Change) -> None:
    """Where base alone does not run, head answers for itself; what it breaks is not known."""
    bad = f"{NEW}_bad.sql"
    (change.base / bad).write_text("selec 1;")
    assert change.judged().exit_code == 0
    change.adds(rename="alter table public.profiles rename column username to handle;")
    outcome = change.judged()
    assert verdict(outcome, "e-mail sign-up").before == "unknown"
    assert worse(outcome) == []
    assert outcome.exit_code == 1
    assert f"The migrations of base do not run: {bad}, line 1: 42601 syntax_error" in told(outcome)


def test_migrations_that_never_ran(change: Change) -> None:
    """Where both sides fail at the same place nobody can tell."""
    for side in (change.base, change.head):
        (side / "20260401000000_bad.sql").write_text("create table public.x (id nothing);")
    outcome = change.judged()
    assert verdict(outcome, RUN).before == verdict(outcome, RUN).after == "failed"
    assert outcome.exit_code == 1


def test_migrations_that_run_in_an_empty_database_only(change: Change) -> None:
    """What fails over the rows of those who are there already is red, though sign-ups pass."""
    change.adds(
        locale="""
        alter table public.profiles add column locale text not null;
        create or replace function public.handle_new_user() returns trigger
        language plpgsql security definer set search_path = '' as $$
        begin
            insert into public.profiles (id, email, locale) values (new.id, new.email, 'en');
            return new;
        end $$;
        """
    )
    outcome = change.judged()
    assert outcome.verdicts[0] == Verdict(
        WHERE_USERS_ARE,
        "ok",
        "failed",
        f"{NEW}_locale.sql, line 2: 23502 not_null_violation (column locale, table"
        " public.profiles)",
        f"{NEW}_locale.sql",
    )
    assert {one.after for one in outcome.verdicts[1:]} == {"ok"}
    assert outcome.exit_code == 2


POSTGIS = "create extension if not exists postgis with schema extensions;"


def test_what_is_missing_is_never_a_pass(change: Change) -> None:
    """Where an extension is missing nothing passes; what it cannot explain is red all the same."""
    for side in (change.base, change.head):
        (side / "20260401000000_maps.sql").write_text(POSTGIS)
    outcome = change.adds(motto="alter table public.teams add column motto text;").judged()
    needs = "could not tell: 20260401000000_maps.sql, line 1 needs the extension postgis"
    assert verdict(outcome, "e-mail sign-up").detail == needs
    assert {one.after for one in outcome.verdicts} == {"unknown", "ok"}
    assert [one.question for one in outcome.verdicts if one.after == "ok"] == [WHERE_USERS_ARE]
    assert outcome.exit_code == 1
    assert "supabase start" in outcome.next_steps[0]
    change.adds(motto="alter table public.profiles add column locale text not null;")
    outcome = change.judged()
    assert "e-mail sign-up" in worse(outcome)
    assert outcome.exit_code == 2


def test_what_is_deferred_fails_at_the_end_of_its_file(change: Change) -> None:
    """A constraint that fails at COMMIT belongs to its file, and the next one is not reached."""
    change.adds(
        late="create table public.a (id int primary key, b int references public.a (id)"
        " deferrable initially deferred);\ninsert into public.a values (1, 2);"
    )
    outcome = change.judged()
    assert "late.sql, line 2: 23503 foreign_key_violation" in outcome.verdicts[0].detail


# -- what was so before, and what checks find -----------------------------------------------------


def test_an_old_fault_does_not_make_it_red(change: Change) -> None:
    """Sign-ups that were broken before stay said, with exit code 0: it is about this change."""
    for side in (change.base, change.head):
        (side / "20260401000000_old.sql").write_text(
            "alter table public.profiles add column locale text not null;"
        )
    outcome = change.adds(other="alter table public.teams add column motto text;").judged()
    assert verdict(outcome, "e-mail sign-up").before == "failed"
    assert "Broken before this change, and still: e-mail sign-up" in told(outcome)
    assert (outcome.exit_code, outcome.checks) == (0, ())


def test_a_new_finding_is_red_where_sign_ups_pass(change: Change) -> None:
    """A finding of level warning that base had not is exit code 2, with what to do; no old one."""
    outcome = change.adds(path=CREATE_PERSON.format(settings="")).judged()
    assert worse(outcome) == []
    assert [check.check for check in outcome.checks] == ["sign_up_function_search_path"]
    assert outcome.exit_code == 2
    again = Change(change.place, change.folder)
    shutil.copytree(change.head, change.base, dirs_exist_ok=True)
    assert again.judged().exit_code == 0


def test_row_security_decides_as_it_does_in_life(change: Change) -> None:
    """A function with the rights of the Auth server passes where a policy lets it in."""
    outcome = change.adds(
        invoker="""
        grant insert on public.profiles to supabase_auth_admin;
        create policy "sign-ups" on public.profiles for insert to supabase_auth_admin
            with check (true);
        alter function public.handle_new_user() security invoker;
        """
    ).judged()
    assert {one.after for one in outcome.verdicts} == {"ok"}
    assert [check.check for check in outcome.checks] == ["sign_up_function_invoker"]


def test_rows_of_a_seed_are_no_new_findings(change: Change) -> None:
    """A finding about a row of the seed, whose id is another one on each side, is not new."""
    seed = "insert into auth.users (id, email) values (gen_random_uuid(), 'a@example.com');"
    outcome = change.adds(motto="alter table public.teams add column motto text;").judged(seed=seed)
    assert (outcome.exit_code, outcome.checks) == (0, ())


OWN_CHECK = """-- asks: has every team a motto?
-- level: error
-- cost: catalog only
-- remedy: give it one
select 'teams' as subject, 'they have no motto' as detail
where not exists (
    select from pg_catalog.pg_attribute
    where attrelid = 'public.teams'::regclass and attname = 'motto' and not attisdropped
)
"""


def test_checks_of_ones_own(change: Change, workdir: Path) -> None:
    """What `checks:` of the configuration names is asked too; one that is not there is refused."""
    (workdir / "usersync.yaml").write_text("checks: [motto.sql]")
    words = ("--base", str(change.head), "--head", str(change.base))
    assert "motto.sql" in refused(*words)
    (workdir / "motto.sql").write_text(OWN_CHECK)
    change.adds(motto="alter table public.teams add column motto text;")
    done = called("migration.compare", *words)
    assert done.returncode == 2, done.stdout
    assert "teams: they have no motto" in done.stdout
    (change.base / "20260401000000_gone.sql").write_text("drop table public.teams cascade;")
    done = called("migration.compare", *words)
    assert done.returncode == 1, done.stdout
    assert "Could not tell on head: motto: 42P01 undefined_table" in done.stdout


def test_first_aid_is_not_advised(change: Change) -> None:
    """What helps against a finding is to correct the change, not to pause a database of users."""
    text = "alter table public.profiles rename column username to handle;"
    for check in change.adds(rename=text).judged().checks:
        assert "migration." not in check.remedy


def test_what_is_fixed_is_told(change: Change) -> None:
    """An answer that was bad and is good now is green."""
    (change.base / "20260401000000_old.sql").write_text(
        "alter table public.profiles rename column username to handle;"
    )
    outcome = change.judged()
    assert verdict(outcome, "e-mail sign-up").before == "failed"
    assert verdict(outcome, "e-mail sign-up").after == "ok"
    assert outcome.exit_code == 0


def test_an_app_without_profiles_yet(place: Workshop, tmp_path: Path) -> None:
    """A pull request that brings the profile table is green; without one, sign-ups just pass."""
    (tmp_path / "base").mkdir()
    (tmp_path / "head").mkdir()
    change = Change(place, tmp_path)
    (change.head / "20260101000000_a.sql").write_text("create table public.a (id int);")
    outcome = change.judged()
    assert "Profile table: none" in told(outcome)
    assert outcome.exit_code == 0
    shutil.copytree(BASE, change.head, dirs_exist_ok=True)
    assert change.judged().exit_code == 0


# -- the profile table ----------------------------------------------------------------------------


def test_the_configured_table(change: Change) -> None:
    """The table of usersync.yaml is the one that is looked at, and its loss is red."""
    settings = config.read_text("profiles: [{table: user_settings, key: profile_id}]").settings
    outcome = change.adds(
        lost=CREATE_PERSON.format(settings="set search_path = ''")
        + "drop trigger on_profile_created on public.profiles;"
    ).judged(settings)
    assert "Profile table: public.user_settings(profile_id), as configured." in told(outcome)
    assert "no profile in public.user_settings(profile_id)" in outcome.verdicts[0].detail
    assert outcome.exit_code == 2


def test_the_usual_table(change: Change) -> None:
    """public.user_profiles is taken without any configuration."""
    change.adds(
        usual="create table public.user_profiles (user_id uuid primary key references auth.users"
        " on delete cascade);"
    )
    outcome = change.judged()
    assert "Profile table: public.user_profiles(user_id), by its usual name." in told(outcome)
    assert "On base it is public.profiles(id)" in told(outcome)
    assert "no profile in public.user_profiles(user_id)" in outcome.verdicts[0].detail


# -- what is asked for ----------------------------------------------------------------------------


def git(where: Path, *words: str) -> None:
    """Run git as somebody."""
    someone = ("-c", "user.name=a", "-c", "user.email=a@example.com", "-c", "commit.gpgsign=false")
    subprocess.run(["git", *someone, *words], cwd=where, check=True, capture_output=True)


@pytest.fixture
def repository(workdir: Path) -> Path:
    """An app's checkout at the merge commit of a pull request that renames a column."""
    migrations = workdir / "supabase" / "migrations"
    shutil.copytree(BASE, migrations)
    git(workdir, "init", "--initial-branch", "main")
    git(workdir, "add", "--all")
    git(workdir, "commit", "--message", "base")
    shutil.copy(CASES / "breaks" / "rename_username.sql", migrations / f"{NEW}_rename.sql")
    git(workdir, "add", "--all")
    git(workdir, "commit", "--message", "head")
    return workdir


def test_from_the_command_line_to_the_file(
    repository: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In a checkout --base-ref says what base is; the file has it all, and nothing else is left."""
    # Not tmp_path, which a second pytest of root's shuts to other accounts.
    temporary = Path(tempfile.mkdtemp(prefix="usersync-test-"))
    monkeypatch.setenv("TMPDIR", str(temporary))
    done = usersync("migration.compare", "--base-ref=HEAD^1", "--out", "run.json")
    assert done.returncode == 2, done.stderr
    assert (
        'This change stops sign-ups: 42703 undefined_column: column "username" of relation'
        ' "profiles" does not exist, in public.handle_new_user() line 3, trigger'
        f" on_auth_user_created, since {NEW}_rename.sql\n"
    ) in done.stdout
    run = json.loads((repository / "run.json").read_text())
    assert run["verdicts"][0]["since"] == f"{NEW}_rename.sql"
    assert (run["task"], run["exit_code"], run["target"]) == ("migration.compare", 2, None)
    temporary.rmdir()  # nothing is left in it


@dataclass
class Running:
    """A comparison at work, with a temporary folder of its own."""

    process: subprocess.Popen[str]
    temporary: Path

    def until_its_server_runs(self) -> None:
        """Wait until it has a server, and is in the middle of its work."""
        until(lambda: any(map(cluster.is_ready, self.temporary.glob("usersync-*/"))), "its server")

    @property
    def servers(self) -> list[int]:
        """Every Postgres that works in its temporary folder."""
        return [
            one.pid
            for one in psutil.process_iter(["cmdline"])
            if any(str(self.temporary) in word for word in one.info["cmdline"] or ())
            and one.pid != self.process.pid
        ]


@pytest.fixture
def running(repository: Path) -> Iterator[Running]:
    """``migration.compare`` in a checkout, as a job starts it."""
    # Not tmp_path, which a second pytest of root's shuts to other accounts.
    temporary = Path(tempfile.mkdtemp(prefix="usersync-test-"))
    process = subprocess.Popen(
        [sys.executable, "-c", PROGRAM, "migration.compare", "--base-ref=HEAD^1"],
        cwd=repository,
        env=os.environ | {"TMPDIR": str(temporary)},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    one = Running(process, temporary)
    yield one
    process.kill()
    process.communicate()
    for number in one.servers:
        with contextlib.suppress(ProcessLookupError):
            os.kill(number, signal.SIGKILL)
    shutil.rmtree(temporary)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_comparison_that_is_interrupted(running: Running, number: signal.Signals) -> None:
    """Ctrl-C, or a job that is cancelled: exit 1, said, and neither server nor folder is left."""
    running.until_its_server_runs()
    running.process.send_signal(number)
    printed, told_too = running.process.communicate(timeout=30)
    assert running.process.returncode == 1, printed
    assert "interrupted" in printed
    assert "Traceback" not in printed + told_too
    assert running.servers == []
    assert list(running.temporary.iterdir()) == []


def test_comparisons_side_by_side(running: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    """A run that is at work is left alone by another that begins."""
    running.until_its_server_runs()
    monkeypatch.setenv("TMPDIR", str(running.temporary))
    beside = usersync("migration.compare", "--base-ref=HEAD^1")
    assert beside.returncode == 2, beside.stdout
    printed, _ = running.process.communicate(timeout=30)
    assert running.process.returncode == 2, printed
    assert list(running.temporary.iterdir()) == []


def test_what_a_killed_comparison_leaves(running: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    """After kill -9 server and folder stay, until the next run takes them away."""
    running.until_its_server_runs()
    running.process.kill()
    running.process.communicate()
    assert running.servers
    monkeypatch.setenv("TMPDIR", str(running.temporary))
    again = usersync("migration.compare", "--base-ref=HEAD^1")
    assert again.returncode == 2, again.stdout
    until(lambda: not running.servers, "the servers to end")
    assert list(running.temporary.iterdir()) == []


def test_the_working_tree_is_head(repository: Path) -> None:
    """What is not committed yet counts: the correction is green before it is committed."""
    fixed = (CASES / "keeps" / "rename_with_function.sql").read_text()
    (repository / "supabase" / "migrations" / f"{NEW}_rename.sql").write_text(fixed)
    done = called("migration.compare", "--base-ref", "HEAD^1")
    assert done.returncode == 0, done.stdout


def refused(*words: str) -> str:
    """The error of a command that is refused."""
    done = called("migration.compare", *words)
    assert done.returncode == 3, done.stdout
    assert done.stdout.count("Error: ") == 1
    return done.stdout


def test_commits_that_are_not_there(repository: Path, tmp_path: Path) -> None:
    """A commit that git does not know, a shallow clone and no repository each have their remedy."""
    assert "git knows no commit nowhere" in refused("--base-ref", "nowhere")
    assert "is no name of a commit" in refused("--base-ref=--upload-pack=x")
    git(tmp_path, "clone", "--depth", "1", f"file://{repository}", "shallow")
    shutil.copytree(BASE, tmp_path / "no_git")
    shallow = str(tmp_path / "shallow" / "supabase" / "migrations")
    said = refused("--base-ref", "HEAD^1", "--folder", shallow)
    assert "this clone is shallow" in said
    assert "fetch-depth: 2" in said
    none = refused("--base-ref", "HEAD^1", "--folder", str(tmp_path / "no_git"))
    assert "needs a git repository" in none


def test_a_folder_that_base_has_not(repository: Path) -> None:
    """A folder that is new is compared with an empty project."""
    shutil.copytree(BASE, repository / "other")
    done = called("migration.compare", "--base-ref", "HEAD", "--folder", "other")
    assert done.returncode == 0, done.stdout
    assert "base has 0, head 3" in done.stdout


@pytest.mark.parametrize(
    ("files", "words"),
    [
        ({}, "holds no migration"),
        ({"schema.sql": b""}, "passes over schema.sql"),
        ({"1_a.sql": b"", "1_b.sql": b""}, "1_a.sql, 1_b.sql have one version"),
        ({"1_a.sql": b"--\n-- \xff"}, "1_a.sql:2: this is not UTF-8 text"),
        ({"1_a.sql": b"select '\0'"}, "1_a.sql:1: it holds a NUL character"),
    ],
    ids=["empty", "name", "twice", "encoding", "nul"],
)
def test_folders_that_are_refused(workdir: Path, files: dict[str, bytes], words: str) -> None:
    """A folder that the Supabase CLI would not take is exit code 3, before anything starts."""
    (workdir / "head").mkdir()
    for name, data in files.items():
        (workdir / "head" / name).write_bytes(data)
    assert words in refused("--base", str(BASE), "--head", "head")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("", "there is no folder supabase/migrations"),
        ("--head {base}", "what to compare with is not said"),
        ("--head {base} --base {base} --base-ref HEAD", "--base and --base-ref both say"),
        ("--head {base} --base nowhere", "--base: there is no folder nowhere"),
        ("--head {base} --base {base} --seed nowhere.sql", "there is no file nowhere.sql"),
        ("--head {base} --base {base} --target local", "--target local cannot be meant"),
        ("--head {base} --base {base} --server-url-env NO_URL", "NO_URL is not set"),
        ("--head {base} --base {base} --server-url-env FAR_URL", "leads to another machine"),
    ],
)
def test_questions_that_are_refused(
    workdir: Path, monkeypatch: pytest.MonkeyPatch, words: str, said: str
) -> None:
    """What is missing, contradicts itself or leads away from this machine is exit code 3."""
    monkeypatch.setenv("FAR_URL", "postgresql://postgres:x@db.example.com:5432/postgres")
    assert said in refused(*words.format(base=BASE).split())


def test_names_of_files_act_nowhere(change: Change) -> None:
    """The name of a file cannot become a command of GitHub or of the terminal."""
    odd = f"{NEW}_::error::x\x1b[31m.sql"
    (change.head / odd).write_text("alter table public.profiles rename column username to x;")
    done = called("migration.compare", "--base", str(change.base), "--head", str(change.head))
    assert done.returncode == 2
    assert "::error" not in done.stdout
    assert "\x1b" not in done.stdout


def test_values_are_never_shown(change: Change) -> None:
    """What a function raises may quote a user: it is told by its SQLSTATE and its line alone."""
    text = (CASES / "breaks" / "raising_trigger.sql").read_text()
    outcome = change.adds(raises=text).judged()
    assert "nobody invited" not in "".join(one.detail for one in outcome.verdicts)


# -- a given server -------------------------------------------------------------------------------


def databases(server: local.LocalServer) -> set[str]:
    """The databases and the roles of a server."""
    query = "select datname from pg_database union all select rolname from pg_roles"
    with psycopg.connect(server.admin_url) as connection:
        return {name for (name,) in connection.execute(query)}


def same(name: str) -> CompareOptions:
    """A folder of a stranger against itself."""
    where = str(CASES / "strangers" / name)
    return CompareOptions(base=where, head=where)


def test_on_a_given_server(
    server: local.LocalServer, change: Change, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the address of a running server the databases are made there, and none is left."""
    before = databases(server)
    text = (CASES / "breaks" / "required_column.sql").read_text()
    change.adds(required=text, role="create role compare_passer_by nologin;")
    options = CompareOptions(base=str(change.base), head=str(change.head))
    outcome = compare(Settings(), server.admin_url, options)
    assert "23502 not_null_violation (column locale" in outcome.verdicts[0].detail
    assert databases(server) == before
    outcome = compare(Settings(), server.admin_url, same("cron"))
    assert {one.after for one in outcome.verdicts} == {"ok"}, outcome.verdicts[0]
    assert "In shape only: pg_cron: tables" in told(outcome)
    # Its extension http may be the real one, and send.
    outcome = compare(Settings(), server.admin_url, same("webhooks"))
    assert "may do what a rollback does not undo" in verdict(outcome, "e-mail sign-up").detail
    assert outcome.exit_code == 1
    monkeypatch.setenv("GIVEN", server.url)
    words = ("--base", str(BASE), "--head", str(BASE), "--server-url-env", "GIVEN")
    assert "the role may not make what a project is made of" in refused(*words)
    assert databases(server) == before


def test_in_a_checkout_on_a_given_server(
    repository: Path, server: local.LocalServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As a job with `supabase start` asks: red with the fault, green without, and nothing stays."""
    monkeypatch.setenv("SERVER_URL", server.admin_url)
    words = ("migration.compare", "--base-ref=HEAD^1", "--server-url-env=SERVER_URL")
    before = databases(server)
    done = usersync(*words)
    assert done.returncode == 2, done.stderr
    assert f"on_auth_user_created, since {NEW}_rename.sql" in done.stdout
    fixed = (CASES / "keeps" / "rename_with_function.sql").read_text()
    (repository / "supabase" / "migrations" / f"{NEW}_rename.sql").write_text(fixed)
    git(repository, "commit", "--all", "--amend", "--message", "head")
    done = usersync(*words)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "This change leaves sign-ups as they are." in done.stdout
    assert databases(server) == before
