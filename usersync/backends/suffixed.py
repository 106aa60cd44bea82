"""Columns with ``unique: suffix`` held against the table: can a number make their values unique?"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from usersync.config import ProfileTable
from usersync.sql import profiles
from usersync.sql.unique import UniqueColumn, UniqueIndex

Facts = Mapping[str, Any]


def columns(facts: Facts, settings: ProfileTable) -> tuple[UniqueColumn, ...]:
    """The columns with ``unique: suffix`` as the catalog has them; those that fit.

    Args:
        facts: what ``queries/profile_table.sql`` and ``queries/unique_indexes.sql`` returned.
        settings: the table's configuration.
    """
    types = {column["name"]: column["type"] for column in facts["relation"]["columns"]}
    texts = {one["name"]: one for one in facts.get("unique", ()) if one["indexes"]}
    return tuple(
        UniqueColumn(
            column,
            types[column],
            texts[column]["collation"],
            texts[column]["length"],
            tuple(UniqueIndex(**index) for index in texts[column]["indexes"]),
        )
        for column in profiles.suffixed(settings)
        if column in texts
    )


def problems(facts: Facts, settings: ProfileTable) -> Iterator[tuple[str, str]]:
    """Why a column with ``unique: suffix`` cannot have one, and what to do about it.

    Args:
        facts: what ``queries/profile_table.sql`` and ``queries/unique_indexes.sql`` returned.
        settings: the table's configuration.
    """
    name = f"{settings.schema_name}.{settings.table}"
    there = {column["name"]: column for column in facts["relation"]["columns"]}
    texts = {one["name"]: one for one in facts.get("unique", ())}
    own = facts.get("own_function")
    for column in profiles.suffixed(settings):
        if column not in there:
            continue  # told as a column that is missing
        out = f"take unique: suffix out of columns.{column} in usersync.yaml"
        if own is not None:
            what = (
                f"{', '.join(own.functions)} makes the profiles of {name}, so unique: suffix of"
                f" columns.{column} means nothing"
            )
            yield what, f"say create: columns for this table in usersync.yaml, or {out}"
        elif column not in texts:
            what = (
                f"{name}.{column} is of type {there[column]['display_type']}: a number goes behind"
                " text, varchar, char and citext alone"
            )
            yield what, out
        elif not texts[column]["indexes"]:
            what = (
                f"nothing asks for unique values of {name}.{column}: there is no unique index over"
                " it, or over one expression of it, alone and for all rows"
            )
            yield what, f"{out}, or make one: alter table {name} add unique ({column});"
        elif texts[column]["others"]:
            what = (
                f"the unique index {', '.join(texts[column]['others'])} is over more than"
                f" {name}.{column}: a number that makes that unique may still clash there"
            )
            yield what, out
