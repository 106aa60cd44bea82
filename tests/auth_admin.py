"""The smallest stand-in for the Auth server's admin API, over the test's own database.

What it answers follows supabase/auth (internal/api/admin.go, pagination.go, models/user.go): pages
by created_at alone, columns that must not be null, empty strings for null e-mails, numbers as
doubles.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qs

import psycopg
from psycopg.rows import dict_row
from psycopg.types.json import Jsonb

from tests.conftest import Database

NIL = "00000000-0000-0000-0000-000000000000"

#: Go types without a null: one of them makes the whole page fail (supabase/auth#1940).
NEVER_NULL = (
    "confirmation_token",
    "recovery_token",
    "email_change_token_new",
    "email_change",
    "email_change_token_current",
    "phone_change",
    "phone_change_token",
    "reauthentication_token",
    "role",
    "created_at",
    "updated_at",
)

#: Times that the JSON leaves out when they are null.
TIMES = (
    "email_confirmed_at",
    "invited_at",
    "phone_confirmed_at",
    "confirmation_sent_at",
    "confirmed_at",
    "recovery_sent_at",
    "email_change_sent_at",
    "phone_change_sent_at",
    "reauthentication_sent_at",
    "last_sign_in_at",
    "banned_until",
    "deleted_at",
)


@dataclass(frozen=True)
class Reply:
    """What the Auth server answers."""

    status: int
    body: Any
    headers: dict[str, str] = field(default_factory=dict)


class _Failed(Exception):
    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.reply = Reply(status, {"code": code, "message": message})


def answer(database: Database, method: str, path: str, query: str, body: bytes) -> Reply:
    """Answer one request below ``/auth/v1/admin/users``.

    Args:
        database: the test's own.
        method: GET, POST or DELETE.
        path: what stands behind ``users``, without its slash: an id, or nothing.
        query: the query string.
        body: JSON.
    """
    wanted = {name: values[-1] for name, values in parse_qs(query).items()}
    given = json.loads(body or b"{}")
    try:
        with _connected(database) as connection:
            if path:
                return _one(connection, method, path, given)
            if method == "POST":
                return _create(connection, given)
            return _list(connection, wanted)
    except _Failed as failed:
        return failed.reply


@contextmanager
def _connected(database: Database) -> Iterator[psycopg.Connection[dict[str, Any]]]:
    url = database.url_of("supabase_auth_admin")
    with psycopg.connect(url, row_factory=dict_row, options="-c search_path=auth") as connection:
        yield connection


def _list(connection: psycopg.Connection[dict[str, Any]], wanted: Mapping[str, str]) -> Reply:
    page, per_page = int(wanted.get("page") or 1), int(wanted.get("per_page") or 50)
    if per_page == 0:
        raise _Failed(500, "unexpected_failure", "Internal Server Error")
    where = "instance_id = %(nil)s and aud = 'authenticated'"
    if "filter" in wanted:
        where += " and (email like %(like)s or raw_user_meta_data ->> 'full_name' ilike %(like)s)"
    named = {
        "nil": NIL,
        "like": f"%{wanted.get('filter', '')}%",
        "limit": per_page,
        "offset": (page - 1) * per_page,
    }
    counted = connection.execute(
        f"select count(*) from users where {where}".encode(), named
    ).fetchone()
    assert counted is not None
    rows = connection.execute(
        f"select * from users where {where} order by created_at desc"
        " limit %(limit)s offset %(offset)s".encode(),
        named,
    ).fetchall()
    if any(row[name] is None for row in rows for name in NEVER_NULL):
        raise _Failed(500, "unexpected_failure", "Database error finding users")
    total = counted["count"]
    last = -(-total // per_page)
    links = [f'</admin/users?page={last}&per_page={per_page}>; rel="last"']
    if page < last:
        links.insert(0, f'</admin/users?page={page + 1}&per_page={per_page}>; rel="next"')
    return Reply(
        200,
        {"users": [shown(row) | {"identities": None} for row in rows], "aud": "authenticated"},
        {"X-Total-Count": str(total), "Link": ", ".join(links)},
    )


def _one(
    connection: psycopg.Connection[dict[str, Any]], method: str, path: str, given: dict[str, Any]
) -> Reply:
    try:
        user_id = str(uuid.UUID(path))
    except ValueError:
        raise _Failed(404, "validation_failed", "user_id must be an UUID") from None
    row = connection.execute(
        "select * from users where instance_id = %s and id = %s", [NIL, user_id]
    ).fetchone()
    if row is None:
        raise _Failed(404, "user_not_found", "User not found")
    if any(row[name] is None for name in NEVER_NULL):
        raise _Failed(500, "unexpected_failure", "Database error loading user")
    if method == "GET":
        return Reply(200, shown(row) | {"identities": []})
    assert method == "DELETE"
    try:
        if given.get("should_soft_delete"):
            connection.execute(
                "update users set deleted_at = now(), email = md5(id || email),"
                " raw_user_meta_data = '{}', raw_app_meta_data = '{}' where id = %s",
                [user_id],
            )
        else:
            connection.execute("delete from users where id = %s", [user_id])
    except psycopg.Error:
        raise _Failed(500, "unexpected_failure", "Database error deleting user") from None
    return Reply(200, {})


def _create(connection: psycopg.Connection[dict[str, Any]], given: dict[str, Any]) -> Reply:
    email, phone = given.get("email"), given.get("phone")
    if not email and not phone:
        raise _Failed(
            400, "validation_failed", "Cannot create a user without either an email or phone"
        )
    taken = connection.execute(
        "select 1 from users where instance_id = %s and lower(email) = lower(%s)"
        " and not is_sso_user",
        [NIL, email],
    ).fetchone()
    if taken:
        raise _Failed(
            422, "email_exists", "A user with this email address has already been registered"
        )
    user_id = given.get("id") or str(uuid.uuid4())
    provider = "email" if email else "phone"
    try:
        # As GoTrue does: the trigger sees neither the role nor what is confirmed afterwards.
        connection.execute(
            "insert into users (instance_id, id, aud, role, email, phone, encrypted_password,"
            " raw_app_meta_data, raw_user_meta_data, confirmation_token, recovery_token,"
            " email_change_token_new, email_change, created_at, updated_at)"
            " values (%s, %s, 'authenticated', '', %s, %s, '', %s, %s, '', '', '', '', now(),"
            " now())",
            [
                NIL,
                user_id,
                email and email.lower(),
                phone,
                Jsonb({"provider": provider, "providers": [provider]}),
                Jsonb(given.get("user_metadata") or {}),
            ],
        )
        connection.execute(
            "insert into identities (provider_id, user_id, identity_data, provider)"
            " values (%s, %s, %s, %s)",
            [user_id, user_id, Jsonb({"sub": user_id, "email": email}), provider],
        )
        connection.execute(
            "update users set role = 'authenticated', email_confirmed_at = case when %s then now()"
            " end, raw_app_meta_data = raw_app_meta_data || %s where id = %s",
            [bool(given.get("email_confirm")), Jsonb(given.get("app_metadata") or {}), user_id],
        )
    except psycopg.Error:
        raise _Failed(500, "unexpected_failure", "Database error creating new user") from None
    row = connection.execute("select * from users where id = %s", [user_id]).fetchone()
    assert row is not None
    return Reply(200, shown(row) | {"identities": []})


def shown(row: Mapping[str, Any]) -> dict[str, Any]:
    """A user as JSON; what is marked ``json:"-"`` is not in it: is_sso_user, tokens."""
    user = {
        "id": str(row["id"]),
        "aud": row["aud"],
        "role": row["role"],
        "email": row["email"] or "",
        "phone": row["phone"] or "",
        "app_metadata": _as_go(row["raw_app_meta_data"] or {}),
        "user_metadata": _as_go(row["raw_user_meta_data"] or {}),
        "created_at": _time(row["created_at"]),
        "updated_at": _time(row["updated_at"]),
        "is_anonymous": row["is_anonymous"],
    }
    if row["email_change"]:
        user["new_email"] = row["email_change"]
    return user | {name: _time(row[name]) for name in TIMES if row[name] is not None}


def _time(moment: datetime) -> str:
    """RFC 3339 as Go writes it: no zeros at the end of the fraction."""
    text = moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%f")
    return f"{text.rstrip('0').rstrip('.')}Z"


def _as_go(value: Any) -> Any:
    """JSON that went through Go: keys sorted, numbers as doubles."""
    if isinstance(value, dict):
        return {key: _as_go(value[key]) for key in sorted(value)}
    if isinstance(value, list):
        return [_as_go(item) for item in value]
    if isinstance(value, int | float) and not isinstance(value, bool):
        double = float(value)
        return int(double) if double.is_integer() and abs(double) < 1e21 else double
    return value
