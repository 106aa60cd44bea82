"""Every change of the migration, found by listing: there, there again, back, back again."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.app import App
from usersync import config
from usersync.backends.postgres import PostgresDoor
from usersync.sql import changes

SETTINGS = """
profiles:
  - table: members
    key: id
    columns: {email: email, full_name: [user_metadata.full_name, phone]}
    role: {column: role, default: user, allowed: [user, admin]}
    follow: [email, full_name]
"""


@pytest.fixture
def door(app: App) -> Iterator[PostgresDoor]:
    """A connection to an app whose table is still to be made."""
    app.configure(SETTINGS)
    door = PostgresDoor(config.load(environ={"SUPABASE_DB_URL": app.url}))
    yield door
    door.close()


@pytest.mark.parametrize("grants", ["explicit", "legacy"])
@pytest.mark.parametrize("name", changes.names())
def test_round_trip(app: App, door: PostgresDoor, name: str, grants: str) -> None:
    """Twice applied is once applied; its check passes; twice undone everything is as before."""
    assert grants
    rendered = {change.name: change for change in _rendered(app)}
    assert list(rendered) == list(changes.names())
    for earlier in changes.names():
        if earlier == name:
            break
        app.rows(rendered[earlier].apply)
    change = rendered[name]
    before = door.catalog.fingerprint()
    assert app.rows(change.verify) != []
    app.rows(change.apply)
    there = door.catalog.fingerprint()
    assert there != before
    app.rows(change.apply)
    assert door.catalog.difference(there) == ()
    assert app.rows(change.verify) == []
    app.user()
    app.rows("delete from auth.users")
    app.rows(change.revert)
    assert door.catalog.difference(before) == ()
    app.rows(change.revert)
    assert door.catalog.difference(before) == ()


def _rendered(app: App) -> tuple[changes.Change, ...]:
    target = config.load(environ={"SUPABASE_DB_URL": app.url})
    shapes = [
        changes.Shape(table, changes.new_column_types(table), made=True)
        for table in target.profiles
    ]
    return changes.render(target.settings, shapes)
