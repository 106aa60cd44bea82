"""What has to be said beside the verdicts, a sentence each."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from usersync.backends.postgres import sign_up_tables
from usersync.comparison.building import Stage
from usersync.comparison.judgement import Tables
from usersync.comparison.sides import Sides
from usersync.local import platform
from usersync.model import Verdict

_LISTED = 5


def tables(before: Tables, after: Tables) -> Iterator[str]:
    """Which profile tables were looked at, and how they were found."""
    if not after.profiles:
        yield (
            "Profile table: none; no trigger of auth.users writes one, so a sign-up counts as good"
            " when it passes."
        )
        return
    yield f"Profile table: {_names(after)}, {after.why}."
    if before.profiles != after.profiles:
        yield f"On base it is {_names(before)}, {before.why}."


def files(sides: Sides) -> Iterator[str]:
    """What the change did to the files."""
    base, head = sides.base.migrations, sides.head.migrations
    old = {one.name: one for one in base}
    new = [one.name for one in head if one.name not in old]
    edited = [one.name for one in head if one.name in old and one != old[one.name]]
    gone = sorted(old.keys() - {one.name for one in head})
    counts = f"base has {len(base)}, head {len(head)}"
    yield f"Migrations: {counts}; new: {_listed(new) if new else 'none'}."
    if edited:
        yield (
            f"Changed: {_listed(edited)}. A database that has run it does not run it again; head"
            " was built from the changed text."
        )
    if gone:
        yield f"Gone: {_listed(gone)}. A database that has run it keeps what it made."
    latest = max((one.version for one in base), default="")
    late = [one.name for one in head if one.name in new and one.version < latest]
    if late:
        yield (
            f"Older than the last one of base: {_listed(late)}. `supabase db push` takes it with"
            " --include-all only."
        )


def stages(sides: Sides, before: Stage, after: Stage) -> Iterator[str]:
    """What ran otherwise than on a hosted project, and what is there in shape only."""
    if before.fault:
        yield f"The migrations of base do not run: {before.fault}."
    yield from (f"{one}." for one in after.remarks)
    in_shape = set(sides.workshop.in_shape)
    if sides.workshop.is_ours:
        installed = sign_up_tables.extensions(sides.workshop.admin_url(after.database))
        in_shape |= installed & platform.stubs() - platform.INSTALLED.keys()
    if in_shape:
        yield (
            f"In shape only: {', '.join(sorted(in_shape))}: tables and functions are there, and"
            " nothing is sent or run."
        )


def habits(questions: Sequence[str]) -> Iterator[str]:
    """What most apps leave open."""
    if questions:
        yield (
            f"Not counted, the same before and after: {', '.join(questions)}: who was anonymous"
            " has no profile then."
        )


def old(verdicts: Sequence[Verdict]) -> Iterator[str]:
    """What was broken before and stays so."""
    stay = [one.question for one in verdicts[1:] if one.before == one.after == "failed"]
    if stay:
        yield f"Broken before this change, and still: {', '.join(stay)}. It does not count here."


def next_steps(sides: Sides, before: Stage, after: Stage) -> tuple[str, ...]:
    """What tells more where this Postgres could not."""
    if not sides.workshop.is_ours or not (before.lacking or after.lacking):
        return ()
    address = "postgresql://supabase_admin:postgres@127.0.0.1:54322/postgres"
    return (f"let the job run `supabase start`: --server-url-env NAME, with NAME={address}",)


def _names(found: Tables) -> str:
    return ", ".join(one.name for one in found.profiles)


def _listed(names: Sequence[str]) -> str:
    rest = len(names) - _LISTED
    return ", ".join(names[:_LISTED]) + (f" and {rest} more" if rest > 0 else "")
