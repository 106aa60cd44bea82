"""The second door: the same answers over the project's API as over a database connection."""

from __future__ import annotations

import pytest

from tests.api_server import SERVICE_KEY, Api, api
from tests.app import App
from tests.migrated import applied

__all__ = ["api"]


@pytest.fixture
def over(app: App, api: Api, monkeypatch: pytest.MonkeyPatch) -> App:
    """An app with the migration installed, reached over its API from now on."""
    applied(app)
    monkeypatch.delenv("SUPABASE_DB_URL")
    monkeypatch.setenv("SUPABASE_URL", api.url)
    monkeypatch.setenv("SUPABASE_SERVICE_ROLE_KEY", SERVICE_KEY)
    return app


def test_status(over: App) -> None:
    """Counts, since when and findings come over the API."""
    users = over.users(4)
    over.rows(f"delete from public.user_profiles where user_id = '{users[0]}'")
    run = over.run("status")
    assert not run.error, (run.error, run.next_steps)
    status = over.status()
    assert (status.total, status.existing, status.missing) == (4, 3, 1)
