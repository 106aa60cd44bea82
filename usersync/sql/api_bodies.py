"""The bodies of the functions of the API, put together from the files that the direct door runs."""

from __future__ import annotations

import itertools
import textwrap
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, Protocol

from psycopg import sql

from usersync.model import LIST_LENGTH
from usersync.sql import checks, compose, inputs, load, names, profiles
from usersync.sql.check_names import check_names
from usersync.sql.fragments import fragment, lines

if TYPE_CHECKING:
    from usersync.config import Settings
    from usersync.sql.shapes import Shape

Kind = Literal["reads", "checks", "creates", "appends", "leases", "tries"]

#: What may follow the sign-up of a canary.
_CANARY_STEPS = (
    "queries/canary_confirm",
    "queries/canary_permanent_by_email",
    "queries/canary_permanent_by_phone",
    "queries/canary_permanent_by_identity",
    "queries/canary_change_email",
    "queries/canary_soft_delete",
    "queries/canary_hard_delete",
)


class Function(Protocol):
    """What a body is made for."""

    @property
    def name(self) -> str:
        """Its name, without the schema."""

    @property
    def query(self) -> str:
        """The query file behind it."""

    @property
    def kind(self) -> Kind:
        """What it does."""


@dataclass(frozen=True, slots=True)
class Kit:
    """What all functions are made of."""

    settings: Settings
    shapes: Sequence[Shape]
    verifications: Mapping[str, sql.Composed]


def body(function: Function, kit: Kit, common: names.Names) -> sql.Composed:
    """The body of one function.

    Args:
        function: its query and what it does with it.
        kit: what all functions are made of.
        common: what all bodies may name.
    """
    makers: dict[Kind, Callable[[Function, Kit, names.Names], sql.Composed]] = {
        "reads": _of_tables("api_read", _reading),
        "checks": _of_tables("api_checks", lambda _, kit, shape: _checks(kit, shape)),
        "creates": _of_tables("api_create", _creating),
        "appends": _appending,
        "leases": _leasing,
        "tries": _trying,
    }
    return makers[function.kind](function, kit, common)


def _of_tables(
    name: str, statements: Callable[[Function, Kit, Shape], names.Names]
) -> Callable[[Function, Kit, names.Names], sql.Composed]:
    """A body that has a part for each profile table."""

    def made(function: Function, kit: Kit, common: names.Names) -> sql.Composed:
        tables = [
            fragment(
                f"{name}_table",
                common
                | {"table_name": sql.Literal(shape.settings.name)}
                | statements(function, kit, shape),
                4,
            )
            for shape in kit.shapes
        ]
        return fragment(name, common | {"tables": lines(tables, indent=4)})

    return made


def _appending(function: Function, kit: Kit, common: names.Names) -> sql.Composed:
    line = _code(function.query, inputs.of_line(kit.settings, of_batch=False), 4)
    return fragment("api_append", common | {"statement": line})


def _leasing(function: Function, kit: Kit, common: names.Names) -> sql.Composed:
    named = names.ours(kit.settings) | {
        "running": _code("queries/exclusive_holder", {}, ends=False)
    }
    return fragment("api_lease", common | {"procedure": _code(function.query, named)})


def _trying(function: Function, kit: Kit, common: names.Names) -> sql.Composed:
    user = inputs.of_canary()
    steps = [
        fragment(
            "api_canary_step",
            {
                "step": sql.Literal(step),
                "statements": _code(step, user, 4),
            },
            8,
        )
        for step in _CANARY_STEPS
    ]
    found = [
        fragment(
            "api_canary_found",
            {
                name: _code(
                    f"queries/canary_{name}",
                    user | inputs.of_found(kit.settings, shape),
                    ends=False,
                )
                for name in ("found", "failures")
            },
        )
        for shape in kit.shapes
    ]
    named = {
        "sign_up": _code(function.query, user, 8),
        "steps": lines(steps, indent=8),
        "found": sql.SQL(", ").join(found),
    }
    return fragment("api_canary", common | named)


def _reading(function: Function, kit: Kit, shape: Shape) -> names.Names:
    named = inputs.of_table(kit.settings, shape, kit.shapes)
    return {"query": _code(function.query, named, ends=False)}


def _creating(function: Function, kit: Kit, shape: Shape) -> names.Names:
    batch = inputs.of_batch(kit.settings, shape, by_blocks=function.name.endswith("_blocks"))
    return names.ours(kit.settings) | {
        "procedure": _code(function.query, batch),
        "journal": _code("queries/journal_append", inputs.of_line(kit.settings, of_batch=True)),
        "rows_written": _code("queries/rows_written", {}, ends=False),
    }


def _checks(kit: Kit, shape: Shape) -> names.Names:
    """Every check about one table, and those of the changes."""
    broken = (sql.SQL("broken_columns"), sql.SQL("broken_reasons"))
    tables = [one.settings for one in kit.shapes]
    named = check_names(kit.settings, tables, shape.settings, broken)
    texts = {
        script.name.rpartition("/")[2].partition("_")[2]: compose(script, named)
        for script in checks()
    }
    expressions = [
        fragment(
            "api_expression",
            {
                "column": sql.Literal(column),
                "probe": sql.Literal(
                    _code("queries/expression", {"expression": sql.SQL(text)}).as_string()
                ),
            },
        )
        for column, text in profiles.expressions(shape.settings)
    ]
    return {
        "expressions": sql.SQL("\n").join(expressions),
        "checks": sql.SQL("\n").join(
            [_check(name, text) for name, text in (texts | dict(kit.verifications)).items()]
        ),
    }


def _check(name: str, text: sql.Composed) -> sql.Composed:
    wanted = f"array(select jsonb_array_elements_text(input #> '{{accepted,{name}}}'))"
    query = _code(
        "queries/check",
        {
            "check": sql.SQL(text.as_string().rstrip().rstrip(";")),
            "accepted": sql.SQL(wanted),
            "list_length": sql.Literal(LIST_LENGTH),
        },
        ends=False,
    )
    return fragment("api_check", {"check_name": sql.Literal(name), "query": query})


def _code(query: str, named: names.Names, indent: int = 0, *, ends: bool = True) -> sql.Composed:
    """A query file over ``input``, without its header; ``ends`` keeps its last semicolon."""
    lines = load(query).text.splitlines()
    code = "\n".join(itertools.dropwhile(lambda line: line.startswith("--"), lines)).strip()
    text = code if ends else code.rstrip(";")
    return sql.SQL(textwrap.indent(text, " " * indent)).format(**named)
