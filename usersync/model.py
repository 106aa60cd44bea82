"""What usersync talks about: plain frozen data, standard library only.

Every field of what ends up in ``run.json`` is marked ``public`` (may stand in a public issue),
``internal`` (for the team) or ``personal`` (about one person: shortened or masked when shown).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any, Literal

Level = Literal["info", "warning", "error"]
Reach = Literal["contained", "outside", "undecided"]
ReadOnly = Literal["standby", "setting"]
"""Why a server takes no writes; ``setting`` is ``default_transaction_read_only``."""
Effect = Literal["read", "data", "schema", "external"]
Answer = Literal["ok", "failed", "unknown"]

#: Version of the shape of ``run.json``.
RUN_SCHEMA = 1

#: Several targets or tables: the exit code that wins stands first.
EXIT_CODES_WORST_FIRST = (6, 5, 1, 3, 4, 7, 2, 0)

#: How many rows a list shows; the count beside it is always the full one.
LIST_LENGTH = 100


def public(**options: Any) -> Any:
    """Mark a field that anybody may see."""
    return field(metadata={"privacy": "public"}, **options)


def internal(**options: Any) -> Any:
    """Mark a field for the team: hosts, names of tables, triggers and people who ran something."""
    return field(metadata={"privacy": "internal"}, **options)


def personal(**options: Any) -> Any:
    """Mark a field about one user: short or masked unless ``--show-ids`` is given."""
    return field(metadata={"privacy": "personal"}, **options)


def worst(exit_codes: Iterable[int]) -> int:
    """The exit code that stands for several, 0 when there is none."""
    return min(exit_codes, key=EXIT_CODES_WORST_FIRST.index, default=0)


def percentage(part: int, whole: int) -> str:
    """``part`` of ``whole`` to two decimals; ``100%`` only for all of them, ``0%`` only for none.

    Rounding alone prints 100.00% with 5 of 300,000 missing, which nobody on call may ever read.
    """
    if part >= whole:
        return "100%"
    if part <= 0:
        return "0%"
    hundredths = (20_000 * part + whole) // (2 * whole)
    hundredths = min(max(hundredths, 1), 9_999)
    return f"{hundredths // 100}.{hundredths % 100:02d}%"


@dataclass(frozen=True, slots=True)
class TargetLine:
    """Where a run worked, as the first line of every output says it."""

    name: str = internal()
    environment: str = public()
    host: str = internal()
    door: str = internal()
    """``direct as postgres via session pooler``."""


@dataclass(frozen=True, slots=True)
class User:
    """One user as lists show it; the e-mail is masked where it leaves the backend."""

    id: str = personal()
    email: str = personal()
    created_at: datetime | None = internal()
    provider: str = internal()


@dataclass(frozen=True, slots=True)
class Count:
    """How many of one kind."""

    name: str = public()
    count: int = public()


@dataclass(frozen=True, slots=True)
class DayCount:
    """How many on one day (UTC)."""

    day: date = public()
    count: int = public()


@dataclass(frozen=True, slots=True)
class Missing:
    """Who has no profile, since when and by provider."""

    oldest_at: datetime | None = public()
    newest_at: datetime | None = public()
    per_day: tuple[DayCount, ...] = public()
    """The last 14 days, oldest first, days without a missing user included."""
    by_provider: tuple[Count, ...] = public()
    users: tuple[User, ...] = personal(default=())


@dataclass(frozen=True, slots=True)
class Status:
    """The drift of one profile table; all counts are of one snapshot."""

    as_of: datetime = public()
    total: int = public()
    """Users that need a profile."""
    existing: int = public()
    """Those of them that have one."""
    not_counted: tuple[Count, ...] = public(default=())
    orphans: int = public(default=0)
    """Profiles whose user does not exist."""
    soft_deleted_with_profile: int = public(default=0)
    excluded_with_profile: int = public(default=0)
    email_drift: int = public(default=0)
    last_with_profile_at: datetime | None = public(default=None)
    """When the newest user who has a profile signed up."""
    missing_detail: Missing | None = internal(default=None)

    @property
    def missing(self) -> int:
        """Users that need a profile and have none: always the difference."""
        return self.total - self.existing

    @property
    def sync_percentage(self) -> str:
        """The share of users that have their profile."""
        return percentage(self.existing, self.total)


@dataclass(frozen=True, slots=True)
class Trigger:
    """One trigger that an insert into the profile table fires."""

    name: str = internal()
    function: str = internal()
    reach: Reach = internal()
    """Whether it can reach outside the database; ``undecided`` when its text does not tell."""
    why: str = internal()
    lasting: str = internal(default="")
    """Why a rollback may not undo what it does; empty when it does."""


@dataclass(frozen=True, slots=True)
class Guard:
    """A limit that stops a write before it starts, and what lifts it."""

    name: str = public()
    message: str = internal()
    next_step: str = internal()


@dataclass(frozen=True, slots=True)
class NumberedValue:
    """A value that gets a number; masked wherever ids are short."""

    user_id: str = personal()
    value: str = personal()


@dataclass(frozen=True, slots=True)
class Numbered:
    """The values of one column with ``unique: suffix`` that get a number, since they are taken."""

    column: str = internal()
    count: int = public()
    values: tuple[NumberedValue, ...] = personal(default=())
    """The first of them, in the order of the plan."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What a sync would do; ``digest`` stands for all of it."""

    as_of: datetime = public()
    total: int = public()
    existing: int = public()
    rows: int = public()
    """How many profiles it would create."""
    digest: str = public()
    columns: tuple[str, ...] = internal(default=())
    """One ``column <- source`` per column that is written."""
    users: tuple[User, ...] = personal(default=())
    """The first of them, oldest first."""
    triggers: tuple[Trigger, ...] = internal(default=())
    guards: tuple[Guard, ...] = internal(default=())
    """What would stop it now."""
    newer: int = public(default=0)
    """Users without a profile who came after the plan that was approved."""
    numbered: tuple[Numbered, ...] = internal(default=())
    """The columns in which values get a number."""

    @property
    def missing(self) -> int:
        """Users without a profile, also those beyond a limit of the plan."""
        return self.total - self.existing


@dataclass(frozen=True, slots=True)
class FailureGroup:
    """Failed creations of one reason. No message text: it may hold the user's values."""

    sqlstate: str = public()
    condition: str = public()
    """Postgres's own name of the SQLSTATE, such as ``unique_violation``."""
    subject: str = internal()
    """The constraint, column or function that refused the row."""
    count: int = public()
    user_ids: tuple[str, ...] = personal(default=())


@dataclass(frozen=True, slots=True)
class Summary:
    """What a sync did, or, when ``rehearsed``, would have done."""

    timestamp: datetime = public()
    total: int = public()
    existing: int = public()
    """Profiles that were there before the run."""
    created: int = public()
    failed: int = public()
    already_there: int = public()
    """Planned users who got a profile from somebody else before this run came to them."""
    execution_time_s: float = public()
    failures: tuple[FailureGroup, ...] = internal(default=())
    gone: int = public(default=0)
    """Planned users who needed no profile any more when this run came to them: deleted, also
    softly, or of another kind by now. Of a run that came to its end, planned users are created,
    failed, already there, gone or still missing (an error), each of them once."""
    newer: int = public(default=0)
    """Users without a profile who came after the plan and are not in this run."""
    rehearsed: bool = public(default=False)
    dead_rows: int = public(default=0)
    """Rows that a rehearsal leaves for the next vacuum."""
    fired_triggers: tuple[str, ...] = internal(default=())
    stopped: str = public(default="")
    """Why it ended before its plan did; empty when it did not."""

    @property
    def missing(self) -> int:
        """Who of the users that it counted has no profile after it: failed, or none of its own."""
        made = 0 if self.rehearsed else self.created
        return max(self.total - self.existing - made - self.already_there - self.gone, 0)

    @property
    def success_rate(self) -> str:
        """Created of created and failed."""
        return percentage(self.created, self.created + self.failed)


@dataclass(frozen=True, slots=True)
class Repair:
    """What a correction of rows that are there would do, or did; the steps name the rows."""

    what: Literal["profiles", "emails", "tokens", "orphans", "parked", "images"] = public()
    """``profiles`` are columns of auth data; ``parked`` are profiles that are put back; ``images``
    are old values that are put back."""
    state: Literal["planned", "rehearsed", "done"] = public()
    rows: int = public()
    """How many rows it would change."""
    blocked: int = public(default=0)
    """Rows that it means and leaves as they are; their steps say why."""
    changed: int = public(default=0)
    failed: int = public(default=0)
    moved: int = public(default=0)
    """Rows that somebody else changed since the plan; they stay as they are."""
    digest: str = public(default="")
    triggers: tuple[Trigger, ...] = internal(default=())
    guards: tuple[Guard, ...] = internal(default=())


@dataclass(frozen=True, slots=True)
class Finding:
    """One row of a check."""

    id: str = personal()
    """Stable: check and subject."""
    subject: str = personal()
    detail: str = internal()
    accepted: str = internal(default="")
    """The reason it was accepted for; empty when it was not."""


@dataclass(frozen=True, slots=True)
class CheckResult:
    """What one check found."""

    check: str = public()
    level: Level = public()
    question: str = public()
    remedy: str = public()
    count: int = public()
    accepted: int = public(default=0)
    findings: tuple[Finding, ...] = internal(default=())
    unknown: str = internal(default="")
    """Why it could not tell; empty when it could."""
    runbook: str = public(default="")
    """Which runbook helps."""

    @property
    def exit_code(self) -> int:
        """2 when a finding of level warning or error stands, 1 when it could not tell, else 0."""
        if self.level != "info" and self.count > self.accepted:
            return 2
        return 1 if self.unknown else 0


@dataclass(frozen=True, slots=True)
class TableResult:
    """Everything a run says about one profile table."""

    table: str = internal()
    """``public.user_profiles(user_id)``."""
    status: Status | None = public(default=None)
    plan: Plan | None = public(default=None)
    summary: Summary | None = public(default=None)
    repair: Repair | None = public(default=None)
    checks: tuple[CheckResult, ...] = internal(default=())


@dataclass(frozen=True, slots=True)
class Step:
    """One thing a run did or asked, for tasks that are made of several."""

    name: str = internal()
    status: Literal[
        "ok",
        "changed",
        "would-change",
        "finding",
        "skipped",
        "failed",
        "undone",
        "not-reached",
        "unknown",
        "unset",
    ] = public()
    """``unset`` is of a setting; the nine others are those of a runbook's steps too."""
    detail: str = internal(default="")
    user_id: str = personal(default="")
    next_step: str = internal(default="")
    duration_s: float = public(default=0.0)


@dataclass(frozen=True, slots=True)
class Figures:
    """What the steps of a runbook came to in numbers, each as it was last looked at."""

    missing: int | None = public(default=None)
    """Users without a profile; None when no step looked."""
    total: int = public(default=0)
    """Users that need one."""
    created: int = public(default=0)
    failed: int = public(default=0)
    """Profiles that could not be created."""
    findings: int = public(default=0)
    """Of the checks that wanted none."""
    step: str = public(default="")
    """The first step that ended as the run did; empty when all is in order."""


@dataclass(frozen=True, slots=True)
class RunbookFacts:
    """Which runbook a run carried out, and what was said to it."""

    name: str = public()
    title: str = public()
    severity: str = public()
    mode: Literal["run", "dry-run", "rehearse"] = public()
    hash: str = public()
    """Stands for the file and every SQL file that it names."""
    inputs: dict[str, str] = personal(default_factory=dict)
    """Addresses masked."""
    inputs_hash: str = public(default="")
    gate: str = public(default="")
    """The gate that it stopped at."""
    digest: str = public(default="")
    """What opens that gate, once."""
    resumes: str = public(default="")
    """The run that it goes on with."""
    figures: Figures = public(default=Figures())


@dataclass(frozen=True, slots=True)
class Verdict:
    """What one question was answered before a change of the schema, and after it."""

    question: str = public()
    """A case of the canary, or a check."""
    before: Answer = public()
    after: Answer = public()
    detail: str = internal(default="")
    """The answer after it, where that is not ``ok``: SQLSTATE, table, function, line."""
    since: str = public(default="")
    """The migration with which the answer changed."""

    @property
    def is_worse(self) -> bool:
        """Whether the change broke it; where nobody knows how it was before, that is not known."""
        return self.before == "ok" and self.after == "failed"


@dataclass(frozen=True, slots=True)
class ChangeState:
    """One change of the migration and how the target stands to it."""

    name: str = public()
    """``0006_sign_up``."""
    does: str = public()
    state: Literal[
        "applied", "absent", "configured", "older", "lost", "broken", "edited", "unwanted", "newer"
    ] = public()
    """``configured``: made from another configuration; ``older``, ``newer``: by another version
    of usersync; ``lost``: something of it is gone; ``edited``: by hand; ``unwanted``: the
    configuration asks for it no more."""
    detail: str = internal(default="")
    diff: tuple[str, ...] = internal(default=())
    """What apply would change, or what was edited, as a unified diff."""
    applied_at: datetime | None = public(default=None)
    tool_version: str = public(default="")
    """Of the usersync that applied it."""


@dataclass(frozen=True, slots=True)
class Trace:
    """One thing of ours in a target, as its catalog has it."""

    kind: str = public()
    """``table``, ``function``, ``trigger``, ``grant`` and whatever else there may be."""
    name: str = internal()
    change: str = public(default="")
    """The change of the ledger that made it; empty when none of them did."""
    rows: int | None = public(default=None)
    """Of a table; None for what has none, or where we may not look."""
    size_bytes: int | None = public(default=None)


@dataclass(frozen=True, slots=True)
class Paused:
    """A sign-up function whose body was replaced by ``return new``."""

    function: str = internal()
    since: datetime = public()
    by: str = internal()
    reason: str = internal(default="")
    triggers: tuple[str, ...] = internal(default=())
    """``table: trigger`` of each that uses it."""
    signed_up: int = public(default=0)
    """Users who signed up since then and have no profile."""


@dataclass(frozen=True, slots=True)
class JournalEvent:
    """One line of the journal: a changing run started, committed a unit, or ended."""

    at: datetime = public()
    run_id: str = public()
    event: Literal["started", "unit", "ended"] = public()
    task: str = public()
    target: str = internal()
    table: str = internal(default="")
    actor: str = internal(default="")
    reason: str = internal(default="")
    run_url: str = internal(default="")
    tool_version: str = public(default="")
    database_user: str = internal(default="")
    digest: str = public(default="")
    counts: dict[str, int] = public(default_factory=dict)
    user_ids: tuple[str, ...] = personal(default=())
    """Only for ``create-profile`` and failed creations; never e-mails."""
    exit_code: int | None = public(default=None)
    commit_sha: str = public(default="")
    """Of the repository that it ran in, on GitHub."""
    approver: str = internal(default="")
    """Who approved a plan, opened a gate or said yes at the terminal; empty where nobody did."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What an operation found or did, before it becomes a run."""

    tables: tuple[TableResult, ...] = ()
    steps: tuple[Step, ...] = ()
    history: tuple[JournalEvent, ...] = ()
    changes: tuple[ChangeState, ...] = ()
    checks: tuple[CheckResult, ...] = ()
    paused: tuple[Paused, ...] = ()
    verdicts: tuple[Verdict, ...] = ()
    footprint: tuple[Trace, ...] = ()
    statements: str = ""
    notes: tuple[str, ...] = ()
    next_steps: tuple[str, ...] = ()
    exit_code: int = 0
    error: str = ""
    """Why it stopped half-way, when what it did until then must still be told."""
    digest: str = ""
    """What approves the plan that this is, where there is something to do."""
    runbook: RunbookFacts | None = None


@dataclass(frozen=True, slots=True)
class Run:
    """The result of any task: code, terminal text and every report are rendered from it alone."""

    schema: int = public()
    run_id: str = public()
    task: str = public()
    tool_version: str = public()
    started_at: datetime = public()
    ended_at: datetime = public()
    exit_code: int = public()
    target: TargetLine | None = internal(default=None)
    actor: str = internal(default="")
    reason: str = internal(default="")
    run_url: str = internal(default="")
    tables: tuple[TableResult, ...] = internal(default=())
    runbook: RunbookFacts | None = internal(default=None)
    """Set when the run carried out a runbook: the steps are its steps."""
    steps: tuple[Step, ...] = internal(default=())
    history: tuple[JournalEvent, ...] = internal(default=())
    changes: tuple[ChangeState, ...] = internal(default=())
    """What the migration has done, or would do."""
    checks: tuple[CheckResult, ...] = internal(default=())
    """What the checks of the whole target found."""
    paused: tuple[Paused, ...] = internal(default=())
    """Said first, before anything else."""
    verdicts: tuple[Verdict, ...] = internal(default=())
    """What a change of the schema does to sign-ups."""
    footprint: tuple[Trace, ...] = internal(default=())
    """Everything of ours in the target."""
    statements: str = internal(default="")
    """The SQL that was asked for, and nothing else is printed."""
    notes: tuple[str, ...] = internal(default=())
    next_steps: tuple[str, ...] = internal(default=())
    error: str = internal(default="")
    digest: str = public(default="")
    """What approves the plan that this is, or opens the gate that it stopped at."""
    interrupted: bool = public(default=False)
    """Whether Ctrl-C or SIGTERM ended it."""
    targets: tuple[Run, ...] = internal(default=())
    """One run for each, when several targets were asked for."""
