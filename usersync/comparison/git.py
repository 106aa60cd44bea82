"""A folder as it stands at a commit, read from git without touching the working tree."""

from __future__ import annotations

import subprocess
from pathlib import Path

from usersync.errors import CouldNotTell, Refused

#: A link, or a repository in the repository.
_NO_FILES = {"120000", "160000"}


def read(ref: str, folder: Path) -> dict[str, bytes]:
    """Name and contents of the ``.sql`` files of a folder at a commit; none where it is missing.

    Args:
        ref: a commit, as git names it.
        folder: the folder, which the working tree need not have.

    Raises:
        Refused: there is no git, no repository, or no such commit in it.
        CouldNotTell: git cannot read it.
    """
    whole = folder.absolute()
    directory = next(path for path in (whole, *whole.parents) if path.is_dir())
    commit = _commit(ref, directory)
    path = f"{whole.relative_to(directory)}/"
    listed = _git(directory, "ls-tree", "-z", "--end-of-options", commit, path)
    if listed.returncode:
        raise CouldNotTell(f"git cannot list {folder} at {ref}: {_said(listed)}")
    objects: dict[str, str] = {}
    for entry in filter(None, listed.stdout.split(b"\0")):
        about, _, raw = entry.partition(b"\t")
        mode, kind, name_of_object = about.decode().split()
        name = raw.decode(errors="replace").rpartition("/")[2]
        if kind == "blob" and mode not in _NO_FILES and name.endswith(".sql"):
            objects[name] = name_of_object
    return dict(zip(objects, _contents(directory, list(objects.values())), strict=True))


def _commit(ref: str, directory: Path) -> str:
    """The whole name of a commit."""
    if ref.startswith("-") or not ref.strip():
        raise Refused(f"--base-ref: {ref!r} is no name of a commit", "name one: --base-ref HEAD^1")
    inside = _git(directory, "rev-parse", "--is-shallow-repository")
    if inside.returncode:
        raise Refused(
            f"--base-ref needs a git repository, and git sees none here: {_said(inside)}",
            "run it in a checkout, or name the other folder: --base DIRECTORY",
        )
    found = _git(
        directory, "rev-parse", "--verify", "--quiet", "--end-of-options", f"{ref}^{{commit}}"
    )
    if not found.returncode:
        return found.stdout.decode().split()[-1]
    if inside.stdout.strip() == b"true":
        raise Refused(
            f"--base-ref: this clone is shallow, and {ref} is not in it",
            "let actions/checkout fetch it (`fetch-depth: 2` for HEAD^1, `fetch-depth: 0` for"
            " all), or run: git fetch --unshallow",
        )
    raise Refused(
        f"--base-ref: git knows no commit {ref}",
        "name one that `git log` shows, or a branch that was fetched, such as origin/main",
    )


def _contents(directory: Path, objects: list[str]) -> list[bytes]:
    """The contents of objects, by one process for all."""
    if not objects:
        return []
    done = _git(directory, "cat-file", "--batch", stdin="".join(f"{one}\n" for one in objects))
    found: list[bytes] = []
    rest = done.stdout
    for one in objects:
        head, _, rest = rest.partition(b"\n")
        words = head.split()
        if done.returncode or len(words) != 3 or words[1] != b"blob":
            raise CouldNotTell(
                f"git cannot read {one[:12]}: {_said(done) or head.decode(errors='replace')}",
                "a partial clone lacks it: fetch the whole history, or name a folder: --base",
            )
        size = int(words[2])
        found.append(rest[:size])
        rest = rest[size + 1 :]
    return found


def _git(
    directory: Path, *words: str, stdin: str | None = None
) -> subprocess.CompletedProcess[bytes]:
    try:
        return subprocess.run(
            ["git", "-C", str(directory), *words],
            input=None if stdin is None else stdin.encode(),
            stdin=subprocess.DEVNULL if stdin is None else None,
            capture_output=True,
            check=False,
        )
    except FileNotFoundError as error:
        raise Refused(
            "--base-ref needs git, and there is none here",
            "install git, or name the other folder: --base DIRECTORY",
        ) from error


def _said(done: subprocess.CompletedProcess[bytes]) -> str:
    lines = done.stderr.decode(errors="replace").strip().splitlines()
    return lines[0].removeprefix("fatal: ") if lines else ""
