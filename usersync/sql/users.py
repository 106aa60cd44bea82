"""The predicate: the one definition of who needs a profile, as SQL over a row of ``auth.users``.

Status, plan, sync, checks and (later) the trigger use these expressions and no others.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from psycopg import sql

if TYPE_CHECKING:
    from usersync.config import ExcludeRule, Users

#: GoTrue sees only rows of this instance (supabase/auth, internal/models/user.go).
NIL_INSTANCE = "00000000-0000-0000-0000-000000000000"

SOFT_DELETED = "soft-deleted"
ANONYMOUS = "anonymous"
OTHER_AUDIENCE = "of another audience"
OTHER_INSTANCE = "of another instance"


def skip_reasons(users: Users) -> tuple[str, ...]:
    """Why a user may need no profile, in the order in which the reasons are asked."""
    return (
        SOFT_DELETED,
        *(() if users.anonymous else (ANONYMOUS,)),
        OTHER_AUDIENCE,
        OTHER_INSTANCE,
        *(f"excluded ({rule.reason})" for rule in users.exclude),
    )


def skip_conditions(users: Users) -> tuple[sql.Composable, ...]:
    """One condition per reason of `skip_reasons`, never null, over the row ``u``."""
    return (
        sql.SQL("u.deleted_at is not null"),
        *(() if users.anonymous else (sql.SQL("u.is_anonymous"),)),
        sql.SQL("(u.aud = any ({})) is not true").format(_texts(users.audiences)),
        sql.SQL("(u.instance_id = {}::uuid) is not true").format(sql.Literal(NIL_INSTANCE)),
        *(sql.SQL("({}) is true").format(_rule(rule)) for rule in users.exclude),
    )


def needs_profile(users: Users) -> sql.Composable:
    """True for a user that needs a profile; never null."""
    return sql.SQL("(not ({}))").format(sql.SQL(") and not (").join(skip_conditions(users)))


def skip_number(users: Users) -> sql.Composable:
    """0 for a user that needs a profile, else 1 + the index of the reason."""
    branches = [
        sql.SQL("when {} then {}").format(condition, sql.Literal(number))
        for number, condition in enumerate(skip_conditions(users), start=1)
    ]
    return sql.SQL("case {} else 0 end").format(sql.SQL(" ").join(branches))


def in_share(share: tuple[int, int] | None) -> sql.Composable:
    """True for the users of share ``(number, of)``, numbered from 1; disjoint and stable."""
    if share is None:
        return sql.SQL("true")
    number, of = share
    return sql.SQL("mod(pg_catalog.uuid_hash_extended(u.id, 0) & 2147483647, {}) = {}").format(
        sql.Literal(of), sql.Literal(number - 1)
    )


def provider() -> sql.Composable:
    """How the user signed up; phone and e-mail are told apart when the metadata is empty."""
    return sql.SQL(
        "left(coalesce(u.raw_app_meta_data ->> 'provider', case when u.is_sso_user then 'sso'"
        " when u.email is not null then 'email' when u.phone is not null then 'phone'"
        " else 'none' end), 100)"
    )


def _rule(rule: ExcludeRule) -> sql.Composable:
    conditions: list[sql.Composable] = []
    if rule.ids:
        ids = sql.Literal([str(one) for one in rule.ids])
        conditions.append(sql.SQL("u.id = any ({}::uuid[])").format(ids))
    if rule.email_domains:
        conditions.append(
            sql.SQL("lower(substring(u.email from '@([^@]*)$')) = any ({})").format(
                _texts(tuple(domain.lower() for domain in rule.email_domains))
            )
        )
    if rule.providers:
        conditions.append(sql.SQL("{} = any ({})").format(provider(), _texts(rule.providers)))
    if rule.sso is not None:
        conditions.append(sql.SQL("u.is_sso_user = {}").format(sql.Literal(rule.sso)))
    if rule.audiences:
        conditions.append(sql.SQL("u.aud = any ({})").format(_texts(rule.audiences)))
    if rule.app_metadata:
        wanted = json.dumps(dict(rule.app_metadata), ensure_ascii=False)
        conditions.append(sql.SQL("u.raw_app_meta_data @> {}::jsonb").format(sql.Literal(wanted)))
    return sql.SQL(" and ").join(conditions)


def _texts(values: tuple[str, ...]) -> sql.Composable:
    return sql.SQL("{}::text[]").format(sql.Literal(list(values)))


def in_plan(
    newest_at: sql.Composable | None,
    last: tuple[sql.Composable, sql.Composable] | None,
    without: tuple[str, ...] = (),
) -> sql.Composable:
    """True for the users that a plan means; never null.

    Users without a sign-up time, or dated in the future, cannot have come later: they are in.

    Args:
        newest_at: the sign-up time of the newest user that the plan holds; None for everybody.
        last: sign-up time and id of the last user, when the plan was limited in number.
        without: users who became visible later all the same.
    """
    conditions: list[sql.Composable] = [sql.SQL("true")]
    if newest_at is not None:
        conditions.append(
            sql.SQL(
                "coalesce(u.created_at <= {}::timestamptz"
                " or u.created_at > pg_catalog.now() + interval '1 minute', true)"
            ).format(newest_at)
        )
    if last is not None:
        conditions.append(
            sql.SQL(
                "(coalesce(u.created_at, '-infinity'), u.id)"
                " <= (coalesce({}::timestamptz, '-infinity'), {}::uuid)"
            ).format(*last)
        )
    if without:
        ids = sql.Literal(list(without))
        conditions.append(sql.SQL("u.id <> all ({}::uuid[])").format(ids))
    return sql.SQL("({})").format(sql.SQL(" and ").join(conditions))


def after(cursor: tuple[sql.Composable, sql.Composable] | None) -> sql.Composable:
    """True for the users behind a cursor, in the order of sign-up time, then id."""
    if cursor is None:
        return sql.SQL("true")
    return sql.SQL(
        "(coalesce(u.created_at, '-infinity'), u.id)"
        " > (coalesce({}::timestamptz, '-infinity'), {}::uuid)"
    ).format(*cursor)


def skip_reason(users: Users) -> sql.Composable:
    """The reason of `skip_reasons` that holds, null for a user that needs a profile."""
    branches = [
        sql.SQL("when {} then {}").format(condition, sql.Literal(reason))
        for condition, reason in zip(skip_conditions(users), skip_reasons(users), strict=True)
    ]
    return sql.SQL("case {} end").format(sql.SQL(" ").join(branches))


def email_differs(profile_column: str | None, key: str) -> sql.Composable:
    """True where profile ``p`` holds another address than its user ``u``; capitals do not count.

    The address of a soft-deleted user is a hash (supabase/auth, SoftDeleteUser): never compared.
    """
    if profile_column is None:
        return sql.SQL("false")
    # The plain comparison comes first: it spares almost every row the lower-case one.
    return sql.SQL(
        "(u.id is not null and p.{} is not null and u.deleted_at is null"
        " and p.{}::text is distinct from u.email"
        " and lower(coalesce(p.{}::text, '')) <> lower(coalesce(u.email, '')))"
    ).format(sql.Identifier(key), sql.Identifier(profile_column), sql.Identifier(profile_column))


def masked(email: sql.Composable) -> sql.Composable:
    """An address with all but its first letter and its domain hidden, as `masked_email` does."""
    return sql.SQL(
        "coalesce(left({0}, 1) || '***' || coalesce(substring({0} from '@[^@]*$'), ''), 'none')"
    ).format(email)


def matches(reference: str) -> sql.Composable:
    """True for the users that an id, the start of one, or an address means."""
    if "@" in reference:
        return sql.SQL("lower(u.email) = lower({})").format(sql.Literal(reference))
    digits = reference.replace("-", "")
    bounds = [sql.SQL("{}::uuid").format(sql.Literal(digits.ljust(32, filler))) for filler in "0f"]
    return sql.SQL("u.id between {} and {}").format(*bounds)


#: What the Auth server wants where a user has null; an empty text elsewhere.
_READABLE = {
    "aud": sql.Literal("authenticated"),
    "role": sql.Literal("authenticated"),
    "created_at": sql.SQL("now()"),
    "updated_at": sql.SQL("now()"),
}


def readable_update(columns: tuple[str, ...], user_id: str) -> str:
    """The statement that lets the Auth server read a user, for a person to run.

    Args:
        columns: those of ``auth.users`` that are null.
        user_id: whose.
    """
    sets = [
        sql.SQL("{0} = coalesce({0}, {1})").format(
            sql.Identifier(column), _READABLE.get(column, sql.Literal(""))
        )
        for column in columns
    ]
    statement = sql.SQL("update auth.users set {} where id = {};").format(
        sql.SQL(", ").join(sets), sql.Literal(user_id)
    )
    return statement.as_string()
