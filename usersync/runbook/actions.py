"""What a step may call: an operation as its signature tells it, and arguments bound to it."""

from __future__ import annotations

import dataclasses
import inspect
import types
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal, Protocol, Union, get_args, get_origin, get_type_hints

from usersync.config import did_you_mean
from usersync.model import Effect

#: Who may agree, and how long to wait, is decided by the run and said at no step.
_AGREEMENT = frozenset({"approve", "yes", "wait_s", "ids_to", "statements"})

Kind = Literal["int", "number", "text", "flag", "list", "any"]
_KINDS: Mapping[object, Kind] = {int: "int", float: "number", str: "text", bool: "flag"}
_WORDS: Mapping[Kind, str] = {
    "int": "a whole number",
    "number": "a number",
    "text": "text",
    "flag": "true or false",
    "list": "a list",
    "any": "a value",
}


class Operation(Protocol):
    """What is known of an operation; see `usersync.operations`."""

    @property
    def name(self) -> str:
        """What it is called by."""

    @property
    def effect(self) -> Effect:
        """What it may change."""

    @property
    def function(self) -> Callable[..., Any]:
        """What does the work."""

    @property
    def tells(self) -> tuple[str, ...]:
        """What may be read of its outcome."""

    @property
    def plan(self) -> str:
        """The operation that says what it would do."""

    @property
    def rehearsal(self) -> str:
        """The operation that does it and rolls it back."""

    @property
    def repeatable(self) -> bool:
        """Whether doing it twice is the same as once."""


@dataclass(frozen=True, slots=True)
class Parameter:
    """One argument that an operation takes."""

    name: str
    kind: Kind
    is_required: bool
    option: bool = False
    """Whether it is a field of the operation's ``options``."""


@dataclass(frozen=True, slots=True)
class Action:
    """An operation as a step calls it."""

    operation: Operation
    parameters: Mapping[str, Parameter]
    options: type[Any] | None
    agreement: frozenset[str]
    """Which words of an agreement it takes: ``approve``, ``yes``."""

    @property
    def name(self) -> str:
        """The operation's."""
        return self.operation.name

    @property
    def effect(self) -> Effect:
        """The operation's."""
        return self.operation.effect

    def faults(self, given: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
        """What is wrong with the arguments of the file, as the key and a sentence.

        Args:
            given: by name; a text with ``${`` is of any kind until the run fills it in.
        """
        for name, value in given.items():
            parameter = self.parameters.get(name)
            if parameter is None:
                guess = did_you_mean(name, self.parameters)
                takes = ", ".join(self.parameters) or "none"
                yield name, f"`{self.name}` takes no such argument; {guess or 'it takes ' + takes}"
            elif not _is_of(parameter.kind, value):
                yield name, f"`{self.name}` takes {_WORDS[parameter.kind]} here"
        for name, parameter in self.parameters.items():
            if parameter.is_required and name not in given:
                yield "", f"`{self.name}` needs `{name}` under `with:`"

    def arguments(self, given: Mapping[str, Any], agreement: Mapping[str, Any]) -> dict[str, Any]:
        """What to call the operation's function with.

        Args:
            given: the arguments, filled in; empty text stands for nothing.
            agreement: ``yes`` and ``approve``, as far as it takes them.
        """
        values = {
            name: tuple(value) if self.parameters[name].kind == "list" else value
            for name, value in given.items()
            if value != "" or self.parameters[name].is_required
        }
        values |= {name: value for name, value in agreement.items() if name in self.agreement}
        if self.options is None:
            return values
        fields = {field.name for field in dataclasses.fields(self.options)}
        chosen = {name: value for name, value in values.items() if name in fields}
        rest = {name: value for name, value in values.items() if name not in fields}
        return {**rest, "options": self.options(**chosen)}


def actions(operations: Mapping[str, Operation]) -> dict[str, Action]:
    """Every operation as a step may call it."""
    return {name: _action(operation) for name, operation in operations.items()}


def _action(operation: Operation) -> Action:
    hints = get_type_hints(operation.function)
    options: type[Any] | None = None
    agreement: set[str] = set()
    parameters: dict[str, Parameter] = {}
    for name, parameter in list(inspect.signature(operation.function).parameters.items())[1:]:
        annotation = hints.get(name, Any)
        if name == "options" and dataclasses.is_dataclass(annotation):
            options = annotation if isinstance(annotation, type) else None
            types_of = get_type_hints(annotation)
            for field in dataclasses.fields(annotation):
                agreement |= {field.name} & _AGREEMENT
                if field.name not in _AGREEMENT:
                    needed = (
                        field.default is dataclasses.MISSING
                        and field.default_factory is dataclasses.MISSING
                    )
                    kind = _kind(types_of[field.name])
                    parameters[field.name] = Parameter(field.name, kind, needed, option=True)
        elif name in _AGREEMENT:
            agreement.add(name)
        else:
            needed = parameter.default is inspect.Parameter.empty
            parameters[name] = Parameter(name, _kind(annotation), needed)
    return Action(operation, parameters, options, frozenset(agreement))


def _kind(annotation: Any) -> Kind:
    if get_origin(annotation) in (Union, types.UnionType):
        kinds = {_kind(one) for one in get_args(annotation) if one is not types.NoneType}
        return kinds.pop() if len(kinds) == 1 else "any"
    if annotation in _KINDS:
        return _KINDS[annotation]
    if get_origin(annotation) in (tuple, list) or "Sequence" in str(annotation):
        return "list"
    return "any"


def _is_of(kind: Kind, value: Any) -> bool:
    if (isinstance(value, str) and "${" in value) or kind == "any":
        return True
    if kind == "flag":
        return isinstance(value, bool)
    if isinstance(value, bool):
        return False
    if kind == "number":
        return isinstance(value, int | float)
    wanted: dict[Kind, Any] = {"int": int, "text": str, "list": list | tuple}
    return isinstance(value, wanted[kind])
