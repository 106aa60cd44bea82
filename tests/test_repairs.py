"""Rows that are there are corrected with a way back: e-mails, orphans, null tokens, `restore`."""

from __future__ import annotations

import json
import signal
from typing import Any

import psycopg
import pytest

from tests.app import App
from tests.faults import backends, started, until
from tests.migrated import PRODUCTION, applied
from usersync import report
from usersync.model import Repair, Run
from usersync.repair import RepairOptions
from usersync.sync import SyncOptions

DIFFERS = "select count(*) from user_profiles p join auth.users u on u.id = p.user_id where {}"
DRIFTED = DIFFERS.format("p.email is distinct from u.email")


def repair(app: App, operation: str, **inputs: Any) -> Run:
    """One of the repairs as its task runs it."""
    given = {name: inputs.pop(name) for name in ("restore", "run_id") if name in inputs}
    task = operation.removesuffix(".plan").removesuffix(".rehearse")
    return app.run(operation, task=task, options=RepairOptions(**inputs), **given)


def result_of(run: Run) -> Repair:
    """What the repair of a run's first table came to."""
    assert run.tables, run.error
    result = run.tables[0].repair
    assert result is not None
    return result


def drifted(app: App, number: int) -> list[str]:
    """Users who changed their address while nothing followed."""
    ids = app.users(number)
    app.rows(
        "insert into user_profiles (user_id, email)"
        " select id, 'old-' || left(id::text, 8) || '@example.com' from auth.users"
        " where id::text = any (%(ids)s)"
        " on conflict (user_id) do update set email = excluded.email",
        ids=ids,
    )
    return ids


def orphans(app: App, number: int) -> None:
    """Profiles whose users are gone, as in an app without the foreign key."""
    app.rows("alter table user_profiles drop constraint if exists user_profiles_user_id_fkey")
    app.rows(
        "insert into user_profiles (user_id, email, role)"
        f" select gen_random_uuid(), 'gone-' || n || '@example.com', 'admin'"
        f" from generate_series(1, {number}) as n"
    )


@pytest.fixture
def installed(app: App) -> App:
    """An app with the migration."""
    applied(app)
    return app


# -- e-mails -------------------------------------------------------------------------------------


def test_emails_are_corrected_as_planned(installed: App) -> None:
    """The dry run writes nothing, its digest does exactly it, once, and then nothing is left."""
    drifted(installed, 3)
    plan = repair(installed, "repair.emails.plan")
    assert (plan.exit_code, result_of(plan).rows) == (2, 3)
    assert installed.one(DRIFTED) == 3
    digest = result_of(plan).digest
    rehearsed = repair(installed, "repair.emails.rehearse")
    assert (result_of(rehearsed).changed, installed.one(DRIFTED)) == (3, 3)
    run = repair(installed, "repair.emails", approve=digest)
    assert (run.exit_code, result_of(run).changed) == (0, 3), run.error
    assert installed.one(DRIFTED) == 0
    again = repair(installed, "repair.emails", approve=digest)
    assert again.exit_code == 4
    assert "carried out already" in again.error
    assert repair(installed, "repair.emails.plan").exit_code == 0


def test_what_moved_since_the_approval_stops_it(installed: App) -> None:
    """An address that changed since the dry run is exit 4; who signed up later is not in it."""
    ids = drifted(installed, 2)
    digest = result_of(repair(installed, "repair.emails.plan")).digest
    later = installed.user(created_at="2030-01-01T00:00:00Z")
    installed.rows(
        "update user_profiles set email = 'x@example.com' where user_id = %(id)s", id=later
    )
    assert installed.one(DRIFTED) == 3
    installed.rows("update auth.users set email = 'b@example.com' where id = %(id)s", id=ids[0])
    run = repair(installed, "repair.emails", approve=digest)
    assert (run.exit_code, installed.one(DRIFTED)) == (4, 3)
    digest = result_of(repair(installed, "repair.emails.plan")).digest
    installed.rows("update auth.users set created_at = '2031-01-01' where id = %(id)s", id=later)
    assert installed.one(DRIFTED) == 3


def test_who_signed_up_later_neither_joins_nor_stops(installed: App) -> None:
    """A digest is for the users of its time: one who came later stays for the next plan."""
    drifted(installed, 2)
    digest = result_of(repair(installed, "repair.emails.plan")).digest
    later = installed.user(created_at="2030-01-01T00:00:00Z")
    installed.rows(
        "update user_profiles set email = 'x@example.com' where user_id = %(id)s", id=later
    )
    run = repair(installed, "repair.emails", approve=digest)
    assert (run.exit_code, result_of(run).changed) == (0, 2), run.error
    assert installed.one(DRIFTED) == 1


def test_capitals_are_no_drift_and_role_stays(installed: App) -> None:
    """Only the address is written, where it differs by more than capitals."""
    one, other = drifted(installed, 2)
    installed.rows("update user_profiles set role = 'admin', is_active = false")
    installed.rows(
        "update user_profiles p set email = upper(u.email) from auth.users u"
        " where u.id = p.user_id and u.id = %(id)s",
        id=other,
    )
    before = installed.rows("select * from user_profiles where user_id = %(id)s", id=other)
    assert result_of(repair(installed, "repair.emails")).changed == 1
    assert installed.rows("select * from user_profiles where user_id = %(id)s", id=other) == before
    (row,) = installed.rows("select * from user_profiles where user_id = %(id)s", id=one)
    assert (row["role"], row["is_active"]) == ("admin", False)


def test_without_the_migration_nothing_is_changed(app: App) -> None:
    """Where no old value can be kept a repair is exit 3 and says what installs it."""
    drifted(app, 1)
    for operation in ("repair.emails", "repair.orphans", "repair.tokens"):
        run = repair(app, operation)
        assert run.exit_code == 3
        assert "migration.apply" in run.next_steps[0]
    run = repair(app, "restore", run_id="11111111-2222-4333-8444-555555555555")
    assert run.exit_code == 3
    assert app.one(DRIFTED) == 1


def test_an_older_installation_is_upgraded(installed: App) -> None:
    """Before the change with parked profiles repairs refuse; migration.apply brings it."""
    installed.rows("drop table usersync.parked_profiles")
    installed.rows("delete from usersync.ledger where change = '0009_parked_profiles'")
    assert repair(installed, "repair.emails.plan").exit_code == 3
    applied(installed)
    assert repair(installed, "repair.emails.plan").exit_code == 0


def test_more_rows_than_allowed(installed: App) -> None:
    """200 rows and --max-rows 100 are exit 4, nothing written, and the command that allows it."""
    installed.many_users(200)
    installed.rows("update user_profiles set email = 'x' || email")
    run = repair(installed, "repair.emails", max_rows=100, yes=True)
    assert run.exit_code == 4
    assert "--max-rows 200" in run.next_steps[0]
    assert installed.one(DRIFTED) == 200
    assert result_of(repair(installed, "repair.emails", max_rows=200)).changed == 200


def test_production_needs_somebody(installed: App) -> None:
    """In production a repair without a terminal and without an agreement is exit 3."""
    installed.configure(PRODUCTION)
    drifted(installed, 1)
    run = repair(installed, "repair.emails")
    assert (run.exit_code, installed.one(DRIFTED)) == (3, 1)
    assert "--approve" in run.next_steps[0]
    assert result_of(repair(installed, "repair.emails", yes=True)).changed == 1


def test_a_trigger_that_reaches_outside_stops_it(installed: App) -> None:
    """What an update fires is judged as for a sync: exit 4 until the trigger is named."""
    drifted(installed, 1)
    installed.rows(
        "create function public.shout() returns trigger language plpgsql as $$ begin"
        " perform pg_notify('news', new.user_id::text); return new; end $$;"
        "create trigger shout after update on user_profiles for each row execute function shout()"
    )
    run = repair(installed, "repair.emails")
    assert (run.exit_code, installed.one(DRIFTED)) == (4, 1)
    assert "an update fires shout" in run.error
    assert result_of(repair(installed, "repair.emails", fire_triggers=("shout",))).changed == 1


def test_a_row_that_cannot_be_changed_is_isolated(installed: App) -> None:
    """An address that is taken in the profile table is a failed row; the others are done."""
    ids = drifted(installed, 3)
    taken = installed.one("select email from auth.users where id = %(id)s", id=ids[0])
    installed.rows("alter table user_profiles add constraint one_email unique (email)")
    other = installed.user()
    installed.rows("delete from user_profiles where user_id = %(id)s", id=other)
    installed.rows("update auth.users set email = null where id = %(id)s", id=other)
    installed.rows(
        "insert into user_profiles (user_id, email) values (%(id)s, %(email)s)",
        id=other, email=taken,
    )  # fmt: skip
    installed.rows("update auth.users set deleted_at = now() where id = %(id)s", id=other)
    run = repair(installed, "repair.emails")
    assert run.exit_code == 2
    assert (result_of(run).changed, result_of(run).failed) == (2, 1)
    (step,) = [step for step in run.steps if step.status == "failed"]
    assert "23505 unique_violation one_email" in step.detail
    assert taken not in json.dumps([step.detail for step in run.steps])


def test_a_concurrent_change_is_not_overwritten(installed: App) -> None:
    """An address that changes while the repair waits for its user is left to the next plan."""
    (user_id,) = drifted(installed, 1)
    with psycopg.connect(installed.url) as session:
        session.execute("alter table user_profiles disable trigger user")
        session.execute(
            "update auth.users set email = 'newest@example.com' where id = %s", [user_id]
        )
        with started(installed, "repair.emails") as command:
            until(
                lambda: installed.rows(
                    "select pid from pg_stat_activity where wait_event_type = 'Lock'"
                    " and datname = current_database() and application_name = 'usersync'"
                ),
                "the repair to wait",
            )
            session.commit()
            code, text, errors = command.end()
    assert code == 2, text + errors
    assert "changed by somebody else meanwhile" in text
    assert result_of(repair(installed, "repair.emails")).changed == 1
    assert installed.one("select email from user_profiles where email like 'newest%%'")


def test_only_one_at_a_time(installed: App) -> None:
    """While another run holds the target a repair is exit 7."""
    drifted(installed, 1)
    with psycopg.connect(installed.url) as session:
        session.execute("select pg_advisory_xact_lock(hashtextextended('usersync:target', 0))")
        assert repair(installed, "repair.emails").exit_code == 7
    assert repair(installed, "repair.emails").exit_code == 0


def test_kill_9_in_the_middle_and_again(installed: App) -> None:
    """After kill -9 what was committed has its old values kept, and a second run does the rest."""
    installed.many_users(300)
    installed.rows("update user_profiles set email = 'old-' || email")
    installed.rows(
        "create function public.slowly() returns trigger language plpgsql as $$ begin"
        " perform pg_sleep(0.004); return new; end $$;"
        "create trigger slowly before update on user_profiles"
        " for each row execute function slowly()"
    )
    with started(installed, "repair.emails") as command:
        until(lambda: installed.one(DRIFTED) < 300, "the first batch")
        command.send(signal.SIGKILL)
        assert command.end()[0] == -signal.SIGKILL
    until(lambda: not backends(installed), "the server to notice")
    left = installed.one(DRIFTED)
    assert 0 < left < 300
    assert installed.one("select count(*) from usersync.before_images") == 300 - left
    assert result_of(repair(installed, "repair.emails")).changed == left
    assert installed.one(DRIFTED) == 0
    killed = installed.one("select run_id::text from usersync.journal order by id limit 1 offset 0")
    runs = installed.rows(
        "select run_id::text as id from usersync.before_images group by 1 order by min(id)"
    )
    assert killed
    for run in runs:
        assert repair(installed, "restore", run_id=run["id"]).exit_code == 0
    assert installed.one(DRIFTED) == 300


# -- restore -------------------------------------------------------------------------------------


def test_restore_puts_back_what_has_not_changed_since(installed: App) -> None:
    """Old values come back where the row is as the run left it; the others are listed, exit 2."""
    one, two, three = drifted(installed, 3)
    before = {one: "", two: ""}
    for user_id in before:
        before[user_id] = installed.one(
            "select email from user_profiles where user_id = %(id)s", id=user_id
        )
    run = repair(installed, "repair.emails")
    installed.rows(
        "update user_profiles set email = 'hers@example.com' where user_id = %(id)s", id=two
    )
    installed.rows("delete from user_profiles where user_id = %(id)s", id=three)
    plan = repair(installed, "restore.plan", run_id=run.run_id)
    assert (result_of(plan).rows, result_of(plan).blocked) == (1, 2)
    restored = repair(installed, "restore", run_id=run.run_id)
    assert restored.exit_code == 2
    emails = {
        row["id"]: row["email"]
        for row in installed.rows("select user_id::text as id, email from user_profiles")
    }
    assert emails == {one: before[one], two: "hers@example.com"}
    told = {step.user_id: step.detail for step in restored.steps}
    assert "changed since then: email" in told[two]
    assert "the row is gone" in told[three]
    # And a restore is a run like any other.
    assert result_of(repair(installed, "restore", run_id=restored.run_id)).changed == 1
    assert installed.one(DRIFTED) == 1


def test_restore_of_what_is_not_kept(installed: App) -> None:
    """No run of that id, and old values older than they are kept, are exit 3."""
    assert repair(installed, "restore", run_id="nonsense").exit_code == 3
    unknown = "11111111-2222-4333-8444-555555555555"
    assert repair(installed, "restore", run_id=unknown).exit_code == 3
    drifted(installed, 1)
    run = repair(installed, "repair.emails")
    installed.rows("update usersync.before_images set at = now() - interval '91 days'")
    drifted(installed, 1)
    repair(installed, "repair.emails")
    assert repair(installed, "restore", run_id=run.run_id).exit_code == 3


def test_restored_once_is_restored(installed: App) -> None:
    """The second time there is nothing to put back, and nothing to tell of: exit 0."""
    drifted(installed, 2)
    run = repair(installed, "repair.emails")
    assert repair(installed, "restore", run_id=run.run_id).exit_code == 0
    before = installed.rows("select * from user_profiles order by user_id")
    again = repair(installed, "restore", run_id=run.run_id)
    assert (again.exit_code, result_of(again).rows, result_of(again).blocked) == (0, 0, 0)
    assert installed.rows("select * from user_profiles order by user_id") == before


def test_an_old_value_that_somebody_else_has_now(installed: App) -> None:
    """It is a failed row with its constraint, and the others come back."""
    one, two = drifted(installed, 2)
    taken = installed.one("select email from user_profiles where user_id = %(id)s", id=one)
    run = repair(installed, "repair.emails")
    installed.rows("alter table user_profiles add constraint one_email unique (email)")
    other = installed.user(email=taken)
    installed.rows(
        "insert into user_profiles (user_id, email) values (%(id)s, %(email)s)"
        " on conflict (user_id) do nothing", id=other, email=taken,
    )  # fmt: skip
    restored = repair(installed, "restore", run_id=run.run_id)
    assert restored.exit_code == 2
    assert (result_of(restored).changed, result_of(restored).failed) == (1, 1)
    (step,) = (step for step in restored.steps if step.status == "failed")
    assert (step.user_id, "23505 unique_violation one_email" in step.detail) == (one, True)
    assert installed.one(DRIFTED) == 1
    assert installed.one("select email from user_profiles where user_id = %(id)s", id=two)


def test_a_row_that_moves_while_the_restore_waits(installed: App) -> None:
    """What somebody writes meanwhile stays, and is told."""
    (user_id,) = drifted(installed, 1)
    run = repair(installed, "repair.emails")
    with psycopg.connect(installed.url) as session:
        session.execute(
            "update user_profiles set email = 'hers@example.com' where user_id = %s", [user_id]
        )
        with started(installed, "restore", run.run_id) as command:
            until(
                lambda: installed.rows(
                    "select pid from pg_stat_activity where wait_event_type = 'Lock'"
                    " and datname = current_database() and application_name = 'usersync'"
                ),
                "the restore to wait",
            )
            session.commit()
            code, text, errors = command.end()
    assert code == 2, text + errors
    assert "changed by somebody else meanwhile" in text
    assert installed.one("select email from user_profiles") == "hers@example.com"


#: What may become of the table, and what is told then.
MOVED = {
    "the column": (
        "alter table user_profiles drop column email",
        "profiles: [{table: user_profiles, key: user_id, columns: {}}]",
        (2, "changed since then: email"),
    ),
    "its name": (
        "alter table user_profiles rename to members",
        "profiles: [{table: members, key: user_id, columns: {email: email}}]",
        (3, "which is no profile table of this configuration"),
    ),
    "its type": (
        "alter table user_profiles alter email type integer using length(email)",
        "profiles: [{table: user_profiles, key: user_id}]",
        (2, "changed since then: email"),
    ),
}


@pytest.mark.parametrize(("statement", "file", "told"), MOVED.values(), ids=MOVED)
def test_restore_after_the_table_moved_on(
    installed: App, statement: str, file: str, told: tuple[int, str]
) -> None:
    """Nothing is written where there is no place for an old value any more, and it is said."""
    drifted(installed, 2)
    run = repair(installed, "repair.emails")
    installed.rows(statement)
    installed.configure(file)
    table = "members" if "members" in file else "user_profiles"
    before = installed.rows(f"select * from {table} order by user_id")
    for operation in ("restore.plan", "restore"):
        restored = repair(installed, operation, run_id=run.run_id)
        words = [restored.error, *(step.detail for step in restored.steps)]
        assert restored.exit_code == told[0], restored.error
        assert any(told[1] in one for one in words), words
    assert installed.rows(f"select * from {table} order by user_id") == before


# -- orphans -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("task", "table", "breaks", "kept"),
    [
        ("repair.emails", "before_images", "new.image := '{}'", "before_images"),
        ("repair.emails", "before_images", "return null", "before_images"),
        ("repair.orphans", "parked_profiles", "new.profile := '{}'", "parked_profiles"),
        ("repair.orphans", "parked_profiles", "return null", "parked_profiles"),
    ],
)
def test_what_cannot_be_read_back_is_not_touched(
    installed: App, task: str, table: str, breaks: str, kept: str
) -> None:
    """A row whose old values are not kept as they were stays as it is, and the run says so."""
    drifted(installed, 2)
    orphans(installed, 2)
    before = installed.rows("select * from user_profiles order by user_id")
    # Postgres keeps the schema closed to others; this is what a mishap there would look like.
    installed.rows(
        "create function public.mishap() returns trigger language plpgsql as"
        f" $$ begin {breaks}; return new; end $$"
    )
    installed.rows(
        f"create trigger mishap before insert on usersync.{table}"
        " for each row execute function public.mishap()"
    )
    run = repair(installed, task)
    result = result_of(run)
    assert (run.exit_code, result.changed, result.failed) == (2, 0, 2), run.error
    assert kept in report.terminal(run)
    assert installed.rows("select * from user_profiles order by user_id") == before


def test_orphans_are_parked_and_put_back(installed: App) -> None:
    """Whole rows go and come back to the last column; --restore waits for the user to exist."""
    orphans(installed, 3)
    installed.user()
    before = installed.rows("select * from user_profiles order by user_id")
    run = repair(installed, "repair.orphans")
    assert (run.exit_code, result_of(run).changed) == (0, 3), run.error
    assert installed.status().orphans == 0
    assert repair(installed, "repair.orphans.plan", restore=True).exit_code == 2
    back = repair(installed, "repair.orphans", restore=True)
    assert (result_of(back).changed, result_of(back).blocked) == (0, 3)
    key = installed.one("select key::text from usersync.parked_profiles order by id limit 1")
    installed.user(id=key)
    installed.rows("delete from user_profiles where user_id = %(id)s", id=key)
    assert result_of(repair(installed, "repair.orphans", restore=True)).changed == 1
    undone = repair(installed, "restore", run_id=run.run_id)
    assert (undone.exit_code, result_of(undone).changed) == (0, 2)
    assert installed.rows("select * from user_profiles order by user_id") == before


def test_a_key_that_is_taken_stays_parked(installed: App) -> None:
    """A parked profile whose user got a new profile meanwhile is named and stays parked."""
    orphans(installed, 1)
    repair(installed, "repair.orphans")
    installed.user(id=installed.one("select key::text from usersync.parked_profiles"))
    run = repair(installed, "repair.orphans", restore=True)
    assert (run.exit_code, result_of(run).blocked) == (2, 1)
    assert "there is a profile with this key" in run.steps[0].detail


def test_a_parked_profile_of_another_shape(installed: App) -> None:
    """A new column has its default; without that, or without a place for a value, it stays."""
    orphans(installed, 1)
    installed.rows("alter table user_profiles add gone text default 'kept'")
    run = repair(installed, "repair.orphans")
    installed.rows("alter table user_profiles add later text not null")
    lacking = repair(installed, "restore", run_id=run.run_id)
    assert (lacking.exit_code, result_of(lacking).failed) == (2, 1)
    assert "23502 not_null_violation later" in lacking.steps[0].detail
    installed.rows("alter table user_profiles alter later set default 'new'")
    installed.rows("alter table user_profiles drop gone")
    shorter = repair(installed, "restore", run_id=run.run_id)
    assert shorter.exit_code == 2, shorter.error
    assert "columns that the table has no more: gone" in shorter.steps[0].detail
    assert installed.one("select count(*) from user_profiles") == 0
    installed.rows("alter table user_profiles add gone text")
    assert repair(installed, "restore", run_id=run.run_id).exit_code == 0
    (row,) = installed.rows("select gone, later, role from user_profiles")
    assert row == {"gone": "kept", "later": "new", "role": "admin"}


@pytest.mark.parametrize("on_delete", ["no action", "cascade", "set null"])
def test_an_orphan_that_others_refer_to_stays(installed: App, on_delete: str) -> None:
    """A profile with rows of other tables is named, not moved, whatever a delete would do."""
    orphans(installed, 2)
    installed.rows(
        "create table posts (id int primary key, author uuid references user_profiles (user_id)"
        f" on delete {on_delete})"
    )
    installed.rows("insert into posts select 1, user_id from user_profiles limit 1")
    run = repair(installed, "repair.orphans")
    assert (run.exit_code, result_of(run).changed, result_of(run).blocked) == (2, 1, 1)
    assert "rows refer to it: public.posts" in run.steps[0].detail
    assert installed.one("select count(*) from posts where author is not null") == 1


def test_a_trigger_that_keeps_the_row_is_a_failure(installed: App) -> None:
    """Where a trigger swallows the delete nothing is parked either."""
    orphans(installed, 1)
    installed.rows(
        "create function public.keep() returns trigger language plpgsql as $$ begin"
        " return null; end $$;"
        "create trigger keep before delete on user_profiles for each row execute function keep()"
    )
    run = repair(installed, "repair.orphans")
    assert (run.exit_code, result_of(run).failed) == (2, 1)
    assert installed.one("select count(*) from usersync.parked_profiles") == 0


# -- tokens --------------------------------------------------------------------------------------


def test_null_tokens_become_empty_and_come_back(installed: App) -> None:
    """Every token that the Auth server cannot read as null is '', nothing else is touched."""
    fine = installed.user(recovery_token="pending")
    bad = installed.user(confirmation_token=None, phone_change=None, recovery_token="abc")
    before = installed.rows("select * from auth.users order by id")
    run = repair(installed, "repair.tokens")
    assert (run.exit_code, result_of(run).changed) == (0, 1), run.error
    (row,) = installed.rows("select * from auth.users where id = %(id)s", id=bad)
    assert (row["confirmation_token"], row["phone_change"], row["recovery_token"]) == (
        "",
        "",
        "abc",
    )
    assert [step.user_id for step in run.steps] == [bad]
    assert fine
    assert repair(installed, "repair.tokens.plan").exit_code == 0
    assert repair(installed, "restore", run_id=run.run_id).exit_code == 0
    assert installed.rows("select * from auth.users order by id") == before


def test_tokens_of_users_who_moved_on(installed: App) -> None:
    """A token that was set since stays, a user who is gone is named, the others come back."""
    still, sent, gone = (installed.user(recovery_token=None) for _ in range(3))
    run = repair(installed, "repair.tokens")
    installed.rows("update auth.users set recovery_token = 'sent' where id = %(id)s", id=sent)
    installed.rows("delete from auth.users where id = %(id)s", id=gone)
    restored = repair(installed, "restore", run_id=run.run_id)
    assert restored.exit_code == 2
    tokens = installed.rows("select id::text, recovery_token as token from auth.users")
    assert {row["id"]: row["token"] for row in tokens} == {still: None, sent: "sent"}
    told = {step.user_id: step.detail for step in restored.steps}
    assert "changed since then: recovery_token" in told[sent]
    assert "the row is gone" in told[gone]


# -- sync --no-preserve --------------------------------------------------------------------------

MAPPED = """
profiles:
  - table: user_profiles
    key: user_id
    columns:
      email: email
      name: user_metadata.full_name
      age: user_metadata.age
      plan: {literal: free}
      nick: [user_metadata.nick, {literal: anybody}]
    role: {column: role, default: user, allowed: [user, admin]}
"""


@pytest.fixture
def mapped(app: App) -> App:
    """An app whose profiles take much from auth data."""
    app.rows("alter table user_profiles add name text, add age int, add plan text, add nick text")
    app.configure(MAPPED)
    applied(app)
    return app


def overwrite(app: App, way: str = "", **options: Any) -> Run:
    """``sync --no-preserve``."""
    return app.run(f"sync.overwrite{way}", task="sync", options=SyncOptions(**options))


def test_no_preserve_rewrites_auth_data_and_nothing_else(mapped: App) -> None:
    """Columns of auth data follow the user; role, literals, defaults and absent keys stay."""
    user_id = mapped.user(raw_user_meta_data={"full_name": "Ada", "age": "36"})
    mapped.rows(
        "update user_profiles set email = 'x', name = 'old', age = 1, plan = 'paid', nick = 'a',"
        " role = 'admin', is_active = false"
    )
    plan = overwrite(mapped, ".plan")
    assert (plan.exit_code, result_of(plan).rows) == (2, 1)
    digest = result_of(plan).digest
    run = overwrite(mapped, approve=digest)
    assert run.exit_code == 0, run.error
    assert result_of(run).changed == 1
    (row,) = mapped.rows("select * from user_profiles where user_id = %(id)s", id=user_id)
    assert (row["name"], row["age"], row["email"][:5]) == ("Ada", 36, "user-")
    kept = (row["plan"], row["nick"], row["role"], row["is_active"])
    assert kept == ("paid", "a", "admin", False)
    assert overwrite(mapped, ".plan").exit_code == 0
    assert repair(mapped, "restore", run_id=run.run_id).exit_code == 0
    (row,) = mapped.rows("select * from user_profiles where user_id = %(id)s", id=user_id)
    assert (row["name"], row["age"], row["email"]) == ("old", 1, "x")


def test_no_preserve_creates_too(mapped: App) -> None:
    """Missing profiles are created in the same run, and the summary says both."""
    user_id = mapped.user()
    mapped.user()
    mapped.rows("update user_profiles set email = 'x'")
    mapped.rows("delete from user_profiles where user_id = %(id)s", id=user_id)
    with started(mapped, "sync", "--no-preserve") as command:
        code, text, errors = command.end()
    assert code == 0, text + errors
    assert "Profiles Created:     1" in text
    assert "Profiles Updated:     1" in text
    assert "to take it back: " in text
    assert text.index("Execution Time:") < text.index("Profiles Updated:")


def test_max_rows_counts_what_is_created_and_rewritten_together(mapped: App) -> None:
    """Two to create and two to rewrite are four rows: a limit of three stops before the first."""
    ids = [mapped.user() for _ in range(4)]
    mapped.rows("update user_profiles set email = 'x'")
    mapped.rows("delete from user_profiles where user_id = any (%(ids)s::uuid[])", ids=ids[:2])
    plan = overwrite(mapped, ".plan", max_rows=3)
    (table,) = plan.tables
    assert table.plan is not None
    assert table.repair is not None
    guards = [guard.message for guard in (*table.plan.guards, *table.repair.guards)]
    (guard,) = guards
    assert guard.startswith("2 profiles would be created and 2 profiles would be rewritten from")
    assert guard.endswith("auth data, together more than the 3 allowed")
    assert "--max-rows 4" in plan.next_steps[0]
    assert "--max-rows 3" not in plan.next_steps[0]
    run = overwrite(mapped, max_rows=3)
    assert run.exit_code == 4
    assert run.next_steps == ("to allow it: invoke sync --no-preserve --max-rows 4",)
    assert mapped.one("select count(*) from user_profiles where email = 'x'") == 2
    assert mapped.one("select count(*) from user_profiles") == 2
    done = overwrite(mapped, max_rows=4)
    assert done.exit_code == 0, done.error
    assert mapped.one("select count(*) from user_profiles where email <> 'x'") == 4


def test_max_rows_of_many_that_are_created(mapped: App) -> None:
    """What would only be created has one guard too, whose command still rewrites."""
    for _ in range(3):
        mapped.user()
    mapped.rows("delete from user_profiles")
    plan = overwrite(mapped, ".plan", max_rows=2)
    (table,) = plan.tables
    assert table.plan is not None
    assert table.repair is not None
    (guard,) = (*table.plan.guards, *table.repair.guards)
    assert guard.next_step == "invoke sync --no-preserve --max-rows 3"
    assert overwrite(mapped, max_rows=2).exit_code == 4
    assert mapped.one("select count(*) from user_profiles") == 0


def test_a_row_that_moved_in_one_column_stays_whole(mapped: App) -> None:
    """Old values come back together or not at all; the column that moved is named."""
    user_id = mapped.user(raw_user_meta_data={"full_name": "Ada", "age": "36"})
    mapped.rows("update user_profiles set name = 'old', age = 1")
    run = overwrite(mapped)
    mapped.rows("update user_profiles set name = 'Lady Ada'")
    restored = repair(mapped, "restore", run_id=run.run_id)
    assert restored.exit_code == 2
    assert [(step.user_id, step.detail) for step in restored.steps] == [
        (user_id, "stays: changed since then: name")
    ]
    (row,) = mapped.rows("select name, age from user_profiles")
    assert row == {"name": "Lady Ada", "age": 36}


def test_a_value_that_does_not_fit_costs_its_row(mapped: App) -> None:
    """An age that is no number is named with its SQLSTATE, and the others are rewritten."""
    mapped.user(raw_user_meta_data={"age": "36"})
    bad = mapped.user()
    mapped.rows(
        'update auth.users set raw_user_meta_data = \'{"age": "::add-mask::x"}\' where id = %(id)s',
        id=bad,
    )
    mapped.rows("update user_profiles set age = 1")
    run = overwrite(mapped)
    assert (run.exit_code, result_of(run).changed, result_of(run).blocked) == (2, 1, 1)
    (step,) = [step for step in run.steps if step.status == "finding"]
    assert "22P02" in step.detail
    assert step.user_id == bad


def test_never_in_production(mapped: App) -> None:
    """In production --no-preserve is exit 3, whatever else is given."""
    mapped.configure(PRODUCTION + MAPPED)
    mapped.user()
    mapped.rows("update user_profiles set email = 'x'")
    for way in ("", ".plan", ".rehearse"):
        run = overwrite(mapped, way, yes=True, approve="a+b", max_rows=9)
        assert run.exit_code == 3
        assert "never in production" in run.error
    assert mapped.one("select count(*) from user_profiles where email = 'x'") == 1


def test_user_data_cannot_act_in_output(installed: App) -> None:
    """An address with escapes and workflow commands reaches no output as it is."""
    user_id = installed.user(email="\x1b[31mevil::warning::@example.com")
    installed.rows(
        "update user_profiles set email = 'a::error::@\x1b]0;t' where user_id = %(id)s", id=user_id
    )
    with started(installed, "repair.emails", "--dry-run") as command:
        _, text, errors = command.end()
    assert "becomes" in text
    assert "\x1b" not in text + errors
    assert "::error" not in text
    assert "evil" not in text


def test_forgotten_users_leave_no_old_values(installed: App) -> None:
    """journal.forget takes the old values of a user's rows out too."""
    (user_id,) = drifted(installed, 1)
    repair(installed, "repair.emails")
    assert installed.one("select count(*) from usersync.before_images") == 1
    installed.run("journal.forget", task="journal.forget", user_id=user_id)
    assert installed.one("select count(*) from usersync.before_images") == 0


# -- several tables, and what a person sees ------------------------------------------------------

TWO = """
profiles:
  - {table: user_profiles, key: user_id, columns: {email: email}}
  - {table: members, key: id, columns: {mail: email}}
"""


def test_several_tables(app: App) -> None:
    """Each table is corrected, its rows told with its name; restore takes all of the run back."""
    app.rows("create table members (id uuid primary key references auth.users (id), mail text)")
    app.configure(TWO)
    applied(app)
    app.user()
    app.rows("update user_profiles set email = 'x'; update members set mail = 'y'")
    assert repair(app, "repair.emails", approve="1-x").exit_code == 3
    run = repair(app, "repair.emails")
    assert [table.repair.changed for table in run.tables if table.repair] == [1, 1], run.error
    assert run.steps[1].detail.startswith("public.members(id): corrected")
    restored = repair(app, "restore", run_id=run.run_id)
    assert restored.exit_code == 0, restored.error
    assert app.one("select email from user_profiles") == "x"
    assert app.one("select mail from members") == "y"


def test_what_a_person_reads(installed: App) -> None:
    """Plan and repair on a terminal: counts, masked rows, digest, and the command back."""
    drifted(installed, 2)
    with started(installed, "repair.emails", "--dry-run") as command:
        code, text, _ = command.end()
    assert code == 2
    assert "=== E-mails Of Profiles (Plan) ===\nRows To Change:       2\n" in text
    assert text.count("o***@example.com becomes u***@example.com") == 2
    digest = text.partition("Digest: ")[2].split()[0]
    assert f"--approve {digest}" in text
    with started(installed, "repair.emails", "--approve", digest) as command:
        code, text, _ = command.end()
    assert code == 0
    assert "Rows Changed:         2\n" in text
    back = text.partition("to take it back: invoke ")[2].split()
    with started(installed, *back[:3]) as command:
        code, text, _ = command.end()
    assert (code, "Rows To Change:       2\n" in text) == (2, True), text


def test_a_run_is_meant_by_every_spelling_of_its_id(installed: App) -> None:
    """The eight characters that outputs show mean a run, and so does its id in capitals."""
    drifted(installed, 1)
    run_id = repair(installed, "repair.emails").run_id
    for typed in (run_id[:8], run_id.upper(), f"{{{run_id}}}"):
        planned = repair(installed, "restore.plan", run_id=typed)
        assert (planned.exit_code, result_of(planned).rows) == (2, 1), planned.error


def test_a_start_that_several_runs_have_means_none(installed: App) -> None:
    """Two runs whose ids begin alike: exit 3, both named, nothing taken back."""
    drifted(installed, 1)
    first = repair(installed, "repair.emails").run_id
    second = f"{first[:8]}-0000-4000-8000-00000000abcd"
    installed.rows(
        "insert into usersync.before_images (run_id, object, key, image)"
        " select %(id)s, object, key, image from usersync.before_images",
        id=second,
    )
    run = repair(installed, "restore.plan", run_id=first[:8])
    assert run.exit_code == 3
    assert first in run.error
    assert second in run.error


def test_status_names_the_runbooks(installed: App) -> None:
    """What status finds leads to the procedure that mends it."""
    drifted(installed, 1)
    orphans(installed, 1)
    checks = installed.run("status").tables[0].checks
    named = {check.check: check.runbook for check in checks if check.count}
    assert named == {"orphan_profile": "orphan-profiles", "email_drift": "emails-drifted"}


# -- how long it is kept --------------------------------------------------------------------------

AGED = """
insert into usersync.before_images (at, run_id, object, key, image)
select now() - make_interval(days => days), gen_random_uuid(), object, '', image::jsonb
from (values
    (80, 'public.user_profiles(user_id)', '{"before": {}, "after": {}}'),
    (91, 'public.user_profiles(user_id)', '{"before": {}, "after": {}}'),
    (400, 'function public.handle_new_user()', '{"definition": ""}')
) as i (days, object, image);
insert into usersync.parked_profiles (at, run_id, profile_table, key, profile, restored_at)
select now() - make_interval(days => days), gen_random_uuid(), 'public.user_profiles(user_id)',
    gen_random_uuid(), '{}', now() - make_interval(days => restored)
from (values (200, 80), (200, 100), (1000, null), (366, null), (300, null)) as q (days, restored);
"""

KEPT = """
select array_agg(kept order by kept) as kept from (
    select 'image ' || (now()::date - at::date) from usersync.before_images
    where key = '' and at < now() - interval '1 day'
    union all
    select concat(
        'parked ', now()::date - at::date, case when restored_at is not null then ' back' end
    )
    from usersync.parked_profiles where at < now() - interval '1 day'
) as k (kept)
"""


def test_old_values_are_kept_as_long_as_configured(installed: App) -> None:
    """The plan tells what goes besides, the run does that, and no last copy is among it."""
    installed.rows(AGED)
    drifted(installed, 1)
    planned = repair(installed, "repair.emails.plan")
    assert planned.notes == (
        (
            "A repair that changes something removes besides: 2 old values"
            " (journal.before_images_days = 90)"
        ),
        "Nothing was written.",
    )
    run = repair(installed, "repair.emails")
    assert run.steps[0].detail == "removed 2 old values (journal.before_images_days = 90)"
    assert installed.one(KEPT) == [
        "image 400", "image 80", "parked 1000", "parked 200 back", "parked 300", "parked 366",
    ]  # fmt: skip
    assert repair(installed, "repair.emails.plan").notes == ("Nothing was written.",)


def test_parked_profiles_go_only_where_somebody_said_when(installed: App) -> None:
    """Plan and doctor tell how many and when; the journal counts them, in the same transaction."""
    installed.configure("journal: {parked_days: 365}\n")
    installed.rows(AGED)
    next_at = installed.one(
        "select at + interval '365 days' from usersync.parked_profiles"
        " where at > now() - interval '365 days' and restored_at is null"
    )
    orphans(installed, 1)
    planned = repair(installed, "repair.orphans.plan")
    coming = (
        (
            "A repair that changes something removes besides: 2 old values"
            " (journal.before_images_days = 90), for good 2 parked profiles"
            " (journal.parked_days = 365)"
        ),
        (
            f"The next parked profile goes for good at {next_at:%Y-%m-%dT%H:%M:%SZ}, or with the"
            " first repair after that: journal.parked_days = 365"
        ),
        ("to keep one, put it back: invoke repair.orphans --restore; or raise journal.parked_days"),
    )
    assert planned.notes == (*coming, "Nothing was written.")
    assert set(coming) <= set(installed.run("doctor").notes)
    rehearsed = repair(installed, "repair.orphans.rehearse")
    assert rehearsed.exit_code == 2
    assert "parked 1000" in installed.one(KEPT)
    run = repair(installed, "repair.orphans")
    assert run.exit_code == 0, run.error
    assert run.steps[0].name == "retention"
    assert run.steps[0].detail.endswith("for good 2 parked profiles (journal.parked_days = 365)")
    assert installed.one(KEPT) == ["image 400", "image 80", "parked 200 back", "parked 300"]
    counted = installed.rows(
        "select counts from usersync.journal where run_id = %(run)s order by id", run=run.run_id
    )
    assert {"old values removed": 2, "parked removed": 2} in [row["counts"] for row in counted]


def test_what_goes_is_told_where_nothing_is_repaired(installed: App) -> None:
    """Where a plan has nothing to do nothing goes, and only the doctor tells what would."""
    installed.configure("journal: {parked_days: 365}\n")
    installed.rows(AGED)
    assert repair(installed, "repair.orphans.plan").notes == ("Nothing was written.",)
    assert repair(installed, "repair.orphans").exit_code == 0
    assert "parked 1000" in installed.one(KEPT)
    installed.configure("")
    assert not any("parked" in note for note in installed.run("doctor").notes)


@pytest.mark.parametrize("what", ["parked", "run"])
def test_what_is_due_can_be_put_back(installed: App, what: str) -> None:
    """Whatever age it has: putting something back removes nothing, and says that of nothing."""
    if what == "parked":
        orphans(installed, 1)
        assert repair(installed, "repair.orphans").exit_code == 0
        gone = installed.one("select key::text from usersync.parked_profiles")
        installed.user(id=gone)
        installed.rows("delete from public.user_profiles where user_id = %(id)s", id=gone)
        installed.rows("update usersync.parked_profiles set at = now() - interval '400 days'")
        installed.configure("journal: {parked_days: 365}\n")
        task: str = "repair.orphans"
        given: dict[str, Any] = {"restore": True}
    else:
        drifted(installed, 1)
        run_id = repair(installed, "repair.emails").run_id
        installed.rows("update usersync.before_images set at = now() - interval '400 days'")
        task, given = "restore", {"run_id": run_id}
    planned = repair(installed, f"{task}.plan", **given)
    assert planned.notes == ("Nothing was written.",)
    run = repair(installed, task, **given)
    assert (run.exit_code, run.error) == (0, "")
    assert "retention" not in [step.name for step in run.steps]
    assert result_of(run).changed == 1


def test_no_more_goes_than_was_approved(installed: App) -> None:
    """A parked profile that comes to its end after the plan makes the digest stale: exit 4."""
    orphans(installed, 2)
    assert repair(installed, "repair.orphans").exit_code == 0
    installed.configure("journal: {parked_days: 365}\n")
    drifted(installed, 1)
    planned = repair(installed, "repair.emails.plan")
    installed.rows("update usersync.parked_profiles set at = now() - interval '400 days'")
    run = repair(installed, "repair.emails", approve=planned.digest)
    assert run.exit_code == 4, run.steps
    assert installed.one("select count(*) from usersync.parked_profiles") == 2
    told = repair(installed, "repair.emails.plan")
    run = repair(installed, "repair.emails", approve=told.digest)
    assert run.exit_code == 0, run.error
    assert installed.one("select count(*) from usersync.parked_profiles") == 0
