"""The migration: what it installs works, it can be applied twice, and taken out without a trace."""

from __future__ import annotations

from typing import Any

import pytest

from tests.app import App
from usersync.migration import ApplyOptions
from usersync.model import Run

TRIGGERS = """
select tgname from pg_trigger where tgrelid = 'auth.users'::regclass and not tgisinternal
order by 1
"""


def applied(app: App, **options: Any) -> Run:
    """The migration, applied."""
    run = app.run(
        "migration.apply", task="migration.apply", options=ApplyOptions(yes=True, **options)
    )
    assert run.exit_code == 0, run.error
    return run


def states(run: Run) -> dict[str, str]:
    """The state of each change."""
    return {change.name: change.state for change in run.changes}


@pytest.mark.parametrize("grants", ["explicit", "legacy"])
def test_applied_it_gives_new_users_their_profile(app: App) -> None:
    """After apply a sign-up makes a profile, in both grant regimes; a second apply does nothing."""
    run = applied(app)
    assert set(states(run).values()) == {"applied"}, run
    user = app.user()
    assert app.one("select user_id::text from public.user_profiles") == user
    again = applied(app)
    assert again.steps == ()
    assert "Nothing to do" in again.notes[0]
