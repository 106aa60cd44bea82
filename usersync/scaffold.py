"""What ``init`` writes into somebody's repository: configuration, workflows, a first runbook."""

from __future__ import annotations

import difflib
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

from usersync import __version__, config, runbook
from usersync.errors import Refused
from usersync.privacy import LONGEST_MESSAGE, visible
from usersync.runbook.schema import schema_text

#: The runbook to begin with.
FIRST_RUNBOOK = "our-first-runbook"

WORKFLOWS = Path(".github/workflows")

_TEMPLATES = Path(__file__).with_name("templates") / "init"
#: The part of the template that a look at the database replaces.
_PROFILES = re.compile(
    r"^# The profile table\..*?\n\n(?=# Who needs no profile)", re.DOTALL | re.MULTILINE
)
_PINNED = re.compile(r"[\w.-]+/[\w.-]+@[0-9a-f]{40}")
_ON_A_SERVER = re.compile(r"(?:https://|ssh://git@|git@)[\w.-]+[/:]([\w.-]+/[\w.-]+?)(?:\.git)?/?")


@dataclass(frozen=True, slots=True)
class Planned:
    """One file of ours, and what stands in its place; None where nothing does."""

    path: Path
    text: str
    there: str | None

    @property
    def differs(self) -> bool:
        """Whether there is another text in its place."""
        return self.there is not None and self.there != self.text

    @property
    def diff(self) -> Iterator[str]:
        """From what is there to what ours is, line by line, without what acts on a terminal."""
        before = "/dev/null" if self.there is None else f"a/{self.path}"
        lines = difflib.unified_diff(
            (self.there or "").splitlines(),
            self.text.splitlines(),
            before,
            f"b/{self.path}",
            lineterm="",
        )
        return (visible(line, LONGEST_MESSAGE) for line in lines)


def plan(folder: Path, action: str, profiles: str = "") -> tuple[Planned, ...]:
    """Every file of ours, beside what is there; writes nothing.

    Args:
        folder: somebody's repository.
        action: what its workflows use, ``OWNER/REPOSITORY@COMMIT``.
        profiles: the part of ``usersync.yaml`` about the profile table, as a look at the database
            proposed it.

    Raises:
        Refused: there is no such folder, or something that is no file stands in the way.
    """
    if not folder.is_dir():
        raise Refused(f"there is no folder {folder}", "name the repository: --folder DIR")
    return tuple(
        Planned(path, text, _there(folder, path)) for path, text in files(action, profiles).items()
    )


def write(folder: Path, planned: tuple[Planned, ...]) -> None:
    """Write the files that are not there; whatever is there stays.

    Args:
        folder: somebody's repository.
        planned: as `plan` gave it.
    """
    for one in planned:
        if one.there is None:
            (folder / one.path).parent.mkdir(parents=True, exist_ok=True)
            # Never over a file, also not over one that came meanwhile.
            with (folder / one.path).open("x", encoding="utf-8") as stream:
                stream.write(one.text)


def files(action: str, profiles: str = "") -> Mapping[Path, str]:
    """The text of every file.

    Args:
        action: what the workflows use.
        profiles: the part about the profile table; the usual one when not given.
    """
    names = [*runbook.entries(runbook.shipped_folder()), FIRST_RUNBOOK]
    settings = _template("usersync.yaml")
    if profiles:
        settings = _PROFILES.sub(lambda _: profiles.strip() + "\n\n", settings)
    texts = {Path("usersync.yaml"): settings}
    for name in ("verify", "sync", "runbook"):
        texts[WORKFLOWS / f"usersync-{name}.yml"] = workflow(name, action, names)
    tables = config.read_text(settings, without_targets=True).settings.profiles
    return texts | runbook.starter(FIRST_RUNBOOK, tables) | {runbook.SCHEMA_FILE: schema_text()}


def paths() -> tuple[Path, ...]:
    """Where all the files of ours would stand."""
    return tuple(files(""))


def workflow(name: str, action: str, runbooks: list[str]) -> str:
    """One workflow.

    Args:
        name: of its template.
        action: what its steps use.
        runbooks: which there are to choose from.
    """
    options = "\n".join(f"          - {one}" for one in runbooks)
    return _template(f"{name}.yml").replace("@ACTION@", action).replace("@OPTIONS@", options)


def action(given: str | None) -> str:
    """What the workflows use: what was given, or what this installation came from.

    Args:
        given: the value of ``--action``.

    Raises:
        Refused: it is not pinned to a commit, or nobody knows where this came from.
    """
    found = given or _origin()
    if not found:
        raise Refused(
            "where do the workflows get usersync from? This installation came from a folder",
            "name the repository and the commit: init --action OWNER/usersync@COMMIT",
        )
    if not _PINNED.fullmatch(found):
        raise Refused(
            f"--action takes OWNER/REPOSITORY@COMMIT, the commit with all its 40 digits, as a tag"
            f" can be moved; found {found!r}",
            "git ls-remote https://github.com/OWNER/REPOSITORY v" + __version__,
        )
    return f"{found} # v{__version__}"


def _origin() -> str:
    """The repository and the commit that pip installed, when it was a repository."""
    try:
        told = metadata.distribution("usersync").read_text("direct_url.json")
    except metadata.PackageNotFoundError:
        return ""
    origin = json.loads(told or "{}")
    repository = _ON_A_SERVER.fullmatch(origin.get("url", ""))
    commit = origin.get("vcs_info", {}).get("commit_id", "")
    return f"{repository[1]}@{commit}" if repository and commit else ""


def _there(folder: Path, path: Path) -> str | None:
    place = folder / path
    if not place.exists() and not place.is_symlink():
        for above in path.parents:
            if (folder / above).exists() and not (folder / above).is_dir():
                raise Refused(f"{folder / above} is there and is no folder", "move it away")
        return None
    if not place.is_file():
        raise Refused(f"{place} is there and is no file", "move it away")
    return place.read_text(encoding="utf-8", errors="replace")


def _template(name: str) -> str:
    return (_TEMPLATES / name).read_text(encoding="utf-8")
