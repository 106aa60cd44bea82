"""The migration as its tasks run it, for tests."""

from __future__ import annotations

from typing import Any

from tests.app import App
from usersync.migration import ApplyOptions, ExportOptions, RollbackOptions
from usersync.model import Run

PRODUCTION = """
targets:
  production: {environment: production, db_url_env: SUPABASE_DB_URL}
"""

#: Every trigger on auth.users that somebody made.
TRIGGERS = """
select coalesce(array_agg(tgname::text order by tgname), '{}') from pg_trigger
where tgrelid = 'auth.users'::regclass and not tgisinternal
"""


def apply(app: App, **options: Any) -> Run:
    """``migration.apply``, whatever comes of it."""
    return app.run("migration.apply", task="migration.apply", options=ApplyOptions(**options))


def applied(app: App, **options: Any) -> Run:
    """``migration.apply``, which succeeds."""
    run = apply(app, yes=True, **options)
    assert run.exit_code == 0, run.error
    return run


def plan(app: App, **options: Any) -> Run:
    """``migration.apply --dry-run``."""
    return app.run("migration.plan", task="migration.apply", options=ApplyOptions(**options))


def statements(app: App, **options: Any) -> str:
    """``migration.apply --sql``."""
    return app.run(
        "migration.plan", task="migration.apply", options=ApplyOptions(**options), statements=True
    ).statements


def rollback(app: App, **options: Any) -> Run:
    """``migration.rollback``, whatever comes of it."""
    return app.run(
        "migration.rollback", task="migration.rollback", options=RollbackOptions(**options)
    )


def plan_rollback(app: App, **options: Any) -> Run:
    """``migration.rollback --dry-run``."""
    return app.run(
        "migration.rollback.plan", task="migration.rollback", options=RollbackOptions(**options)
    )


def export(app: App, **options: Any) -> Run:
    """``migration.export``."""
    return app.run("migration.export", task="migration.export", options=ExportOptions(**options))


def digest(run: Run) -> str:
    """What a dry run printed for --approve."""
    (line,) = (note for note in run.notes if note.startswith("Digest: "))
    return line.removeprefix("Digest: ")


def states(run: Run) -> dict[str, str]:
    """The state of each change."""
    return {change.name: change.state for change in run.changes}


def done(run: Run) -> list[str]:
    """What a run did, in its order."""
    return [step.name for step in run.steps]


def triggers(app: App) -> list[str]:
    """The triggers on auth.users."""
    return list(app.one(TRIGGERS))


def has_schema(app: App, name: str = "usersync") -> bool:
    """Whether a schema is there."""
    return bool(app.one("select count(*) from pg_namespace where nspname = %(name)s", name=name))
