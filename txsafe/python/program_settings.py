"""The name of a framework's setting → what the files of the program give it: `{"ATOMIC_REQUESTS": True}`.

In goes a module that asks, out come the places and values of the setting in all files that its program holds; where
they stand in a settings dictionary, by a subscript, or among the arguments that make or update one. Of several
projects in one tree the nearest counts.
"""

from __future__ import annotations

import ast
from dataclasses import dataclass
from itertools import takewhile
from typing import TYPE_CHECKING

from txsafe.python.names import last_name
from txsafe.python.values import evaluate

if TYPE_CHECKING:
    from collections.abc import Iterator

    from txsafe.model import Place
    from txsafe.python.domain import Value
    from txsafe.python.scopes import Module

_MOST_BELOW = 2
"""Folders between a project's root and its settings (`config/settings/`); another project's are farther down."""
_MAKES_SETTINGS = frozenset({"dict", "update"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Given:
    """One place where a setting is given."""

    place: Place
    values: tuple[Value, ...]
    section: str
    """The key that its dictionary stands under, an alias of `DATABASES`; empty where it is not in view."""


def given_in_program(module: Module, name: str) -> tuple[Given, ...]:
    """Return where the program gives a setting, and what."""
    key = (given_in_program, name)
    known = module.memory.get(key)
    if not isinstance(known, tuple):
        files = (module,) if module.project is None else module.project.references(name).modules
        found = [(each, node, value) for each in files for node, value in _given(each, name)]
        near = max((_shared_folders(module, each) for each, _, _ in found), default=0)
        known = module.memory[key] = tuple(
            Given(place=each.place(node), values=tuple(evaluate(each, value)), section=_section_of(each, node))
            for each, node, value in found
            if _shared_folders(module, each) == near and len(_folders(each)) - near <= _MOST_BELOW
        )
    return known


def _shared_folders(module: Module, other: Module) -> int:
    """Return how many folders lead to both files."""
    pairs = zip(_folders(module), _folders(other), strict=False)
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], pairs))


def _folders(module: Module) -> list[str]:
    return module.source.path.split("/")[:-1]


def _given(module: Module, name: str) -> Iterator[tuple[ast.AST, ast.expr]]:
    for key in module.strings:
        if isinstance(key, ast.Constant) and key.value == name:
            value = _value_of(module, key)
            if value is not None:
                yield key, value
    for call in module.calls:
        if last_name(call.func) in _MAKES_SETTINGS:
            yield from ((keyword, keyword.value) for keyword in call.keywords if keyword.arg == name)


def _value_of(module: Module, key: ast.Constant) -> ast.expr | None:
    """Return what a key of a settings dictionary is given: in `{key: value}` and in `settings[…][key] = value`."""
    match module.parent(key):
        case ast.Dict(keys=keys, values=values):
            return next((value for each, value in zip(keys, values, strict=True) if each is key), None)
        case ast.Subscript() as target:
            statement = module.parent(target)
            return statement.value if isinstance(statement, ast.Assign) and target in statement.targets else None
        case _:
            return None


def _section_of(module: Module, node: ast.AST) -> str:
    """Return the key that the dictionary of a setting's key stands under."""
    match module.parent(node):
        case ast.Dict() as inner:
            match module.parent(inner):
                case ast.Dict(keys=keys, values=values):
                    key = next((key for key, value in zip(keys, values, strict=True) if value is inner), None)
                    return str(key.value) if isinstance(key, ast.Constant) else ""
                case ast.Assign(targets=[ast.Subscript(slice=ast.Constant(value=name))]):
                    return str(name)
        case ast.Subscript(value=ast.Subscript(slice=ast.Constant(value=key))):
            return str(key)
    return ""
