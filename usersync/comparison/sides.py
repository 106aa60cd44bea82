"""Base and head as databases, and every state between what they share and head."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from usersync.backends.postgres.canary import settle
from usersync.comparison import building
from usersync.comparison.building import Stage
from usersync.comparison.folder import Folder, Migration
from usersync.comparison.judgement import Judgement, Tables, judge, tables
from usersync.comparison.workshop import Workshop
from usersync.config import Settings
from usersync.runbook.own_sql import OwnSql


@dataclass(frozen=True, slots=True)
class Seed:
    """Rows that every database gets before sign-ups are tried."""

    name: str
    text: str


@dataclass(slots=True)
class Sides:
    """Both sides, built from what they share.

    Args:
        workshop: where the databases are made.
        settings: what usersync.yaml says.
        base: the migrations before the change.
        head: those after it.
        sown: what every database gets before it is judged.
        own: checks of the team's own.
    """

    workshop: Workshop
    settings: Settings
    base: Folder
    head: Folder
    sown: Seed | None = None
    own: tuple[OwnSql, ...] = ()
    notes: list[str] = field(default_factory=list)
    shared: int = field(init=False)
    """How many migrations both sides begin with."""
    _stages: dict[int, Stage] = field(default_factory=dict)
    """What head's first migrations make, by how many of them have run."""

    def __post_init__(self) -> None:
        self.shared = self.base.common(self.head)
        self._stages[self.shared] = building.build(
            self.workshop,
            Stage(self.workshop.new()),
            self.head.migrations[: self.shared],
        )

    def before(self) -> Stage:
        """What the migrations of base make."""
        shared = self._stages[self.shared]
        rest = self.base.migrations[self.shared :]
        return self._on(shared, rest) if rest else shared

    def after(self, count: int | None = None) -> Stage:
        """What the migrations of head make, all of them or the first ones.

        Args:
            count: how many of them, at least those that both sides share.
        """
        wanted = len(self.head.migrations) if count is None else count
        if wanted not in self._stages:
            nearest = max(number for number in self._stages if number < wanted)
            following = self.head.migrations[nearest:wanted]
            self._stages[wanted] = self._on(self._stages[nearest], following)
        return self._stages[wanted]

    def tables(self, stage: Stage) -> Tables:
        """The profile tables of a stage."""
        return tables(self.workshop, stage.database, self.settings)

    def judge(self, stage: Stage, found: Tables, *, with_checks: bool = False) -> Judgement:
        """Sign up in a copy of a stage, where somebody of each kind is there already.

        Args:
            stage: whose migrations have run.
            found: its profile tables.
            with_checks: whether to ask the checks too.
        """
        return judge(
            self.workshop,
            self._settled(stage),
            self.settings,
            found.profiles,
            own=self.own,
            with_checks=with_checks,
        )

    def inhabited(self) -> Stage | None:
        """What the new migrations of head make where somebody has signed up already.

        None where head does not begin with all of base: what an edited migration would do to a
        database that has run it is not known.
        """
        if len(self.base.migrations) > self.shared:
            return None
        stage = self._stages[self.shared]
        settled = replace(stage, database=self._settled(stage))
        return building.build(self.workshop, settled, self.head.migrations[self.shared :])

    def _settled(self, stage: Stage) -> str:
        """A copy of a stage with its seed and with users; answers its name."""
        database = self.workshop.copy(stage.database)
        if self.sown is not None:
            failure = building.sow(self.workshop, database, self.sown.name, self.sown.text)
            if failure and (said := f"The seed ended early: {failure}") not in self.notes:
                self.notes.append(said)
        settle(self.workshop.admin_url(database))
        return database

    def _on(self, stage: Stage, migrations: tuple[Migration, ...]) -> Stage:
        if stage.fault:
            return stage
        copied = replace(stage, database=self.workshop.copy(stage.database))
        return building.build(self.workshop, copied, migrations)
