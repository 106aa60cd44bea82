"""Operations on everything of ours at once: what there is, and its end."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from usersync import migration
from usersync.migration import UninstallOptions
from usersync.model import Outcome
from usersync.operations.registry import operation
from usersync.session import Session


@operation("migration.footprint", "read")
def footprint(session: Session) -> Outcome:
    """List what of usersync is in the target, by the catalog's word; writes nothing."""
    found = session.backend.catalog.footprint(session.journal.in_file())
    nothing = "Nothing of usersync is in this target."
    return Outcome(
        footprint=found.traces,
        notes=(
            *(() if found.traces else (nothing,)),
            *(() if found.knows_ledger else ("This role may not read the ledger.",)),
            *(f"In no ledger of ours: {one}" for one in found.strangers),
            *(f"Stands on ours, and is not ours: {one}" for one in found.standing),
            *(f"Names ours in its text: {one}" for one in found.naming),
            *(
                f"rights.grant gave rights on {one}; an earlier usersync did not keep which"
                for one in found.untold
            ),
            *(
                f"{one}: rights.grant gave such a right, on another table or not just so"
                for one in found.uncertain
            ),
        ),
    )


@operation("uninstall.plan", "read")
def plan_uninstall(
    session: Session, *, statements: bool = False, keep_grants: bool = False
) -> Outcome:
    """Say what uninstall would take out and what stays; writes nothing.

    Args:
        session: the run's surroundings.
        statements: the SQL and nothing else.
        keep_grants: what ``rights.grant`` gave stays.
    """
    options = UninstallOptions(keep_grants=keep_grants)
    planned = migration.plan_uninstall(session, options)
    if statements:
        return Outcome(statements=planned.statements, exit_code=2 if planned.todo else 0)
    if not planned.todo:
        return migration.nothing(session, planned)
    return Outcome(
        changes=planned.states,
        notes=(*planned.notes, f"Digest: {planned.digest}", "Nothing was written."),
        next_steps=(session.command("uninstall", "--approve", planned.digest, *options.words()),),
        exit_code=2,
        digest=planned.digest,
    )


@operation("uninstall", "schema", plan="uninstall.plan", repeatable=True)
def uninstall(session: Session, *, options: UninstallOptions) -> Outcome:
    """Take everything of ours out, prove it, and say what goes by hand elsewhere."""
    outcome = migration.uninstall(session, options, session.journal.folder / "dropped")
    # The embedded database has no repository.
    if outcome.exit_code or session.target.name == "local":
        return outcome
    return replace(outcome, next_steps=migration.remnants(session, Path.cwd()))
