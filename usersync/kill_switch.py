"""``migration.pause``, ``migration.resume``: sign-ups work again at once, and nothing is lost."""

from __future__ import annotations

import contextlib
import difflib
import os
import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from usersync import sync
from usersync.backends.catalog import TriggerFunction
from usersync.errors import CouldNotTell, Refused, StepFailed, UsersyncError
from usersync.model import JournalEvent, Outcome, Step
from usersync.session import Session

_PAUSE = "migration.pause"
_RESUME = "migration.resume"
_OR_REPLACE = "or deploy a corrected function, which takes the place of the paused one"


def pause(session: Session, wanted: str | None, *, keep: bool = True) -> Outcome:
    """Let a function behind a trigger do nothing until it is resumed; asks nobody.

    Args:
        session: the run's surroundings.
        wanted: which function; None for ours, else the only one that sign-ups call.
        keep: whether to commit; otherwise it is done for real, and rolled back.

    Raises:
        Refused: it is not clear which one is meant, or it is not ours to replace.
    """
    catalog = session.backend.catalog
    found = catalog.trigger_functions()
    function = _named(session, _PAUSE, found, wanted) if wanted else _obvious(session, found)
    if function.is_paused:
        return _already_paused(session, function)
    if not function.replaceable:
        raise Refused(
            f"{function.name} belongs to {function.owner}, so this role may not replace it",
            f"connect as {function.owner}, or as a role that has its rights",
        )
    if len(function.triggers) > 1 and not wanted:
        raise Refused(
            f"{function.name} is called by {len(function.triggers)} triggers:"
            f" {', '.join(function.triggers)}; all of them would do nothing",
            f"name it, if that is meant: {session.command(_PAUSE, function.name)}",
        )
    kept = _keep(session, function) if keep else "Rolled back: it does what it did before."
    with _journalled(session, function, "paused", keep=keep) as event:
        paused = catalog.pause(
            function,
            since=event.at,
            by=event.actor,
            reason=event.reason,
            event=event,
            keep=keep,
        )
    # What is paused may be what makes the profiles for sync, too.
    then = "and, until then, for" if sync.can_make(session) else "and afterwards, for"
    return Outcome(
        steps=(Step(function.name, "changed", f"does nothing any more: {_callers(function)}"),),
        paused=(paused,),
        notes=(kept,),
        next_steps=(
            "correct what is wrong, then: " + session.command(_RESUME, function.name),
            _OR_REPLACE,
            f"{then} those who sign up: {session.command('sync')}",
        ),
    )


def resume(
    session: Session, wanted: str | None, allow: Collection[str] = (), *, keep: bool = True
) -> Outcome:
    """Put a paused function back, byte for byte, if a sign-up passes with it.

    Args:
        session: the run's surroundings.
        wanted: which function; None for the only paused one.
        allow: functions that the canary may run although a rollback would not undo what they do.
        keep: whether to commit; otherwise it is done for real, and rolled back.

    Raises:
        Refused: it is not clear which one is meant, or somebody replaced its body.
        CouldNotTell: what was saved is not whole.
    """
    catalog = session.backend.catalog
    found = catalog.trigger_functions()
    paused = [one for one in found if one.is_paused]
    if wanted:
        function = _named(session, _RESUME, found, wanted)
    elif len(paused) > 1:
        raise Refused(
            f"{len(paused)} functions are paused; which one?", _choices(session, _RESUME, paused)
        )
    elif paused:
        function = paused[0]
    else:
        return _nothing_paused(session, found, "nothing is paused; nothing was changed")
    if not function.is_paused:
        text = f"{function.name} is not paused; nothing was changed"
        return _nothing_paused(session, [function], text)
    paused_as = next(
        one for one in catalog.paused(session.target.profiles) if one.function == function.name
    )
    steps: tuple[Step, ...] = ()
    try:
        with _journalled(session, function, "resumed", keep=keep) as event:
            steps = catalog.resume(
                function, session.target.profiles, allow=allow, event=event, keep=keep
            )
            _demand_passed(function, steps)
    except StepFailed as error:
        again = session.command(_RESUME, function.name)
        return Outcome(
            # What the canary advises elsewhere is what holds already.
            steps=tuple(
                replace(step, next_step="") if _PAUSE in step.next_step else step for step in steps
            ),
            paused=(paused_as,),
            exit_code=error.exit_code,
            error=error.message,
            next_steps=(f"correct what failed, then: {again}", _OR_REPLACE),
        )
    if keep:
        _forget(session, function)
    return Outcome(
        steps=(Step(function.name, "changed", "is back, byte for byte"), *steps),
        notes=(f"Signed up without a profile while it was paused: {paused_as.signed_up:,}",),
        next_steps=(session.command("sync", "--dry-run"), session.command("sync")),
    )


def _demand_passed(function: TriggerFunction, steps: Sequence[Step]) -> None:
    if any(step.status == "failed" for step in steps):
        raise StepFailed(f"{function.name} is still paused: a sign-up would fail with it")


@contextlib.contextmanager
def _journalled(
    session: Session, function: TriggerFunction, what: str, *, keep: bool
) -> Iterator[JournalEvent]:
    """Tell the journal of the start and the end; leaves the line to commit with the change."""
    journal = session.journal
    if not keep:
        yield replace(journal.unit(function.name), counts={what: 1})
        return
    journal.started(function.name, counts={what: 1})
    try:
        event = replace(journal.unit(function.name), counts={what: 1})
        yield event
        journal.committed(event, event.counts)
    except (UsersyncError, KeyboardInterrupt) as error:
        exit_code = error.exit_code if isinstance(error, UsersyncError) else 1
        # What ended the run is told, also when there is no connection left for its last line.
        with contextlib.suppress(UsersyncError):
            journal.ended(function.name, counts={what: 0}, exit_code=exit_code)
        raise
    journal.ended(function.name, counts={what: 1}, exit_code=0)


def _obvious(session: Session, found: Sequence[TriggerFunction]) -> TriggerFunction:
    """Ours, else the only function that a sign-up calls."""
    signing_up = [one for one in found if one.on_sign_up]
    for one in signing_up:
        if one.schema == session.target.settings.install.schema_name:
            return one
    if len(signing_up) == 1:
        return signing_up[0]
    if not signing_up:
        raise Refused(
            "no trigger acts on sign-ups, so there is nothing to pause",
            f"if sign-ups fail all the same: {session.command('doctor')}",
        )
    raise Refused(
        f"sign-ups call {len(signing_up)} functions; which one?",
        _choices(session, _PAUSE, signing_up),
    )


def _named(
    session: Session, task: str, found: Sequence[TriggerFunction], wanted: str
) -> TriggerFunction:
    """The function that a person means, with or without schema and parentheses."""
    plain = re.sub(r"\(\s*\)$", "", wanted.strip())
    matches = [
        one
        for one in found
        if plain in (one.name.removesuffix("()"), f"{one.schema}.{one.plain_name}", one.plain_name)
    ]
    if len(matches) == 1:
        return matches[0]
    if matches:
        raise Refused(
            f"{wanted} may be any of {len(matches)}; which one?", _choices(session, task, matches)
        )
    if not found:
        raise Refused("no trigger on auth.users calls a function, so there is nothing to pause")
    by_name = {one.name.removesuffix("()"): one for one in found}
    by_name |= {one.plain_name: one for one in found}
    near = difflib.get_close_matches(plain, by_name, n=1)
    guess = f"; did you mean {by_name[near[0]].name}?" if near else ""
    raise Refused(
        f"no trigger on auth.users calls a function {wanted}{guess}",
        _choices(session, task, found),
    )


def _choices(session: Session, task: str, functions: Sequence[TriggerFunction]) -> str:
    return "\n".join(session.command(task, one.name) for one in functions)


def _callers(function: TriggerFunction) -> str:
    return ", ".join(function.triggers) or "no trigger calls it"


def _already_paused(session: Session, function: TriggerFunction) -> Outcome:
    text = "is paused already; nothing was changed"
    steps = (Step(function.name, "ok", text),)
    next_steps = (session.command(_RESUME, function.name),)
    try:
        paused = session.backend.catalog.paused(session.target.profiles)
    except CouldNotTell:
        # Whoever holds auth.users keeps us from counting, and from nothing else.
        return Outcome(steps=steps, next_steps=next_steps)
    mine = tuple(one for one in paused if one.function == function.name)
    return Outcome(steps=steps, paused=mine, next_steps=next_steps)


def _nothing_paused(session: Session, functions: Sequence[TriggerFunction], text: str) -> Outcome:
    """Nothing to resume.

    Raises:
        Refused: one of them was paused, and somebody wrote another body over it.
    """
    for function in functions:
        definition, place = _kept(session, function)
        if definition is not None and definition != function.definition:
            raise Refused(
                f"{function.name} is not paused any more: somebody replaced its body since;"
                " nothing was changed",
                f"what migration.pause saved of it is in {place}\n"
                f"whether the new body works: {session.command('migration.test')}",
            )
    return Outcome(notes=(text[0].upper() + text[1:],))


def _kept(session: Session, function: TriggerFunction) -> tuple[str | None, str]:
    """What is kept of a function that was paused and not resumed, and where."""
    schema = session.target.settings.install.schema_name
    definition = session.backend.catalog.saved(function)
    if definition is not None:
        return definition, f"{schema}.before_images, as object 'function {function.name}'"
    for path in sorted(_folder(session, function).glob("*.sql"), reverse=True):
        with contextlib.suppress(OSError, UnicodeDecodeError):
            return path.read_bytes().decode(), str(path)
    return None, ""


def _folder(session: Session, function: TriggerFunction) -> Path:
    """Where definitions of this function of this database are kept."""
    database, name = (
        re.sub(r"[^\w.-]+", "_", text) for text in (session.backend.identity, function.name)
    )
    return session.journal.folder / "paused" / database / name.strip("_.")


def _keep(session: Session, function: TriggerFunction) -> str:
    """Write the definition into a file for its user alone, before anything is replaced.

    Returns:
        Where it is, for people. The switch does not depend on a file: the definition stands in
        the paused function too.
    """
    folder = _folder(session, function)
    path = folder / f"{session.clock():%Y%m%dT%H%M%S.%fZ}.sql"
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(function.definition.encode())
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        return f"What it did is saved inside it. It is not in a file too: {path}: {error.strerror}"
    return f"What it did is saved inside it, and in {path}"


def _forget(session: Session, function: TriggerFunction) -> None:
    """Set the files aside: what they keep is back."""
    for path in _folder(session, function).glob("*.sql"):
        with contextlib.suppress(OSError):
            path.rename(path.with_suffix(".resumed"))
