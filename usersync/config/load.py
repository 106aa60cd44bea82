"""Finds the configuration file and reads it into settings, or says everything wrong with it."""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import ValidationError

from usersync.config.document import Document, Problem, dotted, printable
from usersync.config.environment import process_environment
from usersync.config.problems import in_sentences
from usersync.config.secrets import concerns, find_secrets
from usersync.config.settings import Settings
from usersync.config.yaml_text import parse
from usersync.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Mapping

FILE_NAME = "usersync.yaml"


@dataclass(frozen=True)
class ConfigFile:
    """The settings, and the file they came from; without a file, the defaults."""

    settings: Settings
    document: Document

    @property
    def name(self) -> str:
        """How messages call the file; empty when there is none."""
        return self.document.name

    def where(self, *path: str | int) -> str:
        """``usersync.yaml:12: targets.production``."""
        return self.document.where(path)


def read_file(
    config_path: str | None, environ: Mapping[str, str], *, without_targets: bool = False
) -> ConfigFile:
    """Read the configuration file, if there is one.

    Args:
        config_path: the file that was asked for; otherwise ``USERSYNC_CONFIG`` says it, otherwise
            it is ``usersync.yaml`` here, which may be missing.
        environ: the variables to look at.
        without_targets: leave out what the file says about targets.

    Raises:
        ConfigError: the file is missing or wrong; every problem is listed.
    """
    asked = config_path or environ.get("USERSYNC_CONFIG")
    if not asked and not Path(FILE_NAME).exists():
        _refuse_other_ending()
        return ConfigFile(Settings(), Document(""))
    name = asked or FILE_NAME
    return read_text(_text(name), name, without_targets=without_targets)


def settings(config_path: str | None = None) -> Settings:
    """What holds for every target, where none is needed.

    Args:
        config_path: the value of ``--config``.

    Raises:
        ConfigError: the file is missing or wrong; every problem is listed.
    """
    return read_file(config_path, process_environment(), without_targets=True).settings


def read_text(text: str, name: str = FILE_NAME, *, without_targets: bool = False) -> ConfigFile:
    """Read the text of a configuration file.

    Args:
        text: YAML.
        name: how messages call it.
        without_targets: leave out what it says about targets.

    Raises:
        ConfigError: it is wrong; every problem is listed.
    """
    document = parse(text, name)
    problems = list(document.problems)
    settings = Settings()
    value = document.value
    if value is not None and not isinstance(value, dict):
        problems.append(
            Problem((), document.line(()), "a list of settings (`name: value`) belongs here")
        )
    elif not (problems and value is None):
        if without_targets and value:
            value = {key: part for key, part in value.items() if key != "targets"}
        try:
            settings = Settings.model_validate(value or {})
        except ValidationError as error:
            problems += in_sentences(error, document)
    secrets = find_secrets(document)
    # Another sentence about the same place could show the secret.
    problems = [p for p in problems if not any(concerns(p, place) for place in secrets)]
    problems += secrets.values()
    if problems:
        raise ConfigError(in_lines(name, problems))
    return ConfigFile(settings, document)


def in_lines(name: str, problems: list[Problem]) -> list[str]:
    """The problems of a file as lines for a person, in the order of the file.

    Args:
        name: how messages call the file.
        problems: in any order.
    """
    return [_line(name, problem) for problem in _in_order(problems)]


def _in_order(problems: list[Problem]) -> list[Problem]:
    """By line; where a value is no value at all, the complaint about its type is left out."""
    first: dict[tuple[str | int, ...], Problem] = {}
    for problem in problems:
        key = (*problem.path, problem.line) if problem.path else (problem.sentence, problem.line)
        first.setdefault(key, problem)
    return sorted(first.values(), key=lambda problem: problem.line)


def _line(name: str, problem: Problem) -> str:
    place = f"{dotted(problem.path)}: " if problem.path else ""
    return printable(f"{name}:{problem.line}: {place}{problem.sentence}")


def _text(name: str) -> str:
    path = Path(name)
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        raise ConfigError([f"{name}: there is no such file"], _near_files(path)) from None
    except IsADirectoryError:
        raise ConfigError([f"{name}: this is a directory"], "Name the file in it.") from None
    except OSError as error:
        raise ConfigError([f"{name}: cannot be read: {error.strerror}"]) from None
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        raise ConfigError(
            [f"{name}:{line}: this is not UTF-8 text"], "Save the file as UTF-8."
        ) from None


def _near_files(path: Path) -> str:
    """What may have been meant, from the directory that was named."""
    try:
        names = [entry.name for entry in path.parent.iterdir() if entry.is_file()]
    except OSError:
        return f"There is no directory {path.parent} either."
    near = difflib.get_close_matches(path.name, names, n=3) or sorted(
        name for name in names if name.endswith((".yaml", ".yml"))
    )
    if not near:
        return "Leave `--config` out to work with the defaults."
    return f"Near it: {', '.join(str(path.parent / name) for name in near[:5])}."


def _refuse_other_ending() -> None:
    """Refuse to work with defaults beside a file that was meant to be read."""
    other = Path(FILE_NAME).with_suffix(".yml")
    if other.exists():
        raise ConfigError(
            [f"{other}: the file must be called {FILE_NAME}"], f"mv {other} {FILE_NAME}"
        )
