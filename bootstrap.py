"""Make or reuse ``.venv``, install the pinned packages, run a task: ``python3 bootstrap.py demo``.

Standard library only, and readable by a Python that is too old, so that it can say so.
"""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent
HOME = ROOT / ".venv"
PYTHON = HOME / "bin" / "python"

#: The oldest Python that usersync runs on, as in pyproject.toml.
OLDEST = (3, 11)

#: The demo needs the embedded Postgres; every other task may need all that the tests need.
EXTRAS = {"demo": "local"}

IS_USABLE = f"import sys, pip; sys.exit(sys.version_info < {OLDEST})"


def main() -> None:
    """Set up, then become ``invoke`` with the arguments that were given."""
    tasks = sys.argv[1:]
    if not tasks:
        sys.exit("Which task? For example: python3 bootstrap.py demo")
    os.chdir(str(ROOT))
    if not is_usable():
        make()
    install(EXTRAS.get(tasks[0], "dev"))
    sys.stdout.flush()
    # In place of this process, so that Ctrl-C and SIGTERM reach the task and nobody else.
    os.execv(str(PYTHON), [str(PYTHON), "-m", "invoke", *tasks])  # noqa: S606


def is_usable() -> bool:
    """Whether there is an environment that can be used again."""
    if not PYTHON.exists():
        return False
    check = [str(PYTHON), "-c", IS_USABLE]
    return subprocess.call(check, stderr=subprocess.DEVNULL) == 0


def make() -> None:
    """Make the environment, in place of one that is broken or too old."""
    if sys.version_info < OLDEST:
        oldest, found = (".".join(map(str, pair)) for pair in (OLDEST, sys.version_info[:2]))
        sys.exit(
            f"usersync needs Python {oldest} or later, and {sys.executable} is {found}.\n"
            f"Name another one, for example: python{oldest} bootstrap.py {' '.join(sys.argv[1:])}"
        )
    if HOME.exists() and not (HOME / "pyvenv.cfg").exists():
        sys.exit(f"{HOME} is there and is no virtual environment: move it away")
    say("Making the virtual environment .venv ...")
    call(sys.executable, "-m", "venv", "--clear", str(HOME))


def install(extra: str) -> None:
    """Install this folder and what it needs, in the versions of constraints.txt."""
    say(f"Installing usersync[{extra}] into .venv ...")
    pip = [str(PYTHON), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    # What builds the package is pinned too; for that, newer versions of pip read the second name.
    pins = dict.fromkeys(("PIP_CONSTRAINT", "PIP_BUILD_CONSTRAINT"), "constraints.txt")
    call(*pip, "--editable", f".[{extra}]", **pins)


def call(*command: str, **variables: str) -> None:
    """Run a command; end with its exit code when it fails, as it has said why."""
    code = subprocess.call(command, env={**os.environ, **variables})
    if code:
        sys.exit(code)


def say(line: str) -> None:
    """Tell what takes a while, apart from what the task prints."""
    print(line, file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
