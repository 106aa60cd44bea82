"""Users whose names, addresses and metadata nobody foresaw: made as they are, or failed alone."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from tests.app import PROFILES, App, counts, summary_of
from usersync import report
from usersync.sync import SyncOptions

MAPPING = """
profiles:
  - table: profiles
    key: id
    columns:
      username: user_metadata.username
      full_name: [user_metadata.full_name, user_metadata.name]
      avatar_url: user_metadata.avatar_url
"""

ODD_TEXTS = [
    "::error::owned",
    "::add-mask::everything",
    "@everyone",
    "<script>alert(1)</script>",
    "two\nlines\r\n::warning::x",
    "\x1b[31mred\x1b]0;title\x07",
    "user\u202etxt.exe",
    "a\u200b\u2066b\u2069\ufeff",
    "'; drop table profiles; --",
    "\\'; select $$ %s {x} %(x)s $1",
    "\\u0000 \\x00",
    "🧑\u200d🚀🏳️\u200d🌈",
    "Ωμέγα",
    "李小龍",
    "نور الدين",
    "   ",
    "ﬃ",
    "x" * 2_000,
]


@pytest.fixture
def names(app: App) -> App:
    """An app with Supabase's quick-start table, whose username is unique and checked."""
    app.rows(PROFILES)
    app.configure(MAPPING)
    return app


def shown(app: App) -> str:
    """Everything that plan, sync and status show, as text and as JSON."""
    runs = [
        app.run("sync.plan", options=SyncOptions()),
        app.run("status", verbose=True),
        app.sync(),
        app.run("status", verbose=True, history=10),
    ]
    for run in runs:
        json.loads(report.as_json(run))
    return "".join(report.terminal(run, verbose=True) for run in runs)


def test_odd_texts_arrive_as_they_are(names: App) -> None:
    """Names of any text are written unchanged, and what is shown of their users acts nowhere."""
    for number, text in enumerate(ODD_TEXTS):
        names.user(
            email=f"u{number}{text[:50]}@{text[:50]}.example",
            raw_user_meta_data={"username": text, "full_name": text, "::error::": text},
            raw_app_meta_data={"provider": text},
        )
    output = shown(names)
    wanted = {text for text in ODD_TEXTS if len(text) >= 3}
    made = names.rows("select username, full_name from profiles")
    assert {row["username"] for row in made} == wanted
    assert {row["full_name"] for row in made} == {text if text.strip() else None for text in wanted}
    assert len(made) == len(wanted)
    lines = output.split("\n")
    assert not [line for line in lines if line.lstrip().startswith("::")]
    assert not [c for line in lines for c in line if not c.isprintable()]
    assert "x" * 500 not in output


def test_a_text_too_large_for_an_index_fails_alone(names: App) -> None:
    """A name of a megabyte fits no index: class 54, a failed creation of that user alone."""
    names.users(3, raw_user_meta_data={"username": "same name"})
    large = names.user(
        raw_user_meta_data={"username": "".join(chr(0x4E00 + n % 20_000) for n in range(350_000))}
    )
    run = names.sync()
    summary = summary_of(run)
    assert (run.exit_code, run.error) == (2, "")
    assert counts(summary) == {"created": 1, "failed": 3, "already_there": 0, "gone": 0}
    by_class = {failure.sqlstate: failure for failure in summary.failures}
    assert set(by_class) == {"23505", "54000"}
    assert by_class["54000"].user_ids == (large,)
    assert by_class["54000"].condition == "program_limit_exceeded"


@pytest.mark.parametrize(
    ("metadata", "failed"),
    [
        (None, 1),
        ({}, 1),
        ([], 1),
        (["username"], 1),
        ("username", 1),
        (5, 1),
        (True, 1),
        ({"username": None}, 1),
        ({"username": ""}, 1),
        ({"username": "x"}, 1),
        ({"username": {"first": "Ann"}}, 0),
        ({"username": ["Ann", "Lee"]}, 0),
        ({"username": 12345}, 0),
        ({"username": "Ann", **{f"key {n}": n for n in range(20_000)}}, 0),
        ({"username": "Ann", "deep": json.loads("[" * 500 + "]" * 500)}, 0),
    ],
)
def test_metadata_of_any_shape(names: App, metadata: Any, failed: int) -> None:
    """Metadata that is no object, or has no usable name, fails its own user and nobody else."""
    names.user(raw_user_meta_data={"username": "somebody else"})
    user_id = names.user()
    names.rows(
        "update auth.users set raw_user_meta_data = %(metadata)s::jsonb where id = %(id)s",
        metadata=None if metadata is None else json.dumps(metadata),
        id=user_id,
    )
    run = names.sync()
    assert (run.exit_code, run.error) == (2 * failed, "")
    assert counts(summary_of(run)) == {
        "created": 2 - failed,
        "failed": failed,
        "already_there": 0,
        "gone": 0,
    }


@pytest.mark.parametrize("batch_size", [1, 3, 100])
@pytest.mark.parametrize("workers", [1, 3])
def test_equal_names(names: App, batch_size: int, workers: int) -> None:
    """Of users with one name exactly one gets it, however the batches fall."""
    for name in ("anna", "anna", "Anna", "anna", "bo", "bob", "bob"):
        names.user(raw_user_meta_data={"username": name})
    summary = names.synced(batch_size=batch_size, workers=workers)
    assert counts(summary) == {"created": 3, "failed": 4, "already_there": 0, "gone": 0}
    assert [row["username"] for row in names.rows("select username from profiles order by 1")] == [
        "Anna",
        "anna",
        "bob",
    ]


@pytest.mark.parametrize(
    "changes",
    [
        {"created_at": None},
        {"created_at": datetime(1, 1, 1, tzinfo=UTC)},
        {"created_at": datetime(9999, 12, 31, tzinfo=UTC)},
        {"email": None, "phone": None},
        {"email": ""},
        {"email": "@"},
        {"email": "a" * 240 + "@x.example"},
        {"raw_app_meta_data": [1]},
        {"raw_app_meta_data": {"provider": {"a": 1}}},
    ],
)
def test_users_made_by_plain_sql(app: App, changes: dict[str, Any]) -> None:
    """Rows that GoTrue would not write are planned, created and shown like any other."""
    app.user(**changes)
    app.user()
    output = report.terminal(app.run("sync.plan", options=SyncOptions()), verbose=True)
    assert "Digest: 2-" in output
    assert counts(app.synced()) == {"created": 2, "failed": 0, "already_there": 0, "gone": 0}
    assert app.run("status", verbose=True).exit_code == 0


@pytest.mark.parametrize("moment", ["infinity", "-infinity", "12026-01-01 00:00:00+00"])
def test_a_sign_up_time_beyond_all_calendars(app: App, moment: str) -> None:
    """A sign-up time that Python cannot hold is named: exit 1, and never taken for drift."""
    user_id = app.user()
    app.rows(f"update auth.users set created_at = '{moment}' where id = %(id)s", id=user_id)
    for run in (app.run("status"), app.run("sync.plan", options=SyncOptions())):
        assert run.exit_code == 1
        assert "an answer of Postgres cannot be read: timestamp too" in run.error
        assert "created_at" in run.next_steps[0]
