"""The types of single settings: what each takes, and what it says to anything else."""

from __future__ import annotations

import math
import re
from datetime import date, datetime
from typing import Annotated, Any
from uuid import UUID

from annotated_types import Ge, Gt, Le, MinLen
from pydantic import AfterValidator, BeforeValidator, Field, PlainValidator, Strict

from usersync.config.document import shown
from usersync.config.sources import problem

_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_DOMAIN = re.compile(r"[a-z0-9-]+(\.[a-z0-9-]+)*")


def _identifier(name: str) -> str:
    if len(name.encode()) > 63:
        raise problem(f"a Postgres name has at most 63 bytes, found {len(name.encode())}")
    if "\0" in name:
        raise problem("a Postgres name holds no NUL character")
    return name


def _table(name: str) -> str:
    if "." in name:
        schema, _, table = name.partition(".")
        raise problem(
            f"write the schema by itself: `schema: {shown(schema)}` and `table: {shown(table)}`"
        )
    return name


def _one_key(value: Any) -> Any:
    if isinstance(value, list | tuple):
        raise problem(
            "a composite key cannot be used: usersync needs the one column that holds the user's id"
        )
    return value


def _variable(name: str) -> str:
    # What stands here by mistake is the secret itself, so it is never shown.
    if not _VARIABLE.fullmatch(name):
        raise problem(
            "the NAME of an environment variable belongs here, such as `PROD_DB_URL`, "
            "never its value"
        )
    return name


def _domain(name: str) -> str:
    name = name.lower()
    if not _DOMAIN.fullmatch(name):
        raise problem(f"found `{shown(name)}`; write the domain alone, such as `bots.example.com`")
    return name


def _user_id(value: Any) -> Any:
    if isinstance(value, UUID):
        return value
    try:
        return UUID(value)
    except (ValueError, AttributeError, TypeError):
        raise problem(
            f"found `{shown(str(value))}`; a user id is a UUID, such as "
            "`3f9a1c52-7d0e-4b7e-9c39-0f6d2a8e5b11`"
        ) from None


def _day(value: Any) -> Any:
    if isinstance(value, str):
        try:
            return date.fromisoformat(value)
        except ValueError:
            pass
    if isinstance(value, date) and not isinstance(value, datetime):
        return value
    raise problem(f"found `{shown(str(value))}`; write a day, such as `2026-12-31`")


def _comparable(value: Any) -> Any:
    if isinstance(value, str | bool | int) or (isinstance(value, float) and math.isfinite(value)):
        return value
    if isinstance(value, date):
        raise problem(f'a date is text here: quote it, `"{value}"`')
    raise problem("text, a number, true or false belongs here")


Text = Annotated[str, MinLen(1)]
Flag = Annotated[bool, Strict()]
Rows = Annotated[int, Strict(), Ge(0)]
Seconds = Annotated[float, Strict(), Gt(0), Le(3600), Field(allow_inf_nan=False)]
#: Below Postgres's deadlock_timeout of 1 s, so that no live session becomes its victim.
LockSeconds = Annotated[float, Strict(), Gt(0), Le(0.9), Field(allow_inf_nan=False)]
RetrySeconds = Annotated[float, Strict(), Ge(0), Le(3600), Field(allow_inf_nan=False)]
ConnectSeconds = Annotated[int, Strict(), Ge(2), Le(600)]
Identifier = Annotated[str, MinLen(1), AfterValidator(_identifier)]
Variable = Annotated[str, MinLen(1), AfterValidator(_variable)]
Comparable = Annotated[str | bool | int | float, PlainValidator(_comparable)]
Table = Annotated[Identifier, AfterValidator(_table)]
Key = Annotated[Identifier, BeforeValidator(_one_key)]
Domain = Annotated[Text, AfterValidator(_domain)]
UserId = Annotated[UUID, BeforeValidator(_user_id)]
Day = Annotated[date, BeforeValidator(_day)]
