"""Base against head: what the change does to sign-ups."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from usersync import runbook
from usersync.backends.canary_cases import CASES
from usersync.comparison import bisection, findings, folder, git, remarks, workshop
from usersync.comparison.building import Stage
from usersync.comparison.folder import Folder
from usersync.comparison.judgement import Case, Judgement, Tables
from usersync.comparison.sides import Seed, Sides
from usersync.config import Settings
from usersync.errors import Refused
from usersync.model import Answer, CheckResult, Outcome, Verdict

#: The question before all others.
RUN = "the migrations run"
WHERE_USERS_ARE = "they run beside users"

FOLDER = "supabase/migrations"

_ANONYMOUS = frozenset(case.name for case in CASES if case.is_anonymous)
_LISTED = 5


@dataclass(frozen=True, slots=True)
class CompareOptions:
    """What to compare.

    Args:
        base_ref: the commit whose folder is base; None where ``base`` names it.
        folder: where the migrations are.
        base: another folder as base.
        head: another folder as head.
        seed: a file that every database gets before sign-ups are tried.
        server_url_env: the variable with the address of a running ``supabase start``.
    """

    base_ref: str | None = None
    folder: str = FOLDER
    base: str | None = None
    head: str | None = None
    seed: str | None = None
    server_url_env: str | None = None


def compare(settings: Settings, server_url: str | None, options: CompareOptions) -> Outcome:
    """Build both sides and say what the change does to sign-ups.

    Args:
        settings: what usersync.yaml says.
        server_url: of the server that the databases are made on; an embedded one when not given.
        options: what to compare.

    Raises:
        Refused: a folder, a file or a commit is not there, or not what it should be.
    """
    own = tuple(runbook.read_check(Path(name)) for name in settings.checks)
    head = folder.read(Path(options.head or options.folder))
    base = _base(options)
    sown = _seed(options.seed)
    with workshop.opened(server_url) as place:
        return judged(Sides(place, settings, base, head, sown, own))


def _base(options: CompareOptions) -> Folder:
    if (options.base is None) == (options.base_ref is None):
        raise Refused(
            "what to compare with is not said"
            if options.base is None
            else "--base and --base-ref both say what to compare with",
            "name a commit, --base-ref HEAD^1, or a folder, --base DIRECTORY",
        )
    if options.base is not None:
        path = Path(options.base)
        if not path.is_dir():
            raise Refused(f"--base: there is no folder {path}", "name one that is there")
        files = {file.name: file.read_bytes() for file in path.glob("*.sql")}
        return folder.folder(str(path), files, may_be_empty=True)
    assert options.base_ref is not None
    files = git.read(options.base_ref, Path(options.folder))
    return folder.folder(f"{options.folder} at {options.base_ref}", files, may_be_empty=True)


def _seed(path: str | None) -> Seed | None:
    if path is None:
        return None
    file = Path(path)
    if not file.is_file():
        raise Refused(f"--seed: there is no file {file}", "name one, such as supabase/seed.sql")
    return Seed(file.name, folder.text_of(str(file.parent), file.name, file.read_bytes()))


def judged(sides: Sides) -> Outcome:
    """Sign up on both sides and say what differs.

    Args:
        sides: base and head.
    """
    before, after = sides.before(), sides.after()
    on_base, on_head = sides.tables(before), sides.tables(after)
    # A side without a table is asked about that of the other one.
    asked_base = on_base if on_base.profiles else on_head
    asked_head = on_head if on_head.profiles else on_base
    was, now = _judged(sides, before, asked_base), _judged(sides, after, asked_head)
    if after.lacking and not after.fault:
        now = _less_sure(now, after.lacking[0])
    cases = _cases(was, now)
    worse = [one.question for one in cases if one.is_worse]
    since = bisection.since(sides, worse, asked_head) if worse else {}
    cases = [replace(one, since=since.get(one.question, "")) for one in cases]
    verdicts = [_ran(before, after), *cases, *_where_users_are(sides, before, after)]
    counted = [one for one in verdicts if not _is_habit(one, was, now)]
    habits = [one.question for one in verdicts if one not in counted]
    checks, unasked = findings.new(was, now), findings.unasked(was, now)
    return Outcome(
        verdicts=tuple(sorted(counted, key=lambda one: not one.is_worse)),
        checks=checks,
        notes=tuple(
            dict.fromkeys(
                (
                    *remarks.tables(asked_base, asked_head),
                    *remarks.files(sides),
                    *remarks.stages(sides, before, after),
                    *sides.notes,
                    *remarks.habits(habits),
                    *remarks.old(counted),
                    *unasked,
                )
            )
        ),
        next_steps=remarks.next_steps(sides, before, after),
        exit_code=_exit_code(counted, checks) or (1 if unasked else 0),
    )


def _judged(sides: Sides, stage: Stage, found: Tables) -> Judgement:
    """What a stage answers; where its migrations did not all run, that nobody can tell."""
    if stage.fault:
        open_ = Case("unknown", "could not tell: the migrations do not all run")
        return Judgement({case.name: open_ for case in CASES})
    return sides.judge(stage, found, with_checks=True)


def _less_sure(judged: Judgement, lacking: str) -> Judgement:
    """The same where something is missing here: nothing passes, and what it explains is open."""
    cases = {
        name: case
        if case.answer == "failed" and not case.is_about_names
        else Case("unknown", f"could not tell: {lacking}")
        for name, case in judged.cases.items()
    }
    return replace(judged, cases=cases)


def _ran(before: Stage, after: Stage) -> Verdict:
    """Whether the migrations ran at all."""
    detail = after.fault
    if after.lacking and not (after.fault and _answer(after) == "failed"):
        detail = f"could not tell: {'; '.join(after.lacking[:_LISTED])}"
    found = Verdict(RUN, _answer(before), _answer(after), detail)
    return replace(found, since=after.since) if found.is_worse else found


def _where_users_are(sides: Sides, before: Stage, after: Stage) -> list[Verdict]:
    """Whether the new migrations run in a database that has users already."""
    if before.fault or after.fault or len(sides.head.migrations) == sides.shared:
        return []
    inhabited = sides.inhabited()
    if inhabited is None:
        return []
    answer: Answer = "failed" if inhabited.fault else "ok"
    return [Verdict(WHERE_USERS_ARE, "ok", answer, inhabited.fault, inhabited.since)]


def _answer(stage: Stage) -> Answer:
    if stage.lacking:
        return "unknown"
    return "failed" if stage.fault else "ok"


def _cases(was: Judgement, now: Judgement) -> list[Verdict]:
    return [
        Verdict(name, was.cases[name].answer, case.answer, case.detail)
        for name, case in now.cases.items()
    ]


def _is_habit(verdict: Verdict, was: Judgement, now: Judgement) -> bool:
    """Whether it is what most apps leave open, before the change and after it.

    Who was anonymous has no profile as a permanent user where a trigger on inserts alone makes
    them: nobody is kept from signing up.
    """
    name = verdict.question
    return name in _ANONYMOUS and was.cases[name].is_finding and now.cases[name].is_finding


def _exit_code(verdicts: Sequence[Verdict], checks: Sequence[CheckResult]) -> int:
    """2 for what the change makes worse, 1 where that is not known; old faults are said."""
    if checks or any(one.is_worse for one in verdicts):
        return 2
    return 1 if any(_is_open(one) for one in verdicts) else 0


def _is_open(verdict: Verdict) -> bool:
    return verdict.after == "unknown" or (verdict.after == "failed" and verdict.before == "unknown")
