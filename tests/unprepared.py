"""A project before the migration, reached over its API, and what happens to its users."""

from __future__ import annotations

from typing import Any

import pytest

from tests.api_server import SERVICE_KEY, Api, api
from tests.app import App
from usersync.model import Run

__all__ = ["api"]


@pytest.fixture
def before(app: App) -> App:
    """An app whose table the service role may use, as its owner once granted."""
    app.rows("grant select, insert on public.user_profiles to service_role")
    return app


@pytest.fixture
def over(before: App, api: Api, monkeypatch: pytest.MonkeyPatch) -> App:
    """The same, reached over its API from now on; nothing of usersync is installed."""
    monkeypatch.delenv("SUPABASE_DB_URL")
    monkeypatch.setenv("SUPABASE_URL", api.url)
    monkeypatch.setenv("SUPABASE_SERVICE_ROLE_KEY", SERVICE_KEY)
    return before


def both(app: App, monkeypatch: pytest.MonkeyPatch, operation: str, **inputs: Any) -> list[Run]:
    """The same operation over a database connection, and over the API."""
    with monkeypatch.context() as patch:
        patch.setenv("SUPABASE_DB_URL", app.url)
        direct = app.run(operation, **inputs)
    return [direct, app.run(operation, **inputs)]


def readable(app: App) -> None:
    """What the team does when the Auth server cannot read its users."""
    app.rows(
        "update auth.users set confirmation_token = coalesce(confirmation_token, ''),"
        " recovery_token = coalesce(recovery_token, ''),"
        " email_change = coalesce(email_change, ''),"
        " email_change_token_new = coalesce(email_change_token_new, ''),"
        " role = coalesce(role, ''), updated_at = coalesce(updated_at, now())"
    )


def imported(app: App, count: int) -> None:
    """Many users who share one sign-up time, as a bulk import leaves them."""
    app.rows(
        "insert into auth.users (id, instance_id, aud, role, email, created_at, updated_at,"
        " confirmation_token, recovery_token, email_change, email_change_token_new)"
        " select gen_random_uuid(), '00000000-0000-0000-0000-000000000000', 'authenticated', '',"
        " 'many-' || n || '@example.com', now() - interval '1 hour', now(), '', '', '', ''"
        f" from generate_series(1, {count}) as n"
    )


class Crowd:
    """Does something to the users whenever so many pages were asked for."""

    def __init__(self, app: App, api: Api) -> None:
        self.app, self.api, self.pages = app, api, 0
        self.at: dict[int, str] = {}
        api.fault = self._count

    def _count(self, _method: str, path: str, _number: int) -> None:
        if path.startswith("/auth/v1/admin/users?"):
            self.pages += 1
            if self.pages in self.at:
                self.app.rows(self.at[self.pages])


def spread(app: App, count: int) -> None:
    """Many users, one a second."""
    imported(app, count)
    app.rows(
        "update auth.users set created_at = now() - make_interval("
        "secs => 100 + substring(email from 'many-([0-9]+)')::integer)"
    )


def given_profiles(app: App) -> None:
    """Everybody, whoever they are, has a profile."""
    app.rows(
        "insert into public.user_profiles (user_id, email) select id, email from auth.users"
        " on conflict do nothing"
    )
