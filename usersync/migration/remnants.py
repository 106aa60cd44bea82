"""What of usersync stands outside the target, and goes by hand: in the repository and on GitHub."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterable, Sequence
from pathlib import Path

from usersync import scaffold
from usersync.github.issue import LABEL
from usersync.migration.export import DOWN, MIGRATIONS
from usersync.session import Session

#: Every repository has it, and nobody can remove it.
_OF_GITHUB = {"GITHUB_TOKEN"}

#: The migration that takes out again what the exported ones install.
_TAKEN_OUT = "usersync_taken_out"

_NAMED = {
    "secret": re.compile(r"\$\{\{ *secrets\.(\w+)"),
    "variable": re.compile(r"\bvars\.(\w+)"),
    "environment": re.compile(r"^ +environment: ([\w-]+)$", re.MULTILINE),
}


def listed(session: Session, repository: Path) -> tuple[str, ...]:
    """The commands that remove the rest; none of them is run.

    Args:
        session: the run's surroundings.
        repository: the app's, where ``init`` may have written.
    """
    there = [path for path in scaffold.paths() if (repository / path).is_file()]
    workflows = [repository / path for path in there if path.parent == scaffold.WORKFLOWS]
    folder = session.journal.folder
    return (
        *_of_the_repository(there),
        *_exported(repository),
        *_on_github("\n".join(path.read_text(encoding="utf-8") for path in workflows)),
        "the journal and what was exported, for as long as you want them: "
        + shlex.quote(str(folder)),
    )


def _of_the_repository(there: Sequence[Path]) -> tuple[str, ...]:
    if not there:
        return ()
    return (f"git rm {_words(there)}",)


def _exported(repository: Path) -> tuple[str, ...]:
    """What ``migration.export`` wrote, and how its files install nothing any more."""
    up = _files(repository, MIGRATIONS, "*_usersync_*.sql")
    down = _files(repository, DOWN, "*.down.sql")
    if not up or up[-1].stem.endswith(_TAKEN_OUT):
        return ()
    again = (
        "`supabase db reset` and every new branch would"
        f" install usersync again: {len(up)} files in {MIGRATIONS}"
    )
    # One file for all: two that are made within a second would have one version.
    way_back = f"cat {_words(reversed(down))} | supabase migration new {_TAKEN_OUT}"
    installing = {path.stem for path in up if not path.stem.endswith(_TAKEN_OUT)}
    is_whole = installing <= {path.name.removesuffix(".down.sql") for path in down}
    return (
        again,
        "those that were pushed stay: uninstall in each database that has them, and then one more:",
        f"{way_back} && supabase db push" if is_whole else f"git log -- {DOWN}  # has the way back",
        f"git rm {_words((*up, *down))}  # only if none was ever pushed: supabase migration list",
    )


def _files(repository: Path, folder: Path, pattern: str) -> list[Path]:
    return sorted(path.relative_to(repository) for path in (repository / folder).glob(pattern))


def _words(paths: Iterable[Path]) -> str:
    return " ".join(shlex.quote(str(path)) for path in paths)


def _on_github(text: str) -> tuple[str, ...]:
    """What the workflows that ``init`` wrote name, each if nothing else uses it."""
    if not text:
        return ()
    named = {kind: sorted({*found.findall(text)} - _OF_GITHUB) for kind, found in _NAMED.items()}
    return (
        f"gh issue list --label {LABEL} --state open  # to be closed",
        f"gh label delete {LABEL} --yes",
        "on GitHub, what no other workflow uses:",
        *(_delete("environments", name) + "  # with its secrets" for name in named["environment"]),
        *(
            _delete("actions/secrets", name) + "  # where the repository has it too"
            for name in named["secret"]
        ),
        *(_delete("actions/variables", name) for name in named["variable"]),
        *(
            f"the monitor that waits for {name}, or it raises an alarm"
            for name in named["secret"]
            if name.endswith("HEARTBEAT")
        ),
    )


def _delete(kind: str, name: str) -> str:
    """The program of GitHub fills in which repository it stands in."""
    return f"gh api --method DELETE repos/{{owner}}/{{repo}}/{kind}/{name}"
