"""The files of a migration folder, named and ordered as the Supabase CLI has them."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from usersync.errors import Refused

#: How the CLI wants them named: a version, which is a time, and a name.
_NAME = re.compile(r"(\d+)_.*\.sql")

_LISTED = 5


@dataclass(frozen=True, slots=True)
class Migration:
    """One file of the folder.

    Args:
        name: of the file, without its folder.
        text: of the whole file.
    """

    name: str
    text: str

    @property
    def version(self) -> str:
        """The number that its name begins with."""
        return self.name.partition("_")[0]


@dataclass(frozen=True, slots=True)
class Folder:
    """The migrations of one side, in the order in which they run.

    Args:
        where: what messages call it.
        migrations: its files.
    """

    where: str
    migrations: tuple[Migration, ...]

    def common(self, other: Folder) -> int:
        """How many of its first migrations the other folder begins with too."""
        pairs = zip(self.migrations, other.migrations, strict=False)
        number = 0
        for mine, others in pairs:
            if mine != others:
                break
            number += 1
        return number


def read(path: Path) -> Folder:
    """The migrations in a folder of this machine.

    Args:
        path: the folder.

    Raises:
        Refused: it is missing or empty, or a file in it is not what the CLI takes.
    """
    if not path.is_dir():
        raise Refused(
            f"there is no folder {path}",
            "name it: --folder DIRECTORY; the Supabase CLI has it at supabase/migrations",
        )
    try:
        files = {
            file.name: file.read_bytes() for file in path.iterdir() if file.name.endswith(".sql")
        }
    except OSError as error:
        raise Refused(f"{path} cannot be read: {error.strerror}") from error
    return folder(str(path), files)


def folder(where: str, files: Mapping[str, bytes], *, may_be_empty: bool = False) -> Folder:
    """Make a folder of the contents of its files.

    Args:
        where: what messages call it.
        files: name and contents of every ``.sql`` file.
        may_be_empty: whether there may be none.

    Raises:
        Refused: a name or a text is not what the CLI takes, or there is no file.
    """
    names = sorted(files)
    odd = [name for name in names if not _NAME.fullmatch(name)]
    if odd:
        raise Refused(
            f"{where}: the Supabase CLI passes over {_listed(odd)}: a migration is named"
            " 20260108103000_name.sql",
            "give it a version and a name, or move it elsewhere",
        )
    counts = Counter(name.partition("_")[0] for name in names)
    twice = [name for name in names if counts[name.partition("_")[0]] > 1]
    if twice:
        raise Refused(
            f"{where}: {_listed(twice)} have one version, and the Supabase CLI takes it once",
            "give one of them another version",
        )
    if not names and not may_be_empty:
        raise Refused(
            f"{where} holds no migration",
            "name the folder of the app's migrations: --folder DIRECTORY",
        )
    return Folder(
        where, tuple(Migration(name, text_of(where, name, files[name])) for name in names)
    )


def text_of(where: str, name: str, data: bytes) -> str:
    """The text of a file.

    Args:
        where: its folder, as messages call it.
        name: of the file.
        data: its contents.

    Raises:
        Refused: it is not UTF-8.
    """
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        raise Refused(
            f"{where}/{name}:{line}: this is not UTF-8 text", "save the file as UTF-8"
        ) from error
    if "\0" in text:
        line = text[: text.index("\0")].count("\n") + 1
        raise Refused(f"{where}/{name}:{line}: it holds a NUL character, which Postgres refuses")
    return text


def _listed(names: list[str]) -> str:
    rest = len(names) - _LISTED
    return ", ".join(names[:_LISTED]) + (f" and {rest} more" if rest > 0 else "")
