"""The page about the checks, written out from the heads of their files."""

from __future__ import annotations

from usersync.sql import Script, checks

_ABOUT = {"table": "each profile table", "database": "the whole database"}


def checks_markdown() -> str:
    """Every check as one section of a Markdown page."""
    sections = "\n".join(_section(script) for script in checks())
    return f"""\
# The checks

`migration.verify` and `doctor` run all of them, `status` those about rows that it counted. A check
is one SQL file that only reads; each row it answers is a finding with a stable id, `CHECK:SUBJECT`,
which `accept:` in [`usersync.yaml`](configuration.md) may name. Findings of level `warning` and
`error` make the exit code 2, and a check that could not tell makes it 1. This page is made from the
heads of the files under `usersync/sql/checks`.

{sections}"""


def _section(script: Script) -> str:
    number, _, name = script.name.rpartition("/")[2].partition("_")
    header = script.header
    asks = header["asks"][0].upper() + header["asks"][1:]
    without = (
        f"Where usersync installs less than that takes: {header['without']}\n\n"
        if "without" in header
        else ""
    )
    why = f"{header['why']}\n\n" if "why" in header else ""
    return f"""\
## {name}

{asks} ({header["level"]}, about {_ABOUT[header["about"]]}, check {number})

{why}What to do: {header["remedy"]}

{without}What it costs: {header["cost"]}.
"""
