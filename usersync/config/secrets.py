"""Finds secrets that were written into the file; their place is an environment variable."""

from __future__ import annotations

import re

from usersync.config.document import Document, Path, Problem

_KINDS = (
    (re.compile(r"postgres(?:ql)?(?:\+\w+)?://[^\s/@:]*:[^\s]*@", re.IGNORECASE), "a password"),
    (re.compile(r"\beyJ[\w-]{5,}\.[\w-]{5,}\.[\w-]*"), "a key (a JWT)"),
    (re.compile(r"\bsb_secret_\w+"), "a secret key of the project"),
    (re.compile(r"\bsbp_\w{8,}"), "an access token"),
    (re.compile(r"\bgh[opsu]_\w{20,}|\bgithub_pat_\w{20,}"), "a GitHub token"),
)

_TELLING_KEY = re.compile(
    r"(?:.*[_-])?(?:db_?url|database_?url|connection_?string|dsn|password|passwd|pwd|passphrase"
    r"|service_?role(?:_?key)?|secret|secret_?key|token|api_?key|jwt)",
    re.IGNORECASE,
)
#: Below these the keys are names of the app's own, such as a column called `token`.
_NAMES_OF_THE_APP = {"columns", "app_metadata"}

_ADVICE = "put it in an environment variable and write `db_url_env: NAME`"


def find_secrets(document: Document) -> dict[Path, Problem]:
    """Every value that is, or by its key must be, a secret.

    Args:
        document: the file; comments are not part of it.

    Returns:
        One problem per place, which names line and key and never the value.
    """
    found: dict[Path, Problem] = {}
    for path in document.keys:
        kind = _kind(str(path[-1]))
        if kind:
            sentence = f"a key in here holds {kind}; {_ADVICE}"
            found[path] = Problem(path[:-1], document.line(path), sentence)
    for path, text in document.scalars:
        kind = _kind(text)
        if kind:
            sentence = f"it holds {kind}; {_ADVICE}"
        elif _is_telling(path) and text.strip().lower() not in {"", "null", "~"}:
            sentence = f"a secret is never written here; {_ADVICE}"
        else:
            continue
        found.setdefault(path, Problem(path, document.line(path), sentence))
    return found


def _kind(text: str) -> str:
    return next((kind for pattern, kind in _KINDS if pattern.search(text)), "")


def _is_telling(path: Path) -> bool:
    names = [part for part in path if isinstance(part, str)]
    return bool(
        names and not _NAMES_OF_THE_APP & set(names[:-1]) and _TELLING_KEY.fullmatch(names[-1])
    )


def concerns(problem: Problem, secret: Path) -> bool:
    """Whether a problem's sentence could show the secret at this place."""
    shorter = min(len(problem.path), len(secret))
    return problem.path[:shorter] == secret[:shorter]
