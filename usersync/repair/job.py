"""What is asked for: which correction, of which table, and how the task is typed."""

from __future__ import annotations

from dataclasses import dataclass

from usersync.backends import Table
from usersync.backends.repairs import USERS, Correction, Kind
from usersync.config import ProfileTable
from usersync.errors import Refused, UsersyncError
from usersync.reference import any_id, whole_id
from usersync.session import Session


@dataclass(frozen=True, slots=True)
class RepairOptions:
    """What a person may say about one repair.

    ``approve`` is a digest as the dry run printed it; ``wait_s`` is how long to wait for another
    run; ``fire_triggers`` are triggers that may reach outside.
    """

    max_rows: int | None = None
    approve: str | None = None
    yes: bool = False
    wait_s: float = 0.0
    fire_triggers: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Job:
    """One correction as a task asks for it."""

    task: str
    correction: Correction
    words: tuple[str, ...] = ()
    """What belongs behind the task on the next command."""

    @property
    def gives_back(self) -> bool:
        """Whether it only puts back what was kept."""
        return self.correction.kind in ("parked", "images")

    def command(self, session: Session, *flags: str) -> str:
        """The command of this task with further flags."""
        return session.command(self.task, *self.words, *flags)


def jobs(session: Session, task: str, kind: Kind, *words: str) -> tuple[Job, ...]:
    """One job for each table that a repair is about.

    Args:
        session: the run's surroundings.
        task: as it is typed.
        kind: what is corrected.
        words: what was given besides.

    Raises:
        Refused: there is no connection, or a table does not fit its configuration.
    """
    _refuse_without_connection(session, task)
    if kind == "tokens":
        return (Job(task, Correction(kind), words),)
    tables = [session.backend.table(one, writing=False) for one in session.target.profiles]
    return tuple(Job(task, Correction(kind, table), words) for table in tables)


def restoring(session: Session, run_id: str) -> tuple[Job, ...]:
    """The jobs that take back what one run changed, a table each.

    Raises:
        Refused: there is nothing of such a run, or one of its tables is not configured.
    """
    task = "restore"
    _refuse_without_connection(session, task)
    wanted = any_id(run_id)
    history = session.command("status", "--history", "20")
    if not wanted:
        raise Refused(
            "this is no id of a run: it takes a whole one, or its first 8 characters",
            f"the lines of {history} --json have it",
        )
    repairs = session.backend.catalog.repairs
    if not repairs.ground(Correction("tokens")).keeps:
        raise not_installed(session, task)
    if not whole_id(wanted):
        wanted = _the_one(repairs.runs(wanted)) or wanted
    touched = repairs.touched(wanted) if whole_id(wanted) else ()
    if not touched:
        days = session.target.settings.journal.before_images_days
        raise Refused(
            f"nothing is kept of a run {wanted}: it changed no row that was there, or its old"
            f" values are older than {days} days (journal.before_images_days)",
            f"which runs there were: {history}",
        )
    configured = {table.name: table for table in session.target.profiles}
    return tuple(
        Job(
            task,
            Correction(
                "parked" if one.is_parked else "images",
                None if one.object == USERS else _table(session, configured, one.object),
                wanted,
                one.columns,
            ),
            (wanted,),
        )
        for one in touched
    )


def _the_one(runs: tuple[str, ...]) -> str:
    """The run that a beginning means; empty for none.

    Raises:
        Refused: there are several.
    """
    if len(runs) > 1:
        more = " and more" if len(runs) > 2 else ""
        raise Refused(
            f"several runs begin so: {', '.join(runs[:2])}{more}",
            "give the whole id of the one you mean; --show-ids prints whole ids",
        )
    return "".join(runs)


def keeps(session: Session) -> bool:
    """Whether a repair of this target can keep the old values, so that it can be put back."""
    try:
        session.backend.refuse("schema", "repair.tokens")
    except UsersyncError:
        return False
    return session.backend.catalog.repairs.ground(Correction("tokens")).keeps


def not_installed(session: Session, task: str) -> Refused:
    """What a repair says where no old value could be kept."""
    schema = session.target.settings.install.schema_name
    return Refused(
        f"{task} keeps what it changes in {schema}.before_images and {schema}.parked_profiles, and"
        " this target has not got them; nothing was changed",
        f"install them: {session.installing('full', '--dry-run')}",
    )


def _refuse_without_connection(session: Session, task: str) -> None:
    # A door that cannot change the schema cannot keep old values either.
    try:
        session.backend.refuse("schema", task)
    except UsersyncError as error:
        raise Refused(
            f"{task} needs a database connection, and the target is reached over its API",
            "set SUPABASE_DB_URL to the connection string of the session pooler (Connect, in the"
            " dashboard)",
        ) from error


def _table(session: Session, configured: dict[str, ProfileTable], name: str) -> Table:
    if name not in configured:
        raise Refused(
            f"that run changed {name}, which is no profile table of this configuration",
            "restore it with the configuration that it was changed with",
        )
    return session.backend.table(configured[name], writing=False)
