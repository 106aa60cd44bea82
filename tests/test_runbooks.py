"""Runbooks being carried out: gates, modes, limits, what fails, and what is written down of it."""

from __future__ import annotations

import json
import re
import signal
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests import faults
from tests.app import App, spelled
from tests.migrated import PRODUCTION, applied
from tests.report_samples import USER_ID
from usersync import runner
from usersync.backends.postgres import PostgresDoor
from usersync.config import load
from usersync.model import Figures, Run
from usersync.procedure import RunbookOptions, engine
from usersync.runbook import inputs
from usersync.runbook.models import Input

pytestmark = pytest.mark.any_postgres

HEAD = """\
schema: 1
id: {name}
title: A runbook of a test
severity: emergency
symptoms:
  - something is wrong
"""

#: The main case: drift, a gate, the sync that heals it.
FILL = """\
inputs:
  limit:
    type: int
    help: most rows
    default: 100
steps:
  - id: drift
    check: status
    expect: missing == 0
  - id: approve
    gate: Create ${steps.drift.missing} profiles?
    when: steps.drift.missing > 0
  - id: fill
    change: sync
    max_rows: ${inputs.limit}
    verify: steps.drift.missing == 0
"""

#: Operations of a test: outside of the database, out of order, slow to come right.
OPERATIONS = '''
from pathlib import Path
from usersync.model import Outcome, Step
from usersync.operations import operation

@operation("mail.send", "external")
def send(session, *, to="all"):
    """Write a line where mail would be sent."""
    with Path("mail.txt").open("a") as stream:
        stream.write(f"sent {to}\\n")
    return Outcome(steps=(Step("mail", "changed", f"sent to {to}"),))

@operation("mail.recall", "external")
def recall(session, *, to="all"):
    """Take it back."""
    with Path("mail.txt").open("a") as stream:
        stream.write(f"recalled {to}\\n")
    if to == "nobody":
        return Outcome(error="the mail has gone", exit_code=1)
    return Outcome(steps=(Step("mail", "changed", f"recalled from {to}"),))

@operation("nap", "read")
def nap(session):
    """Find something twice, and then nothing."""
    with Path("naps.txt").open("a") as stream:
        stream.write("z")
    return Outcome(exit_code=0 if len(Path("naps.txt").read_text()) > 2 else 2)

@operation("break", "data")
def broken(session):
    """Fail, as a change that was undone."""
    return Outcome(error="it broke", exit_code=5)
'''


@dataclass
class Books:
    """The runbooks of a test's app."""

    app: App

    def write(self, steps: str, name: str = "book") -> Path:
        """Write one."""
        path = self.app.folder / "runbooks" / f"{name}.yaml"
        path.parent.mkdir(exist_ok=True)
        path.write_text(HEAD.format(name=name) + steps)
        return path

    def sql(self, name: str, text: str) -> None:
        """Write a file of SQL beside them."""
        path = self.app.folder / "runbooks" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    def run(self, name: str = "book", **options: Any) -> Run:
        """Carry one out, whatever comes of it."""
        return self.app.run(
            "runbook.run", task=f"runbook.{name}", options=RunbookOptions(name, **options)
        )


def statuses(run: Run) -> dict[str, str]:
    """What each step came to."""
    assert run.steps, run.error
    return {step.name: step.status for step in run.steps}


def digest_of(run: Run) -> str:
    """What opens the gate that a run stopped at."""
    assert run.runbook is not None, run.error
    assert run.runbook.digest, run.steps
    assert any(f"--approve {run.runbook.digest}" in line for line in run.next_steps)
    return run.runbook.digest


@pytest.fixture
def books(app: App) -> Books:
    """The runbooks of an app that has three users without a profile."""
    app.users(3)
    return Books(app)


# -- gates --------------------------------------------------------------------------------------


def test_a_gate_stops_and_its_digest_opens_it_once(books: Books) -> None:
    """Without approval exit 4 with the command; with it all is done, and the finding is gone."""
    books.write(FILL)
    stopped = books.run()
    assert stopped.exit_code == 4
    assert statuses(stopped) == {
        "drift": "finding",
        "approve": "not-reached",
        "fill": "not-reached",
    }
    assert faults.profiles(books.app) == 0
    digest = digest_of(stopped)
    done = books.run(approve=digest)
    assert done.exit_code == 0, done
    assert statuses(done) == {
        "drift": "finding",
        "approve": "ok",
        "fill": "changed",
        "drift, again": "ok",
    }
    assert faults.missing(books.app) == 0
    second = books.run()
    assert second.exit_code == 0
    assert statuses(second) == {"drift": "ok", "approve": "skipped", "fill": "skipped"}
    books.app.user()
    again = books.run(approve=digest)
    assert again.exit_code == 4
    assert "opened its gate already" in again.steps[1].detail
    assert faults.missing(books.app) == 1


def test_who_comes_after_the_approval_does_not_join(books: Books) -> None:
    """Exactly what the gate showed is done; the newcomer is left, and found at the end."""
    books.write(FILL.replace("    verify: steps.drift.missing == 0\n", ""))
    digest = digest_of(books.run())
    books.app.user(created_at="2099-01-01")
    books.app.rows("update auth.users set created_at = now() where created_at > now()")
    done = books.run(approve=digest)
    assert faults.profiles(books.app) == 3
    assert done.exit_code == 2
    assert statuses(done)["drift, again"] == "finding"


MOVES = {
    "the runbook": lambda books: books.write(FILL + "    why: because\n"),
    "the profile table": lambda books: books.app.rows("alter table public.user_profiles add x int"),
    "the users": lambda books: books.app.rows(
        "delete from auth.users where id = (select id from auth.users limit 1)"
    ),
}


@pytest.mark.parametrize("what", MOVES)
def test_a_digest_of_something_else_is_stale(books: Books, what: str) -> None:
    """Whatever has moved since the gate was read is named, and nothing is done."""
    books.write(FILL)
    digest = digest_of(books.run())
    MOVES[what](books)
    run = books.run(approve=digest)
    assert run.exit_code == 4
    assert what in run.steps[1].detail, run.steps[1]
    assert faults.profiles(books.app) == 0


def test_a_digest_is_of_its_inputs(books: Books) -> None:
    """Other inputs are another approval."""
    books.write(FILL)
    run = books.run(approve=digest_of(books.run()), inputs={"limit": "50"})
    assert run.exit_code == 4
    assert "the inputs" in run.steps[1].detail


def test_a_digest_of_another_runbook_is_refused(books: Books) -> None:
    """A digest that is none, or of no gate here, is exit 3 before anything is asked."""
    books.write(FILL)
    for token in ("approve", "nothing.1.2.3.4.5.6", ""):
        run = books.run(approve=token or "x")
        assert (run.exit_code, run.steps) == (3, ()), run


def test_nobody_is_asked_to_approve_what_would_not_be_done(books: Books) -> None:
    """A limit that stands before the change stops at the gate, with what lifts it."""
    books.write(FILL)
    run = books.run(inputs={"limit": "2"})
    assert run.exit_code == 4
    assert "3 profiles would be created, more than the 2 allowed" in run.steps[1].detail
    assert run.runbook is not None
    assert not run.runbook.digest


@pytest.mark.parametrize(("answer", "exit_code", "made"), [(True, 0, 3), (False, 4, 0)])
def test_a_person_answers_at_the_terminal(
    books: Books, answer: bool, exit_code: int, made: int
) -> None:
    """At a terminal the gate asks, shows what is behind it, and takes yes for yes."""
    books.write(FILL)
    books.app.answer = answer
    run = books.run()
    assert run.exit_code == exit_code
    (question,) = books.app.asked
    assert "approve: Create 3 profiles?" in question
    assert "3 profiles would be created" in question
    assert faults.profiles(books.app) == made


def test_yes_beforehand_is_for_a_terminal(books: Books) -> None:
    """``--yes-to`` answers a question that a person at a terminal would be asked, and no other."""
    books.write(FILL)
    run = books.run(yes_to=("approve",))
    assert run.exit_code == 4
    assert "nobody can be asked" in run.steps[1].detail
    assert books.run(yes_to=("other",)).exit_code == 3
    books.app.answer = False
    assert books.run(yes_to=("approve",)).exit_code == 0
    assert books.app.asked == []


def test_yes_beforehand_opens_no_schema_in_production(books: Books) -> None:
    """What changes more than rows in production is read and answered at its gate."""
    books.write(
        "steps:\n  - id: ask\n    gate: Install?\n  - id: install\n    change: migration.apply\n"
    )
    books.app.configure(PRODUCTION)
    books.app.answer = True
    run = books.run(yes_to=("ask",))
    assert run.exit_code == 4
    assert "does not open ask in production" in run.steps[0].detail
    assert books.run().exit_code == 0


def test_a_gate_with_nothing_behind_it_is_passed(books: Books) -> None:
    """When all that is behind a gate is done already nobody is asked."""
    applied(books.app)
    books.write(
        "steps:\n  - id: ask\n    gate: Install?\n  - id: install\n    change: migration.apply\n"
    )
    run = books.run()
    assert run.exit_code == 0
    assert statuses(run) == {"ask": "skipped", "install": "skipped"}


def test_a_change_without_a_gate_asks_in_production_itself(books: Books) -> None:
    """Without a gate the operation keeps its own guard: nobody there, nothing done."""
    books.write("steps:\n  - id: fill\n    change: sync\n")
    books.app.configure(PRODUCTION)
    run = books.run()
    assert run.exit_code == 3
    assert "somebody must approve this" in run.steps[0].detail
    assert faults.profiles(books.app) == 0


# -- the modes ----------------------------------------------------------------------------------


def test_a_dry_run_writes_nothing_and_tells_the_plan(books: Books) -> None:
    """Checks are asked, changes say what they would do, and what opens the gate is told."""
    books.write(FILL + "  - id: filled\n    check: status\n    require: missing == 0\n")
    run = books.run(mode="dry-run")
    assert run.exit_code == 2
    assert statuses(run) == {
        "drift": "finding",
        "approve": "ok",
        "fill": "would-change",
        "filled": "unknown",
    }
    assert "3 profiles would be created" in run.steps[2].detail
    assert "Nothing was written." in run.notes
    assert faults.journal(books.app) == []
    assert faults.profiles(books.app) == 0
    assert books.run(approve=digest_of(run)).exit_code == 0


def test_a_dry_run_of_nothing_to_do_is_in_order(books: Books) -> None:
    """In sync: exit 0, and nothing would change."""
    books.app.synced()
    books.write(FILL)
    run = books.run(mode="dry-run")
    assert run.exit_code == 0
    assert statuses(run) == {"drift": "ok", "approve": "skipped", "fill": "skipped"}


def test_a_rehearsal_does_it_and_keeps_nothing(books: Books) -> None:
    """The change runs for real with its failures, and is rolled back."""
    faults.trigger(books.app, "if new.email like 'bad%' then raise 'no'; end if;")
    books.app.user(email="bad@example.com")
    books.write(FILL)
    run = books.run(mode="rehearse")
    assert run.exit_code == 2
    assert "rolled back: 3 would be created, 1 failed" in run.steps[2].detail
    assert faults.profiles(books.app) == 0


def test_a_rehearsal_says_what_it_cannot_tell(books: Books) -> None:
    """What works outside of the database is unknown, and so is what depends on it."""
    (books.app.folder / "ops.py").write_text(OPERATIONS)
    books.app.configure("operations: [ops.py]\n")
    books.write(
        "steps:\n  - id: mail\n    change: mail.send\n    irreversible: true\n"
        "  - id: fill\n    change: sync\n    when: steps.mail.ok\n"
    )
    run = books.run(mode="rehearse")
    assert statuses(run) == {"mail": "unknown", "fill": "unknown"}
    assert not (books.app.folder / "mail.txt").exists()
    assert statuses(books.run(mode="dry-run")) == {"mail": "would-change", "fill": "unknown"}


# -- conditions ---------------------------------------------------------------------------------


def test_what_is_required_stops_the_run(books: Books) -> None:
    """A ``require`` that does not hold is exit 4, and nothing behind it is done."""
    books.write(FILL.replace("expect: missing == 0", "require: missing == 0"))
    run = books.run()
    assert run.exit_code == 4
    assert statuses(run) == {"drift": "finding", "approve": "not-reached", "fill": "not-reached"}
    assert "wanted: missing == 0" in run.steps[0].detail


def test_what_depends_on_a_skipped_step_is_skipped(books: Books) -> None:
    """No figure of a step that was not done is ever taken for zero."""
    books.write(
        "inputs:\n  really:\n    type: flag\n    help: do it\n    default: false\nsteps:\n"
        "  - id: drift\n    check: status\n    when: inputs.really\n"
        "  - id: fill\n    change: sync\n    when: steps.drift.missing == 0\n"
        "  - id: tell\n    note: ${steps.drift.missing} are missing\n"
    )
    assert statuses(books.run()) == {"drift": "skipped", "fill": "skipped", "tell": "skipped"}
    assert statuses(books.run(inputs={"really": True})) == {
        "drift": "ok",
        "fill": "skipped",
        "tell": "ok",
    }


def test_a_check_that_cannot_be_asked_is_unknown(books: Books) -> None:
    """A table that is not there is no finding and no pass; what depends on it is not done."""
    books.app.rows("alter table public.user_profiles rename to elsewhere")
    books.write(FILL)
    run = books.run()
    assert run.exit_code == 3
    assert statuses(run) == {"drift": "unknown", "approve": "unknown", "fill": "unknown"}


def test_a_check_is_tried_again(books: Books) -> None:
    """``retry`` asks again until the answer is as expected."""
    (books.app.folder / "ops.py").write_text(OPERATIONS)
    books.app.configure("operations: [ops.py]\n")
    steps = "steps:\n  - id: calm\n    check: nap\n    require: ok\n"
    books.write(steps + "    retry:\n      times: 1\n      wait: 0.01s\n")
    assert books.run().exit_code == 4
    assert books.run().exit_code == 0
    (books.app.folder / "naps.txt").unlink()
    books.write(steps + "    retry:\n      times: 5\n      wait: 0.01s\n")
    assert books.run().exit_code == 0
    assert (books.app.folder / "naps.txt").read_text() == "zzz"


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"limit": "x"}, "a whole number is wanted"),
        ({"limit": "99999999999999999"}, "a whole number is wanted"),
        ({"limt": "1"}, "did you mean `limit`?"),
    ],
)
def test_inputs_are_held_against_the_runbook(
    books: Books, given: Mapping[str, str], words: str
) -> None:
    """What is said and does not fit is exit 3, in words, before anything is asked."""
    books.write(FILL)
    run = books.run(inputs=given)
    assert (run.exit_code, run.steps) == (3, ())
    assert words in run.error


@pytest.mark.parametrize("typed", spelled(USER_ID))
def test_a_user_of_a_runbook_is_one_spelling(typed: str) -> None:
    """However the id of a user is given to a runbook, its steps and the journal know it as one."""
    asked = {"user": Input(type="user", help="who it is")}
    assert inputs.read(asked, {"user": typed}) == {"user": USER_ID}


def test_an_input_that_is_missing_is_said(books: Books) -> None:
    """An input without a default must be said."""
    books.write(FILL.replace("    default: 100\n", ""))
    run = books.run()
    assert run.exit_code == 3
    assert "--input limit=... is missing: most rows" in run.error


# -- what fails ---------------------------------------------------------------------------------

CHECK = """\
-- asks: whose address is missing?
-- level: warning
-- remedy: runbook.book
select p.user_id::text as subject, 'no address' as detail
from public.user_profiles as p where p.email is null
"""
CHANGE = """\
-- does: makes an address up
update public.user_profiles set email = 'nobody@example.com' where email is null;
"""
OWN = """\
steps:
  - id: found
    check: ./checks/addresses.sql
    expect: rows == 0
  - id: approve
    gate: Correct ${steps.found.rows} rows?
    when: steps.found.rows > 0
  - id: correct
    change: ./changes/addresses.sql
    max_rows: 5
    verify: steps.found.rows == 0
"""


@pytest.fixture
def own(books: Books) -> Books:
    """A runbook of somebody's own SQL, and two rows for it to correct."""
    books.app.synced()
    books.app.rows(
        "update public.user_profiles set email = null where user_id in"
        " (select user_id from public.user_profiles limit 2)"
    )
    books.write(OWN)
    books.sql("checks/addresses.sql", CHECK)
    books.sql("changes/addresses.sql", CHANGE)
    return books


def without_address(app: App) -> int:
    """How many rows the runbook would correct."""
    return int(app.one("select count(*) from public.user_profiles where email is null"))


def test_own_sql_is_rehearsed_and_done(own: Books) -> None:
    """A check and a change by SQL of one's own go through the same modes, gate and verify."""
    dry = own.run(mode="dry-run")
    assert statuses(dry) == {"found": "finding", "approve": "ok", "correct": "would-change"}
    rehearsed = own.run(mode="rehearse")
    assert "rolled back: 2 rows written" in rehearsed.steps[2].detail
    assert without_address(own.app) == 2
    done = own.run(approve=digest_of(dry))
    assert done.exit_code == 0, done
    assert statuses(done)["correct"] == "changed"
    assert without_address(own.app) == 0
    assert statuses(own.run()) == {"found": "ok", "approve": "skipped", "correct": "skipped"}


UNDONE = {
    "too many rows": ("max_rows: 5", "max_rows: 1", "more than the 1 allowed"),
    "not what it should": (
        "verify: steps.found.rows == 0",
        "verify: steps.found.rows == 7",
        "verify",
    ),
}


@pytest.mark.parametrize(("old", "new", "words"), UNDONE.values(), ids=UNDONE)
def test_own_sql_that_goes_wrong_is_undone(own: Books, old: str, new: str, words: str) -> None:
    """More rows than allowed, or a verify that does not hold: everything is rolled back, exit 5."""
    own.write(OWN.replace(old, new))
    run = own.run(approve=digest_of(own.run()))
    assert run.exit_code == 5
    assert statuses(run)["correct"] == "undone"
    assert words in run.steps[2].detail
    assert without_address(own.app) == 2


def test_own_sql_that_breaks_is_undone(own: Books) -> None:
    """A statement that fails is told by its SQLSTATE, without any value of a row."""
    own.sql(
        "changes/addresses.sql",
        "-- does: breaks\nupdate public.user_profiles set email = 'x';\n"
        "update public.user_profiles set user_id = gen_random_uuid();\n",
    )
    run = own.run(approve=digest_of(own.run()))
    assert run.exit_code == 5
    assert "23503 foreign_key_violation" in run.steps[2].detail
    assert without_address(own.app) == 2


def test_own_sql_gets_values_and_no_text(own: Books) -> None:
    """Arguments are bound: a quote in one is a quote in a value."""
    text = "it's; drop table public.user_profiles; --"
    own.write(
        "inputs:\n  text:\n    type: text\n    help: what to write\n"
        + OWN.replace("    max_rows: 5", "    with:\n      text: ${inputs.text}\n    max_rows: 5")
    )
    own.sql(
        "changes/addresses.sql",
        "-- does: writes what was said\n"
        "update public.user_profiles set email = %(text)s where email is null and 5 %% 2 = 1\n",
    )
    inputs = {"text": text}
    run = own.run(inputs=inputs, approve=digest_of(own.run(inputs=inputs)))
    assert run.exit_code == 0, run
    assert own.app.one(
        "select count(*) from public.user_profiles where email = %(text)s", text=text
    )


def test_own_sql_asks_in_production(own: Books) -> None:
    """Without a gate, SQL of one's own changes production only when somebody says so."""
    own.write(OWN.replace(OWN[OWN.index("  - id: approve") : OWN.index("  - id: correct")], ""))
    own.app.configure(PRODUCTION)
    run = own.run()
    assert run.exit_code == 3
    assert without_address(own.app) == 2
    own.app.answer = True
    assert own.run().exit_code == 0
    assert "Run ./changes/addresses.sql, at most 5 rows?" in own.app.asked[0]


def test_own_checks_join_the_doctor(own: Books) -> None:
    """A check of one's own that the configuration names is asked by verify and doctor."""
    own.app.configure("checks: [runbooks/checks/addresses.sql, none.sql]\n")
    run = own.app.run("migration.verify", task="migration.verify")
    (found,) = (check for check in run.checks if check.check == "addresses")
    assert found.count == 2
    assert any("none.sql: there is no such file" in step.detail for step in run.steps)


def test_a_step_that_never_ends_is_ended(books: Books) -> None:
    """``timeout`` ends a check and a change; what a change had not committed is rolled back."""
    books.sql("checks/slow.sql", "-- asks: x\n-- level: info\n-- remedy: x\nselect 'x' as subject,"
              " pg_sleep(60)::text as detail\n")  # fmt: skip
    books.write(
        "steps:\n  - id: slow\n    check: ./checks/slow.sql\n    timeout: 0.3s\n"
        "  - id: fill\n    change: sync\n    timeout: 0.5s\n"
    )
    faults.slow_rows(books.app, 20)
    run = books.run()
    assert statuses(run) == {"slow": "unknown", "fill": "failed"}
    assert "longer than its timeout of 0.3 s" in run.steps[0].detail
    assert run.exit_code == 1
    assert faults.profiles(books.app) == 0


def test_what_stays_after_a_failure_is_exit_6(books: Books) -> None:
    """A change whose verify does not hold once it is committed needs a human: contact is told."""
    books.app.configure("contact: call 112\n")
    books.write(FILL.replace("verify: steps.drift.missing == 0", "verify: created == 99"))
    run = books.run(approve=digest_of(books.run()))
    assert run.exit_code == 6
    assert "what it did is committed and stays" in run.steps[2].next_step
    assert "Contact: call 112" in run.notes
    assert any("--resume" in line for line in run.next_steps)


def external(to: str) -> str:
    """A step outside of the database that can be taken back."""
    return (
        f"  - id: mail_{to}\n    change: mail.send\n    with:\n      to: {to}\n"
        f"    undo:\n      change: mail.recall\n      with:\n        to: {to}\n"
    )


def test_what_is_outside_is_taken_back_last_first(books: Books) -> None:
    """When a later step fails, what was done outside of the database is undone in reverse."""
    (books.app.folder / "ops.py").write_text(OPERATIONS)
    books.app.configure("operations: [ops.py]\n")
    fails = "  - id: fails\n    change: break\n"
    books.write(f"steps:\n{external('ann')}{external('bob')}{fails}")
    run = books.run()
    assert run.exit_code == 5
    assert statuses(run) == {
        "mail_ann": "changed",
        "mail_bob": "changed",
        "fails": "undone",
        "undo mail_bob": "undone",
        "undo mail_ann": "undone",
    }
    sent = (books.app.folder / "mail.txt").read_text().splitlines()
    assert sent == ["sent ann", "sent bob", "recalled bob", "recalled ann"]
    books.write(f"steps:\n{external('nobody')}{fails}")
    run = books.run()
    assert run.exit_code == 6
    assert statuses(run)["undo mail_nobody"] == "failed"


def test_own_operations_are_refused_in_words(books: Books) -> None:
    """A file that is not there, does not load or takes one of our names is exit 3."""
    books.write(FILL)
    for text, words in (
        (None, "there is no such file"),
        ("import nothing_of_this_name", "ModuleNotFoundError"),
        (OPERATIONS.replace("mail.send", "sync"), "there is an operation sync already"),
    ):
        path = books.app.folder / f"ops_{len(words)}.py"
        if text is not None:
            path.write_text(text)
        books.app.configure(f"operations: [{path.name}]\n")
        run = books.run()
        assert run.exit_code == 3
        assert words in run.error


def test_two_runs_take_turns(books: Books) -> None:
    """While a run is at work another is exit 7, and with ``--wait`` it takes its turn."""
    books.write(FILL)
    other = PostgresDoor(load(environ={"SUPABASE_DB_URL": books.app.url}))
    try:
        with other.exclusively("runbook.book", 0):
            assert books.run(mode="dry-run").exit_code == 2
            run = books.run()
            assert run.exit_code == 7
            assert run.steps == ()
            with ThreadPoolExecutor(1) as pool:
                later = pool.submit(lambda: books.run(wait_s=20.0))
                with pytest.raises(TimeoutError):
                    later.result(timeout=0.5)
                other.close()
    finally:
        other.close()


# -- what is written down -----------------------------------------------------------------------


def lines(app: App) -> list[tuple[str, str, dict[str, int], int | None]]:
    """The journal of the target, oldest first."""
    rows = app.rows("select * from usersync.journal where task = 'runbook.book' order by id")
    return [(row["event"], row["profile_table"], row["counts"], row["exit_code"]) for row in rows]


def test_every_step_stands_in_the_journal(books: Books) -> None:
    """The run, what was said to it, and the start and end of each step, in the target itself."""
    applied(books.app)
    books.app.user(created_at="2020-01-01")
    books.app.rows("delete from public.user_profiles")
    steps = FILL.replace("inputs:\n", "inputs:\n  who:\n    type: text\n    help: who\n")
    books.write(steps + "  - id: tell\n    note: Tell ${inputs.who}\n")
    inputs = {"who": "ada@example.com"}
    digest = digest_of(books.run(inputs=inputs))
    books.app.rows("create table kept as select * from usersync.journal")
    assert books.run(inputs=inputs, approve=digest).exit_code == 0
    told = lines(books.app)
    first = next(n for n, one in enumerate(told) if one[1] == "step fill")
    assert ("ended", "step approve", {"not-reached": 1}, 4) in told[:first]
    assert [one[:2] for one in told[first:] if one[1].startswith(("step", "public"))] == [
        ("started", "step fill"),
        ("started", "public.user_profiles(user_id)"),
        ("unit", "public.user_profiles(user_id)"),
        ("ended", "public.user_profiles(user_id)"),
        ("ended", "step fill"),
    ]
    assert told[-1] == ("ended", "", {}, 0)
    assert any("limit=100" in one[1] and "who=***@example.com" in one[1] for one in told)
    assert "ada@" not in json.dumps(told)
    approved = books.app.rows(
        "select digest from usersync.journal where profile_table = 'step approve'"
    )
    assert digest in [row["digest"] for row in approved]


def test_who_opened_a_gate_stands_behind_it(books: Books, monkeypatch: pytest.MonkeyPatch) -> None:
    """From a gate to the next one each line names who opened it; elsewhere nobody."""
    applied(books.app)
    books.app.rows("delete from public.user_profiles")
    books.write(FILL + "  - id: other\n    gate: More?\n    when: steps.drift.missing > 99\n"
                "  - id: more\n    change: migration.test\n")  # fmt: skip
    monkeypatch.setenv("GITHUB_ACTOR", "octocat")
    monkeypatch.setenv("GITHUB_SHA", "c0ffee")
    digest = digest_of(books.run())
    monkeypatch.setenv("GITHUB_TRIGGERING_ACTOR", "mona")
    run = books.run(approve=digest)
    assert run.exit_code == 0, run
    rows = books.app.rows(
        "select event, profile_table as what, actor, approver, commit_sha from usersync.journal"
        " order by id"
    )
    assert {(row["actor"], row["commit_sha"]) for row in rows[-5:]} == {("octocat", "c0ffee")}
    approvers: dict[str, set[str]] = {}
    for row in rows:
        approvers.setdefault(row["what"], set()).add(row["approver"])
    assert approvers["step drift"] == {""}
    assert approvers["step approve"] == {"", "mona"}
    assert approvers["step fill"] == {"mona"}
    assert approvers["public.user_profiles(user_id)"] == {"mona"}
    assert rows[-1]["approver"] == ""


def test_a_runbook_of_checks_writes_nothing(books: Books) -> None:
    """A runbook that cannot change anything is a read, and a read writes nothing."""
    books.write("steps:\n  - id: drift\n    check: status\n    expect: missing == 0\n")
    assert books.run().exit_code == 2
    assert faults.journal(books.app) == []


def test_a_run_is_resumed_by_its_id_or_its_file(books: Books) -> None:
    """Going on is a safe rerun; it is refused for another text, other inputs, another runbook."""
    path = books.write(FILL)
    books.write(FILL, "other")
    first = books.run()
    out = books.app.folder / "run.json"
    runner.run(
        runner.Request(
            task="runbook.book",
            operation="runbook.run",
            inputs={"options": RunbookOptions("book")},
            out=str(out),
        )
    )
    for resume in (first.run_id, first.run_id[:8], first.run_id.upper(), str(out)):
        assert books.run(resume=resume).exit_code == 4
    assert "other inputs" in books.run(resume=first.run_id, inputs={"limit": "7"}).error
    assert "was runbook.book" in books.run("other", resume=first.run_id).error
    assert "is of the runbook book" in books.run("other", resume=str(out)).error
    assert "knows no run" in books.run(resume="abcdef12").error
    path.write_text(path.read_text() + "    why: because\n")
    for resume in (first.run_id, str(out)):
        run = books.run(resume=resume)
        assert (run.exit_code, run.steps) == (3, ())
        assert "the runbook has changed" in run.error


def test_a_digest_for_what_is_done_already_is_said(books: Books) -> None:
    """An approval that nothing needed any more is no error, and is said."""
    books.write(FILL)
    digest = digest_of(books.run())
    books.app.synced()
    run = books.run(approve=digest)
    assert run.exit_code == 0
    assert any("was not needed" in note for note in run.notes)


def test_a_run_that_was_cut_off_behind_its_gate_can_be_approved_again(
    books: Books, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was approved and not begun, or begun and not done, gets a digest of its own."""
    books.write(FILL)
    first = digest_of(books.run())
    for cut_off in ("usersync.procedure.changing.done", "usersync.sync.engine._carry_out"):
        with monkeypatch.context() as patch:
            patch.setattr(cut_off, _interrupt)
            if cut_off.endswith("done"):
                patch.setitem(engine._CHANGES, "run", _interrupt)
            assert books.run(approve=digest_of(books.run())).exit_code == 1
    last = digest_of(books.run())
    assert last != first
    assert books.run(approve=first).exit_code == 4
    assert books.run(approve=last).exit_code == 0
    assert faults.missing(books.app) == 0


def _interrupt(*_: Any, **__: Any) -> Any:
    raise KeyboardInterrupt


# -- how it is told -------------------------------------------------------------------------------


def steady(text: str) -> str:
    """Text without what differs between two runs."""
    text = re.sub(r"approve(\.[0-9a-zT-]+)+", "DIGEST", text)
    text = re.sub(r" in \d+\.\d s$", "", text, flags=re.MULTILINE)
    return re.sub(r"/\S+/journal.jsonl", "FILE", text)


def test_the_steps_are_told_as_they_happen(books: Books, snapshot: Any) -> None:
    """What stands on the screen: the target, the runbook, each step, and what to do next."""
    books.write(FILL)
    with faults.started(books.app, "runbook.book") as command:
        code, text, _ = command.end()
    assert code == 4
    assert command.result()["runbook"]["gate"] == "approve"
    snapshot.assert_match(steady(text), "screen.txt")


def test_a_log_of_github_is_folded(books: Books, monkeypatch: pytest.MonkeyPatch) -> None:
    """In GitHub Actions what stands below a step is a group, and no text of ours opens another."""
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    books.write(FILL.replace("Create", "::error::Create"))
    with faults.started(books.app, "runbook.book") as command:
        _, text, _ = command.end()
    assert text.count("::group::") == text.count("::endgroup::") == 1
    assert "\n::group::not-reached  approve: " in text
    assert "::error::" not in text


def test_json_is_one_object_and_nothing_else(books: Books) -> None:
    """With ``--json`` no step is told beside the object."""
    books.write(FILL)
    with faults.started(books.app, "runbook.book", "--json") as command:
        code, text, _ = command.end()
    assert json.loads(text)["exit_code"] == code == 4
    assert [step["status"] for step in json.loads(text)["steps"]] == [
        "finding",
        "not-reached",
        "not-reached",
    ]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_run_tells_what_it_did(books: Books, number: signal.Signals) -> None:
    """Ctrl-C in a step: exit 1, ``--out`` has the steps until then and those not reached."""
    books.sql(
        "checks/slow.sql",
        "-- asks: x\n-- level: info\n-- remedy: x\nselect 'x' as subject, pg_sleep(60)::text as"
        " detail\n",
    )
    books.write(FILL.split("  - id: approve", maxsplit=1)[0].replace("default: 100", "default: 100")
                .replace("expect: missing == 0", "expect: missing <= inputs.limit")
                + "  - id: slow\n    check: ./checks/slow.sql\n"
                + "  - id: fill\n    change: sync\n")  # fmt: skip
    with faults.started(books.app, "runbook.book") as command:
        faults.until(
            lambda: books.app.rows(
                "select 1 from pg_stat_activity where application_name = 'usersync'"
                " and query like '%%pg_sleep(60)%%' and state = 'active'"
            ),
            "the slow step",
        )
        command.send(number)
        code, _, _ = command.end()
    assert code == 1
    told = [(step["name"], step["status"]) for step in command.result()["steps"]]
    assert told == [("drift", "ok"), ("slow", "unknown"), ("fill", "not-reached")]
    assert faults.profiles(books.app) == 0


def test_a_closed_pipe_ends_no_run(books: Books) -> None:
    """Whoever reads may go: the run goes on to its end."""
    books.write("steps:\n  - id: drift\n    check: status\n  - id: fill\n    change: sync\n")
    with faults.started(books.app, "runbook.book") as command:
        assert command.process.stdout is not None
        command.process.stdout.close()
        command.process.stdout = None
        command.process.wait(timeout=60)
    assert faults.missing(books.app) == 0
    assert command.result()["exit_code"] == 0


# -- in numbers -----------------------------------------------------------------------------------

NIGHT = """\
steps:
  - id: before
    check: status
  - id: sign_ups
    check: checks
    with: {names: [sign_up_trigger_missing]}
    expect: findings == 0
  - id: sync
    change: sync
    expect: failed == 0
  - id: after
    check: status
    expect: missing == 0
"""


def test_a_run_is_told_in_numbers(books: Books) -> None:
    """What was missing, found, created and refused stands in the result, as it is at the end."""
    books.write(NIGHT)
    books.app.rows("delete from public.user_profiles")
    books.app.rows(
        "alter table public.user_profiles add constraint never check (user_id is null) not valid"
    )
    stuck = books.run()
    assert stuck.runbook
    assert stuck.runbook.figures == Figures(3, 3, 0, 3, 1, "sign_ups")
    books.app.rows("alter table public.user_profiles drop constraint never")
    filled = books.run()
    assert filled.runbook
    assert filled.runbook.figures == Figures(0, 3, 3, 0, 1, "sign_ups")


def test_what_a_runbook_healed_is_no_number(books: Books) -> None:
    """What was asked again and is in order counts no more."""
    books.write(FILL)
    books.app.answer = True
    run = books.run()
    assert run.exit_code == 0
    assert run.runbook
    assert run.runbook.figures == Figures(0, 3, 3)


def test_a_gate_that_nobody_opened_is_told_in_numbers(books: Books) -> None:
    """The step that decided is the gate; its digest is that of the run."""
    books.write(FILL)
    run = books.run()
    assert run.exit_code == 4
    assert run.runbook
    assert run.runbook.figures == Figures(3, 3, findings=0, step="approve")
    assert run.digest == run.runbook.digest
    assert run.digest
