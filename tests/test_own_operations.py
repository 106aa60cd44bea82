"""Operations that an installed package brings along, found by its entry point."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.app import App
from tests.program import usersync
from tests.test_runbooks import HEAD

pytestmark = pytest.mark.any_postgres

MODULE = '''
from usersync.model import Outcome, Step
from usersync.operations import operation


@operation("pager.silence", "external")
def silence(session, *, minutes: int = 10) -> Outcome:
    """Keep the pager quiet."""
    return Outcome(steps=(Step("pager", "changed", f"quiet for {minutes} minutes"),))
'''
METADATA = "Metadata-Version: 2.1\nName: acme-pager\nVersion: 1.0\n"
ENTRY_POINTS = "[usersync.operations]\npager = acme_pager\n"


@pytest.fixture
def site_packages(tmp_path: Path) -> Path:
    """A folder with an installed package, as pip leaves one."""
    folder = tmp_path / "site-packages"
    info = folder / "acme_pager-1.0.dist-info"
    info.mkdir(parents=True)
    (folder / "acme_pager.py").write_text(MODULE)
    (info / "METADATA").write_text(METADATA)
    (info / "entry_points.txt").write_text(ENTRY_POINTS)
    return folder


@pytest.fixture
def book(app: App) -> Path:
    """A runbook that calls the operation of the package."""
    path = app.folder / "runbooks/quiet.yaml"
    path.parent.mkdir()
    path.write_text(
        HEAD.format(name="quiet") + "steps:\n  - id: quiet\n    change: pager.silence\n"
        "    with:\n      minutes: 5\n    irreversible: true\n"
    )
    return path


def test_a_package_brings_operations_along(book: Path, site_packages: Path) -> None:
    """Once it is installed its operations are linted, bound and called like ours."""
    without = usersync("runbook.lint", "quiet")
    assert without.returncode == 3
    assert "there is no operation `pager.silence`" in without.stdout
    here = {"PYTHONPATH": str(site_packages)}
    assert usersync("runbook.lint", "quiet", **here).returncode == 0
    done = usersync("runbook.quiet", **here)
    assert done.returncode == 0, done.stderr
    assert "pager: quiet for 5 minutes" in done.stdout
    book.write_text(book.read_text().replace("minutes: 5", "minutes: five"))
    wrong = usersync("runbook.lint", "quiet", **here)
    assert (wrong.returncode, "takes a whole number here" in wrong.stdout) == (3, True)


def test_a_package_that_does_not_load_is_named(book: Path, site_packages: Path) -> None:
    """A package whose code fails is exit 3 with its name and the line, and no traceback."""
    (site_packages / "acme_pager.py").write_text("import nothing_of_this_name\n")
    done = usersync("runbook.quiet", PYTHONPATH=str(site_packages))
    assert done.returncode == 3
    assert "operations: pager cannot be loaded: ModuleNotFoundError" in done.stderr + done.stdout


def test_a_package_takes_no_name_of_ours(book: Path, site_packages: Path) -> None:
    """What is called like one of ours is refused, and ours is what runs."""
    (site_packages / "acme_pager.py").write_text(MODULE.replace("pager.silence", "sync"))
    done = usersync("runbook.quiet", PYTHONPATH=str(site_packages))
    assert done.returncode == 3
    assert "there is an operation sync already" in done.stderr + done.stdout
