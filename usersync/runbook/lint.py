"""Every fault of a runbook that can be seen before anything runs."""

from __future__ import annotations

from usersync.config.document import Problem
from usersync.runbook.rules import expressions, head, steps
from usersync.runbook.subject import RULES, Subject

__all__ = ["RULES", "Subject", "expressions", "head", "lint", "steps"]


def lint(subject: Subject) -> list[Problem]:
    """Everything that is wrong with a runbook whose format is right."""
    document = subject.loaded.document
    return [
        Problem(path, document.line(path), f"{sentence} [{name}]")
        for name, check in RULES.items()
        for path, sentence in check(subject)
    ]
