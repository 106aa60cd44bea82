"""``migration.export``: the changes as files for the Supabase CLI, which keeps its own history."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from usersync.errors import Refused
from usersync.migration import ground
from usersync.migration.states import PENDING
from usersync.model import Outcome, Step
from usersync.session import Session

#: ``supabase db push`` reads this folder, and only names that begin with a time.
MIGRATIONS = Path("supabase") / "migrations"

#: Not beside the migrations: the CLI would run them too.
DOWN = Path("supabase") / "usersync"


@dataclass(frozen=True, slots=True)
class ExportOptions:
    """What a person may say about one export."""

    create_table: bool = False


def export(session: Session, options: ExportOptions, repository: Path) -> Outcome:
    """Write each pending change as one migration of the Supabase CLI, and its way back.

    The CLI runs each file as one implicit transaction, so a file sets its own lock time-out.

    Args:
        session: the run's surroundings.
        options: what was asked for.
        repository: the app's repository.

    Raises:
        Refused: it cannot be done here, or a file cannot be written.
    """
    found = ground.look(session, create_table=options.create_table)
    settings = session.target.settings
    why = ground.unasked(found, settings)
    if why:
        return Outcome(changes=found.states, notes=(f"Nothing to export: {why}.",))
    ground.refuse_ground(found.survey, settings, on_users=found.writer == "own")
    ground.refuse_newer(found.states)
    if found.writer == "own":
        ground.refuse_other_writers(session, found.survey)
    pending = {state.name for state in found.states if state.state in PENDING}
    steps: list[Step] = []
    moment = session.clock()
    catalog = session.backend.catalog
    for change in found.changes:
        if change.name not in pending:
            continue
        # One second apart: the CLI applies them in the order of their times.
        moment += timedelta(seconds=1)
        name = f"{moment:%Y%m%d%H%M%S}_usersync_{change.name.partition('_')[2]}"
        up = MIGRATIONS / f"{name}.sql"
        down = DOWN / f"{name}.down.sql"
        _write(repository / up, catalog.file(change, "apply"))
        _write(repository / down, catalog.file(change, "revert"))
        steps.append(Step(change.name, "changed", f"{up}, and back: {down}"))
    if not steps:
        return Outcome(changes=found.states, notes=("Nothing to export: nothing is pending.",))
    return Outcome(
        changes=found.states,
        steps=tuple(steps),
        next_steps=("supabase db push", session.command("migration.verify")),
    )


def _write(path: Path, text: str) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise Refused(f"{path} cannot be written: {error.strerror}") from error
