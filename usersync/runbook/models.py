"""What a runbook file may say: the one list of its keys, with their meanings."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated, Any, Literal, Self

from annotated_types import Ge, Le, MaxLen, MinLen
from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, Strict
from pydantic import model_validator as validator_of_model

from usersync.config import problem

#: The version of the format; a file of another version is refused.
SCHEMA = 1

Verb = Literal["check", "change", "gate", "note"]
VERBS: tuple[Verb, ...] = ("check", "change", "gate", "note")

_DURATION = re.compile(r"([0-9]{1,5}(?:\.[0-9]{1,3})?)\s*(s|m|h)?")
_SECONDS = {None: 1, "s": 1, "m": 60, "h": 3600}
_NAME = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")
_IDENTIFIER = re.compile(r"[a-z][a-z0-9_]*")


def _name(text: str) -> str:
    if not _NAME.fullmatch(text):
        raise problem("a runbook's id has small letters, digits and single `-`: `new-users`")
    return text


def _identifier(text: str) -> str:
    if not _IDENTIFIER.fullmatch(text):
        raise problem(
            "expressions name it, so it has small letters, digits and `_`: `trigger_exists`"
        )
    return text


def _seconds(value: Any) -> Any:
    if isinstance(value, str):
        found = _DURATION.fullmatch(value.strip())
        if not found:
            raise problem("a duration is a number with `s`, `m` or `h`, such as `60s`")
        value = float(found[1]) * _SECONDS[found[2]]
    return float(value) if isinstance(value, int) and not isinstance(value, bool) else value


def _one_line(text: str) -> str:
    if "\n" in text.strip():
        raise problem("one line belongs here")
    return text


Name = Annotated[str, MinLen(1), MaxLen(60), AfterValidator(_name)]
Identifier = Annotated[str, MinLen(1), MaxLen(40), AfterValidator(_identifier)]
Text = Annotated[str, MinLen(1), MaxLen(4_000)]
Line = Annotated[str, MinLen(1), MaxLen(300), AfterValidator(_one_line)]
#: What names inputs and steps; see `usersync.runbook.expressions`.
Condition = Annotated[str, MinLen(1), MaxLen(500)]
Flag = Annotated[bool, Strict()]
Whole = Annotated[int, Strict()]
Rows = Annotated[int, Strict(), Ge(0)] | Condition
Duration = Annotated[
    float,
    BeforeValidator(_seconds, json_schema_input_type=str | float),
    Ge(0.001),
    Le(86_400),
    Field(allow_inf_nan=False),
]


class Section(BaseModel):
    """A part of the file: frozen, and nothing in it that is not listed here."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Input(Section):
    """What a person says to one run."""

    type: Literal["int", "text", "choice", "flag", "user"] = Field(
        description="A whole number, one line of text, one of several words, true or false, or "
        "a user: an id, or the start of one as lists show it."
    )
    help: Line = Field(description="What it means, for `--help`.")
    default: str | Whole | Flag | None = Field(
        None, description="What it is when nobody says it; without one it must be said. Empty "
        "text for none."
    )  # fmt: skip
    min: Whole | None = Field(None, description="The least number, or the least characters.")
    max: Whole | None = Field(None, description="The highest number, or the most characters.")
    pattern: Line | None = Field(None, description="A regular expression for the whole text.")
    choices: Annotated[tuple[Line, ...], MinLen(1)] | None = Field(
        None, description="The words of a `choice`."
    )

    @property
    def is_required(self) -> bool:
        """Whether a person must say it."""
        return self.default is None


class Retry(Section):
    """How often a step that did not succeed is tried again."""

    times: Annotated[int, Strict(), Ge(1), Le(100)] = Field(description="So many times more.")
    wait: Duration = Field(description="So long before each: `5s`.")


class Undo(Section):
    """What takes a step back when a later one fails."""

    change: Line = Field(description="An operation.")
    with_: Mapping[str, Any] = Field({}, alias="with", description="Its arguments.")


class Step(Section):
    """One step: exactly one of the four verbs, and what limits it."""

    id: Identifier = Field(description="Its name in expressions, in the journal and on the screen.")
    check: Line | None = Field(
        None, description="An operation that reads, or `./checks/name.sql`: its rows are findings."
    )
    change: Line | None = Field(
        None, description="An operation that may write, or `./changes/name.sql`: one transaction."
    )
    gate: Text | None = Field(
        None, description="A question: the run stops here until somebody approves what is behind."
    )
    note: Text | None = Field(None, description="Words for a person.")
    why: Text | None = Field(None, description="What the step tells, for whoever reads the page.")
    with_: Mapping[str, Any] = Field(
        {}, alias="with", description="Arguments; `${inputs.limit}` is passed as what it is."
    )
    when: Condition | None = Field(None, description="Only then is the step done.")
    expect: Condition | None = Field(
        None, description="When it does not hold that is a finding: the run goes on, exit code 2."
    )
    require: Condition | None = Field(
        None, description="When it does not hold the run stops here, exit code 4."
    )
    verify: Condition | None = Field(
        None, description="After a change: the checks it names are run again, and it must hold."
    )
    max_rows: Rows | None = Field(None, description="More rows than this stop a change.")
    undo: Undo | None = Field(
        None, description="For a change outside of the database: what takes it back."
    )
    irreversible: Flag = Field(
        default=False, description="A change outside of the database that nothing takes back."
    )
    timeout: Duration | None = Field(None, description="The longest it may take: `60s`.")
    retry: Retry | None = Field(None, description="Try again when it does not succeed.")

    @validator_of_model(mode="after")
    def _has_one_verb(self) -> Self:
        verbs = [name for name in VERBS if getattr(self, name) is not None]
        if len(verbs) != 1:
            found = f", found {' and '.join(f'`{name}`' for name in verbs)}" if verbs else ""
            raise problem(f"a step has exactly one of `check`, `change`, `gate`, `note`{found}")
        return self

    @property
    def verb(self) -> Verb:
        """Which of the four it is."""
        return next(name for name in VERBS if getattr(self, name) is not None)

    @property
    def does(self) -> str:
        """The operation or file that a check or change names, or the words of the others."""
        return str(getattr(self, self.verb))

    @property
    def is_own_sql(self) -> bool:
        """Whether it is a file of somebody's own instead of an operation."""
        return self.verb in ("check", "change") and self.does.startswith(("./", "../", "/"))


class Drill(Section):
    """The fault that the runbook heals, made on purpose in a database of no account."""

    fault: Line = Field(description="A file of SQL below the runbook's folder that breaks it.")
    role: Line = Field("supabase_admin", description="Who runs the file.")
    installed: Flag = Field(
        default=False, description="The migration was applied before the fault."
    )
    hold: Flag = Field(
        default=False, description="Leave the transaction of the file open while the drill lasts."
    )
    own_trigger: Flag = Field(
        default=True, description="It can be drilled on an app that has a trigger of its own."
    )
    person: Line | None = Field(
        None, description="A file of SQL that does what a note or gate asks of a person."
    )
    inputs: Mapping[str, Any] = Field({}, description="What is said to the run.")


class Runbook(Section):
    """The whole file."""

    schema_: Literal[1] = Field(alias="schema", description="The version of the format.")
    id: Name = Field(description="The name of the file, without `.yaml`.")
    title: Line = Field(description="What is wrong, or what it does, in one line.")
    severity: Literal["low", "high", "emergency"] = Field(description="How much it hurries.")
    symptoms: Annotated[tuple[Line, ...], MinLen(1)] = Field(
        description="What people see, in their words."
    )
    heals: tuple[Line, ...] = Field(
        (), description="The checks whose findings lead here, as `doctor` names them."
    )
    inputs: Mapping[Identifier, Input] = Field({}, description="What a person says to a run.")
    steps: Annotated[tuple[Step, ...], MinLen(1), MaxLen(100)] = Field(
        description="What is done, in this order."
    )
    drill: Drill | None = Field(None, description="How it is proved to heal.")
