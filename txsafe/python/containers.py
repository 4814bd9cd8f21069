"""A list or dictionary and one change of it → what it holds afterwards.

Changes are `append`, `update`, `d[k] = v`, `del d[k]`, `d += …` and the like, of the container itself or of one that it
holds: `d["a"]["b"] = v`, `d.setdefault("a", {}).update(…)`.
"""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from txsafe.python.calls import updated_table
from txsafe.python.domain import ELEMENT_LIMIT, Drawn, Items, Scalar, Table, Text, Unknown, Value, Values, limited
from txsafe.python.lookups import looked_into
from txsafe.python.operators import add_values, combined

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from txsafe.python.evaluation import Evaluator
    from txsafe.python.frames import Frame
    from txsafe.python.lookups import Step


def changed_containers(mutation: ast.AST) -> list[ast.expr]:
    """Return the expressions of the lists and dictionaries that a call or statement changes."""
    match mutation:
        case ast.Call(func=ast.Attribute(value=value)):
            return [value]
        case ast.Assign(targets=targets) | ast.Delete(targets=targets):
            return [target.value for target in targets if isinstance(target, ast.Subscript)]
        case ast.AugAssign(target=ast.Subscript(value=value)):
            return [value]
    return []


def changed(
    evaluator: Evaluator, value: Value, mutation: ast.AST, frame: Frame, *, above: Sequence[Step] = ()
) -> Value:
    """Return what a value is after a change of it, or of what stands in it behind some steps."""
    containers = changed_containers(mutation)
    steps = (*above, *(looked_into(containers[0])[1] if containers else ()))
    return _changed_behind(evaluator, value, steps, mutation, frame)


def _changed_behind(
    evaluator: Evaluator, value: Value, steps: Sequence[Step], mutation: ast.AST, frame: Frame
) -> Value:
    if not steps:
        return _changed(evaluator, value, mutation, frame)
    if isinstance(value, Unknown) and not isinstance(value, Drawn):
        value = Table((), value.place, value)
    if not isinstance(value, Table):
        return value
    step, *further = steps
    for key in evaluator.values(step.key, frame):
        known = key.known if isinstance(key, Text) else key.value if isinstance(key, Scalar) else None
        held = value.find(known) if known is not None else ()
        inner = [
            _changed_behind(evaluator, each, further, mutation, frame)
            for each in held or _missing(evaluator, value, step, frame)
        ]
        if inner and known is not None:
            value = value.updated([(key, limited(inner))])
    return value


def _missing(evaluator: Evaluator, table: Table, step: Step, frame: Frame) -> Values:
    """Return what a look for a key finds that is not known to be in a table."""
    default = () if step.default is None else evaluator.values(step.default, frame)
    return default or (() if table.rest is None else (Unknown("a key that is not known", table.place),))


def _changed(evaluator: Evaluator, value: Value, mutation: ast.AST, frame: Frame) -> Value:
    match value:
        case Items():
            return _changed_items(evaluator, value, mutation, frame)
        case Table():
            return _changed_table(evaluator, value, mutation, frame)
        case Unknown():
            return _changed_unknown(evaluator, value, mutation, frame)
        case Text() if isinstance(mutation, ast.AugAssign) and isinstance(mutation.target, ast.Attribute):
            return _augmented(evaluator, value, mutation, frame)
    return value


def _augmented(evaluator: Evaluator, value: Value, mutation: ast.AugAssign, frame: Frame) -> Value:
    """Return what `x.attribute += …` makes of what it held; of several alternatives the first."""
    added = evaluator.values(mutation.value, frame)
    if isinstance(mutation.op, ast.Add):
        return add_values(evaluator, (value, added[0]), mutation, frame)
    operation = ast.copy_location(ast.BinOp(mutation.value, mutation.op, mutation.value), mutation)
    return combined(evaluator, (value,), added, operation, frame)[0]


def _changed_items(evaluator: Evaluator, items: Items, mutation: ast.AST, frame: Frame) -> Value:
    match mutation:
        case ast.Call(func=ast.Attribute(attr="pop")):
            return items
        case ast.Call(func=ast.Attribute(attr=method), args=arguments) if arguments:
            return _extended(evaluator, items, method, arguments[-1], frame, mutation)
        case ast.Assign(value=assigned):
            new = evaluator.values(assigned, frame)
            return Items(tuple(limited((*element, *new)) for element in items.values), items.place, items.rest)
        case ast.AugAssign(target=ast.Attribute()):
            return _augmented(evaluator, items, mutation, frame)
    return items


def _changed_table(  # noqa: PLR0911 - one for each kind of change
    evaluator: Evaluator, table: Table, mutation: ast.AST, frame: Frame
) -> Value:
    match mutation:
        case ast.Assign(targets=targets, value=assigned):
            return _with_items(evaluator, table, targets, assigned, frame)
        case ast.AugAssign(target=ast.Subscript(), op=ast.Add(), value=added):
            for key in _keys(evaluator, [mutation.target], frame):
                table = _added_to_entry(evaluator, table, key, evaluator.values(added, frame), mutation, frame)
        case ast.AugAssign(target=ast.Attribute()):
            return _augmented(evaluator, table, mutation, frame)
        case ast.Delete(targets=targets):
            return table.without(_keys(evaluator, targets, frame))
        case ast.Call(func=ast.Attribute(attr="pop"), args=[key, *_]):
            return table.without(evaluator.values(key, frame))
        case ast.Call(func=ast.Attribute(attr="update")):
            return updated_table(evaluator, table, mutation, frame)
        case ast.Call(func=ast.Attribute(attr="setdefault"), args=[key, default]):
            entries = [(name, evaluator.values(default, frame)) for name in evaluator.values(key, frame)]
            return table.updated([entry for entry in entries if not _has(table, entry[0])])
    return table


def _with_items(
    evaluator: Evaluator, table: Table, targets: Sequence[ast.expr], assigned: ast.expr, frame: Frame
) -> Table:
    """Return a table with a value under a key; what is drawn from a file may go under any name of the file."""
    values = evaluator.values(assigned, frame)
    keys = _keys(evaluator, targets, frame)
    drawn = next((value for value in values if isinstance(value, Drawn)), None)
    if any(isinstance(key, Unknown) for key in keys) and drawn is not None:
        return table.updated((), drawn)
    return table.updated([(key, values) for key in keys])


def _added_to_entry(
    evaluator: Evaluator, table: Table, key: Value, added: Values, mutation: ast.AST, frame: Frame
) -> Table:
    before = table.find(key.known) if isinstance(key, Text) and key.known is not None else ()
    sums = [add_values(evaluator, (old, new), mutation, frame) for old in before for new in added]
    return table.updated([(key, limited(sums))]) if sums else table


def _changed_unknown(evaluator: Evaluator, value: Unknown, mutation: ast.AST, frame: Frame) -> Value:
    """Return what is known of a list or dictionary that comes from elsewhere: what is put into it here."""
    match mutation:
        case ast.Assign(targets=targets) if any(isinstance(key, Text) for key in _keys(evaluator, targets, frame)):
            return _changed_table(evaluator, Table((), value.place, value), mutation, frame)
        case ast.Call(func=ast.Attribute(attr="update" | "setdefault")):
            table = _changed_table(evaluator, Table((), value.place, value), mutation, frame)
            return table if isinstance(table, Table) and table.entries else value
        case ast.Call(func=ast.Attribute(attr="append" | "extend" | "insert")):
            items = _changed_items(evaluator, Items((), value.place, value), mutation, frame)
            return items if isinstance(items, Items) and items.values else value
    return value


def _keys(evaluator: Evaluator, targets: Iterable[ast.expr], frame: Frame) -> list[Value]:
    subscripts = (target for target in targets if isinstance(target, ast.Subscript))
    return [key for target in subscripts for key in evaluator.values(target.slice, frame)]


def _extended(
    evaluator: Evaluator, items: Items, method: str, argument: ast.expr, frame: Frame, mutation: ast.AST
) -> Items:
    if len(items.values) >= ELEMENT_LIMIT:
        return items
    values = evaluator.values(argument, frame)
    if method in {"extend", "update"}:
        more, rest = evaluator.elements(values, argument, frame)
    elif frame.module.in_loop(mutation):
        more, rest = [(value,) for value in values], next((v for v in values if isinstance(v, Unknown)), None)
    else:
        more, rest = [values], None
    return Items(items.values + tuple(more), items.place, items.rest or rest)


def _has(table: Table, key: Value) -> bool:
    known = key.known if isinstance(key, Text) else None
    return known is not None and bool(table.find(known))
