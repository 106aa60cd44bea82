"""Where the value of one profile column comes from, as a person writes it in ``usersync.yaml``."""

from __future__ import annotations

import difflib
import json
import math
from dataclasses import dataclass
from datetime import date
from typing import Annotated, Any, Literal, TypeAlias, get_args

import yaml
from pydantic import PlainSerializer, PlainValidator
from pydantic_core import PydanticCustomError

#: Columns of ``auth.users`` that may be copied: nothing that signs anybody in. The column ``role``
#: is left out on purpose: it names a database role, never the role of a profile.
USER_COLUMNS = (
    "id",
    "email",
    "phone",
    "created_at",
    "updated_at",
    "email_confirmed_at",
    "phone_confirmed_at",
    "confirmed_at",
    "last_sign_in_at",
    "invited_at",
    "banned_until",
    "is_sso_user",
    "is_anonymous",
    "aud",
)

Root = Literal["user_metadata", "app_metadata"]
ROOTS: tuple[Root, ...] = get_args(Root)

#: What people who know the table write for the two metadata columns.
_COLUMN_OF_ROOT = {"raw_user_meta_data": "user_metadata", "raw_app_meta_data": "app_metadata"}

Scalar: TypeAlias = str | bool | int | float | None


def _flow(value: object) -> str:
    """YAML on one line, quoted where YAML would read it differently."""
    text = str(yaml.safe_dump(value, default_flow_style=True, width=math.inf, allow_unicode=True))
    return text.removesuffix("...\n").strip()


def _pair(key: str, value: str) -> str:
    """``{key: value}``; what has several lines is written as JSON, which is YAML too."""
    return _flow({key: value}) if "\n" not in value else f"{{{key}: {json.dumps(value)}}}"


@dataclass(frozen=True, slots=True)
class UserColumn:
    """A column of ``auth.users``."""

    name: str

    def describe(self) -> str:
        """The form a person writes."""
        return self.name


@dataclass(frozen=True, slots=True)
class Metadata:
    """A key of the user's metadata, as text; users may write ``user_metadata`` themselves."""

    root: Root
    path: tuple[str, ...]

    def describe(self) -> str:
        """The form a person writes."""
        return ".".join((self.root, *self.path))


@dataclass(frozen=True, slots=True)
class LiteralValue:
    """The same value for everybody."""

    value: Scalar

    def describe(self) -> str:
        """The form a person writes."""
        value = self.value
        return _pair("literal", value) if isinstance(value, str) else _flow(value)


@dataclass(frozen=True, slots=True)
class Expression:
    """An SQL expression over ``u``, the row of ``auth.users``."""

    sql: str

    def describe(self) -> str:
        """The form a person writes."""
        return _pair("sql", self.sql)


@dataclass(frozen=True, slots=True)
class FirstOf:
    """The first of several sources that is neither null nor empty."""

    sources: tuple[UserColumn | Metadata | LiteralValue | Expression, ...]

    def describe(self) -> str:
        """The form a person writes."""
        return f"[{', '.join(source.describe() for source in self.sources)}]"


@dataclass(frozen=True, slots=True)
class Suffixed:
    """A text that no two profiles may share: who comes later gets a number behind it."""

    source: UserColumn | Metadata | LiteralValue | Expression | FirstOf

    def describe(self) -> str:
        """The form a person writes."""
        return f"{{from: {self.source.describe()}, unique: suffix}}"


AnySource: TypeAlias = UserColumn | Metadata | LiteralValue | Expression | FirstOf | Suffixed


def problem(sentence: str, *at: str) -> PydanticCustomError:
    """An error whose text is the sentence a person reads.

    Args:
        sentence: what is wrong and what is allowed.
        at: the keys below the validated value that it is about.
    """
    # The braces of a template would be filled in by pydantic, so the sentence goes in as a value.
    return PydanticCustomError("usersync", "{sentence}", {"sentence": sentence, "at": at})


def _parse_name(name: str) -> UserColumn | Metadata:
    """Read a source that is given by its name."""
    if name in USER_COLUMNS:
        return UserColumn(name)
    root, _, rest = name.partition(".")
    if root in ROOTS:
        path = tuple(rest.split("."))
        if all(path):
            return Metadata(root, path)
        raise problem(f"found `{name}`; name a key of the metadata, such as `{root}.full_name`")
    hint = _COLUMN_OF_ROOT.get(root)
    if hint:
        raise problem(f"found `{name}`; write `{hint}.KEY` for a key of it")
    near = difflib.get_close_matches(root if rest else name, (*USER_COLUMNS, *ROOTS), n=1)
    meant = f"{near[0]}.{rest}" if near and rest and near[0] in ROOTS else "".join(near)
    guess = f"did you mean `{meant}`? Otherwise a" if near else "a"
    raise problem(
        f"`{name}` is no known source; {guess} source is a column of auth.users, "
        f"`user_metadata.KEY` or `app_metadata.KEY`, and fixed text is written "
        f"`{_pair('literal', name)}`"
    )


def _parse_mapping(mapping: dict[object, object]) -> LiteralValue | Expression | Suffixed:
    """Read ``{literal: ...}``, ``{sql: ...}`` or ``{from: ..., unique: suffix}``."""
    if "from" in mapping or "unique" in mapping:
        return _parse_suffixed(mapping)
    if set(mapping) == {"literal"}:
        return _parse_literal(mapping["literal"])
    if set(mapping) == {"sql"}:
        sql = mapping["sql"]
        if isinstance(sql, str) and sql.strip():
            return Expression(sql.strip())
        raise problem('`sql` takes an SQL expression as text, such as `{sql: "lower(u.email)"}`')
    raise problem(
        "a source that is a mapping has exactly one key, `literal` or `sql`, or it says"
        " `{from: SOURCE, unique: suffix}`"
    )


def _parse_suffixed(mapping: dict[object, object]) -> Suffixed:
    """Read ``{from: ..., unique: suffix}``."""
    if set(mapping) != {"from", "unique"} or mapping["unique"] != "suffix":
        raise problem(
            "a value that no two profiles may share is written `{from: SOURCE, unique: suffix}`"
        )
    source = parse_source(mapping["from"])
    if isinstance(source, LiteralValue):
        raise problem(
            "`unique: suffix` on a fixed value would number all users; name a source of theirs"
        )
    if isinstance(source, Suffixed):
        raise problem("`from` takes a source, and not another `unique: suffix`")
    return Suffixed(source)


def _parse_literal(value: object) -> LiteralValue:
    """Read a fixed value."""
    if isinstance(value, date):
        raise problem(f'a date is fixed text: quote it, `{{literal: "{value}"}}`')
    if isinstance(value, float) and not math.isfinite(value):
        raise problem("a literal number must be finite")
    if value is None or isinstance(value, str | bool | int | float):
        return LiteralValue(value)
    raise problem("`literal` takes text, a number, true, false or null; for more, use `sql`")


def parse_source(value: Any) -> AnySource:
    """Read one source from what YAML makes of it.

    Args:
        value: a name, a list of names, ``{literal: ...}``, ``{sql: ...}``, one of these as
            ``{from: ..., unique: suffix}``, a bare value, or a source that is read already.

    Raises:
        PydanticCustomError: it is no source; the sentence says what is allowed.
    """
    if isinstance(value, AnySource):
        return value
    if isinstance(value, list | tuple):
        sources = tuple(parse_source(item) for item in value)
        if not sources:
            raise problem("the list of sources is empty")
        flat = tuple(source for source in sources if not isinstance(source, FirstOf | Suffixed))
        if any(isinstance(source, Suffixed) for source in sources):
            raise problem("`unique: suffix` goes around the list: `{from: [...], unique: suffix}`")
        if len(flat) < len(sources):
            raise problem("a list of sources may not hold another list")
        return FirstOf(flat)
    if isinstance(value, str):
        return _parse_name(value)
    if isinstance(value, dict):
        return _parse_mapping(value)
    return _parse_literal(value)


def _describe(source: AnySource) -> str:
    return source.describe()


#: The type of a setting that holds a source; written out again it is what a person writes.
Source = Annotated[
    AnySource, PlainValidator(parse_source), PlainSerializer(_describe, return_type=str)
]
