"""Settings that a framework reads for its connections → where the program turns one on, or could.

In: a module of the program, the setting's name (`ATOMIC_REQUESTS`), the mapping of connections that it belongs in
(`DATABASES`) and the connection's name in that. Out: places, in whatever file of the program they are.
"""

from __future__ import annotations

import ast
from itertools import takewhile
from typing import TYPE_CHECKING

from txsafe.model import Place
from txsafe.python.domain import Scalar
from txsafe.python.values import evaluate

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from txsafe.python.scopes import Module


def find_switch(module: Module, setting: str, entry: str | None = None) -> Place | None:
    """Return where the program turns a setting on, for an entry where that is asked and can be told."""
    key = (find_switch, setting, entry)
    known = module.memory.get(key, key)
    if known is key:
        given = [(each, node) for each in _files(module, setting) for node in _given(each, setting)]
        near = max((_shared_folders(module, each) for each, _ in given), default=0)
        nearest = ((each, node) for each, node in given if _shared_folders(module, each) == near)
        on = (each.place(node) for each, node in nearest if _is_on(each, node, entry))
        known = module.memory[key] = next(on, None)
    return known if isinstance(known, Place) else None


def find_entry(module: Module, mapping: str, entry: str) -> Place | None:
    """Return the dictionary of an entry, or else the statement that assigns the mapping; None unless there is one."""
    found = [
        each.place(node)
        for each in _files(module, mapping)
        for statement in each.tree.body
        for node in _entry_in(statement, mapping, entry)
    ]
    return found[0] if len(found) == 1 else None


def _files(module: Module, word: str) -> Sequence[Module]:
    """Return the files of the program that hold a word; the module itself need not be on disk."""
    others = () if module.project is None else module.project.references(word).modules
    return (module, *(each for each in others if each.source.path != module.source.path))


def _shared_folders(module: Module, other: Module) -> int:
    """Return how many folders lead to both files: of several projects in a tree, the own one's settings are nearest."""
    own, theirs = (each.source.path.split("/")[:-1] for each in (module, other))
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(own, theirs, strict=False)))


def _given(module: Module, setting: str) -> Iterator[ast.Constant]:
    """Yield the keys that give a setting, whatever it is given."""
    for key in module.strings:
        if isinstance(key, ast.Constant) and key.value == setting and _value_of(module, key) is not None:
            yield key


def _is_on(module: Module, key: ast.Constant, entry: str | None) -> bool:
    value = _value_of(module, key)
    if value is None or (entry is not None and _entry_of(module, key) not in {entry, None}):
        return False
    return not all(_is_false(each) for each in evaluate(module, value))


def _is_false(value: object) -> bool:
    return isinstance(value, Scalar) and not value.value


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


def _entry_of(module: Module, key: ast.Constant) -> object:
    """Return the name of the entry that a setting is part of; None where that is not told there."""
    match module.parent(key):
        case ast.Dict() as table:
            around = module.parent(table)
            pairs = zip(around.keys, around.values, strict=True) if isinstance(around, ast.Dict) else ()
            names = [name for name, value in pairs if value is table]
            if isinstance(around, ast.Assign):
                names = [target.slice for target in around.targets if isinstance(target, ast.Subscript)]
            return next((name.value for name in names if isinstance(name, ast.Constant)), None)
        case ast.Subscript(value=ast.Subscript(slice=ast.Constant(value=name))):
            return name
        case _:
            return None


def _entry_in(statement: ast.stmt, mapping: str, entry: str) -> Iterator[ast.expr | ast.stmt]:
    match statement:
        case (
            ast.Assign(targets=[ast.Name(id=name)], value=ast.Dict(keys=keys, values=values))
            | ast.AnnAssign(target=ast.Name(id=name), value=ast.Dict(keys=keys, values=values))
        ) if name == mapping:
            for key, value in zip(keys, values, strict=True):
                if isinstance(key, ast.Constant) and key.value == entry:
                    yield value if isinstance(value, ast.Dict) else statement
        case _:
            return
