"""The app's trigger whose place ours took, and the statements that put it back."""

from __future__ import annotations

from dataclasses import dataclass

from psycopg import sql

from usersync.sql.fragments import block
from usersync.sql.names import Names

MARK = "-- usersync: what was replaced comes back\n"


@dataclass(frozen=True, slots=True)
class Replaced:
    """A trigger on ``auth.users`` and its function, each as the catalog prints it."""

    trigger: str
    definition: str
    function: str
    """``public.handle_new_user()``."""
    function_definition: str
    search_path: str
    """Where the names without a schema in the definition were found."""

    @property
    def images(self) -> dict[str, str]:
        """Both definitions by identity, as before-images keep them."""
        return {
            f"trigger {self.trigger} on auth.users": self.definition,
            f"function {self.function}": self.function_definition,
        }

    def restore(self) -> str:
        """The statements that put it back, byte for byte; safe to run twice."""
        again = self.definition.replace("CREATE TRIGGER", "CREATE OR REPLACE TRIGGER", 1)
        named: Names = {
            "search_path": _text(self.search_path),
            "function_text": _text(self.function),
            "function_definition": _text(self.function_definition),
            "trigger_definition": _text(again),
        }
        return f"\n{MARK}" + block("restore_replaced", named).as_string() + "\n"


def carried(revert: str) -> str:
    """The part of a revert text that puts back what was replaced; empty when nothing was."""
    _, mark, rest = revert.partition(MARK)
    return f"\n{mark}{rest}" if mark else ""


def _text(text: str) -> sql.SQL:
    """A text on one line, so that nobody who reads the statements takes a line of it for one."""
    escaped = text.replace("\\", "\\\\").replace("'", "''")
    return sql.SQL("e'" + escaped.replace("\n", "\\n").replace("\r", "\\r") + "'")
