"""The app's trigger whose place ours took, and the statements that put it back."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from psycopg import sql

from usersync.sql.fragments import block
from usersync.sql.names import Names

MARK = "-- usersync: what was replaced comes back\n"
_END = "-- usersync: and ours goes\n"

#: A text as `_text` writes it.
_TEXT = re.compile(r"\be'((?:[^'\\]|''|\\.)*)'", re.DOTALL)
_NAME = re.compile(r'CREATE TRIGGER ("(?:[^"]|"")+"|\S+) ')
_OWNER = " owner to "


@dataclass(frozen=True, slots=True)
class Replaced:
    """A trigger on ``auth.users`` and its function, each as the catalog prints it."""

    definition: str
    function: str
    """``public.handle_new_user()``."""
    function_definition: str
    search_path: str
    """Where the names without a schema in the definition were found."""
    attributes: tuple[str, ...] = ()
    """The statements that give a new function its comment, rights and owner; none where an older
    usersync took its place.
    """

    @property
    def trigger(self) -> str:
        """Its name, without quotes."""
        found = _NAME.match(self.definition)
        assert found is not None
        name = found[1]
        return name[1:-1].replace('""', '"') if name.startswith('"') else name

    @property
    def owner(self) -> str | None:
        """The owner of the function, as SQL has it, where that is known."""
        return self.attributes[-1].rpartition(_OWNER)[2] if self.attributes else None

    @property
    def images(self) -> dict[str, str]:
        """All of it by identity, as before-images keep it."""
        return {
            f"trigger {self.trigger} on auth.users": self.definition,
            f"function {self.function}": self.function_definition,
            f"rights of function {self.function}": _statements(self.attributes),
        }

    @property
    def text(self) -> str:
        """The statements that make the function as it was."""
        return f"{self.function_definition.rstrip()};\n{_statements(self.attributes)}"

    def restore(self, ours: str) -> str:
        """The statements that put it back, byte for byte; safe to run twice.

        They run before ours goes: the trigger is never gone, and keeps its comment.

        Args:
            ours: the function of ours that its trigger calls now.
        """
        again = self.definition.replace("CREATE TRIGGER", "CREATE OR REPLACE TRIGGER", 1)
        named: Names = {
            "search_path": _text(self.search_path),
            "function_text": _text(self.function),
            "function_definition": _text(self.function_definition),
            "attributes": sql.SQL("array[{}]::text[]").format(
                sql.SQL(", ").join(map(_text, self.attributes))
            ),
            "trigger_text": _text(self.trigger),
            "ours_text": _text(ours),
            "trigger_definition": _text(again),
        }
        return f"{MARK}{block('restore_replaced', named).as_string()}\n{_END}"


def read(revert: str) -> Replaced | None:
    """What a revert text of any version puts back; None when nothing was replaced.

    Args:
        revert: as the ledger keeps it.
    """
    _, mark, rest = revert.partition(MARK)
    if not mark:
        return None
    statements, end, _ = rest.partition(_END)
    search_path, function, definition, trigger, *more = map(_plain, _TEXT.findall(statements))
    return Replaced(
        trigger.replace("CREATE OR REPLACE TRIGGER", "CREATE TRIGGER", 1),
        function,
        definition,
        search_path,
        # Behind the name of the trigger and of our function; an older version ended before.
        tuple(more[2:]) if end else (),
    )


def without(revert: str) -> str:
    """What a revert text does beside that.

    Args:
        revert: as the ledger keeps it; of an older version the part stands at the end.
    """
    before, _, rest = revert.partition(MARK)
    return rest.partition(_END)[2] or before.removesuffix("\n")


def _statements(attributes: Sequence[str]) -> str:
    return "\n".join(f"{statement};" for statement in attributes)


def _text(text: str) -> sql.SQL:
    """A text on one line, so that nobody who reads the statements takes a line of it for one."""
    escaped = text.replace("\\", "\\\\").replace("'", "''")
    return sql.SQL("e'" + escaped.replace("\n", "\\n").replace("\r", "\\r") + "'")


def _plain(literal: str) -> str:
    """The text that `_text` wrote."""
    ends = {"\\n": "\n", "\\r": "\r", "\\\\": "\\", "''": "'"}
    return re.sub(r"\\.|''", lambda found: ends[found[0]], literal)
