"""Lists and dictionaries that are built step by step.

In goes what a name was bound to, out comes that with what `append`, `extend`, `update` and `d[k] = v` put into it
between the binding and the use.
"""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from txsafe.python.calls import updated_table
from txsafe.python.domain import (
    ELEMENT_LIMIT,
    Items,
    Table,
    Text,
    Unknown,
    Value,
    Values,
    limited,
)
from txsafe.python.scopes import Binding, FunctionNode, position

_APART = 4
"""Alternatives up to which a conditional change makes more of them."""

if TYPE_CHECKING:
    from txsafe.python.evaluation import Evaluator
    from txsafe.python.frames import Frame


def mutated(evaluator: Evaluator, values: Values, binding: Binding, use: ast.Name, frame: Frame) -> Values:
    """Return lists and tables with what is appended or set between their binding and their use.

    What happens under a condition gives one more alternative.
    """
    if not any(isinstance(value, Items | Table) for value in values):
        return values
    for mutation in _mutations(binding, use, frame)[:ELEMENT_LIMIT]:
        if evaluator.is_exhausted:
            return evaluator.give_up("too much work", use, frame)
        changed = tuple(_changed(evaluator, value, mutation, frame) for value in values)
        conditional = _is_conditional(mutation, use, frame)
        values = _either(values, changed) if conditional else changed
        evaluator.charge(16 + 8 * sum(map(_size, values)))
    return values


def _either(before: Values, after: Values) -> Values:
    """Return what is known if a change may not have happened; not all combinations of many are told apart."""
    if len(before) < _APART:
        return limited((*before, *after))
    return tuple(
        old.overlaid((old, new)) if isinstance(old, Table) else new for old, new in zip(before, after, strict=True)
    )


def _size(value: Value) -> int:
    match value:
        case Table(entries):
            return len(entries)
        case Items(elements):
            return len(elements)
    return 0


def _mutations(binding: Binding, use: ast.Name, frame: Frame) -> list[ast.AST]:
    module = frame.module
    owner = module.scope(use).owner(use.id)
    inline = module.function(use) is module.function(binding.node)
    start, end = position(binding.node), position(use)
    module.open_mentioning(use.id)
    return [
        node
        for node in module.mutations.get(use.id, ())
        if start < position(node) and (not inline or position(node) < end) and module.scope(node).owner(use.id) is owner
    ]


def _is_conditional(mutation: ast.AST, use: ast.AST, frame: Frame) -> bool:
    """Return whether a change may not have happened where its list or dictionary is used."""
    around = set(frame.module.ancestors(use))
    for parent in frame.module.ancestors(mutation):
        if parent in around or isinstance(parent, FunctionNode):
            return False
        if isinstance(parent, ast.If | ast.ExceptHandler | ast.match_case):
            return True
    return False


def _changed(evaluator: Evaluator, value: Value, mutation: ast.AST, frame: Frame) -> Value:
    match value, mutation:
        case Items(), ast.Call(func=ast.Attribute(attr=method), args=arguments) if arguments:
            return _extended(evaluator, value, method, arguments[-1], frame, mutation)
        case Items(elements, place, rest), ast.Assign(value=assigned):
            new = evaluator.values(assigned, frame)
            return Items(tuple(limited((*element, *new)) for element in elements), place, rest)
        case Table(), ast.Assign(targets=targets, value=assigned):
            for target in targets:
                if isinstance(target, ast.Subscript):
                    keys = evaluator.values(target.slice, frame)
                    assigned_values = evaluator.values(assigned, frame)
                    value = value.updated([(key, assigned_values) for key in keys])
            return value
        case Table(), ast.Call(func=ast.Attribute(attr="update")):
            return updated_table(evaluator, value, mutation, frame)
        case Table(), ast.Call(func=ast.Attribute(attr="setdefault"), args=[key, default]):
            entries = [(name, evaluator.values(default, frame)) for name in evaluator.values(key, frame)]
            return value.updated([entry for entry in entries if not _has(value, entry[0])])
    return value


def _extended(
    evaluator: Evaluator, items: Items, method: str, argument: ast.expr, frame: Frame, mutation: ast.AST
) -> Items:
    if len(items.values) >= ELEMENT_LIMIT:
        return items
    values = evaluator.values(argument, frame)
    if method == "extend":
        more, rest = evaluator.elements(values, argument, frame)
    elif frame.module.in_loop(mutation):
        more, rest = [(value,) for value in values], next((v for v in values if isinstance(v, Unknown)), None)
    else:
        more, rest = [values], None
    return Items(items.values + tuple(more), items.place, items.rest or rest)


def _has(table: Table, key: Value) -> bool:
    known = key.known if isinstance(key, Text) else None
    return known is not None and bool(table.find(known))
