"""Lists and dictionaries that are built step by step.

In goes what a name or an attribute was bound to, out comes that with what `append`, `extend`, `update`, `d[k] = v` and
the like put into it between the binding and the use.
"""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from txsafe.python.calls import updated_table
from txsafe.python.domain import (
    ELEMENT_LIMIT,
    Drawn,
    Items,
    Table,
    Text,
    Unknown,
    Value,
    Values,
    limited,
)
from txsafe.python.links import Bound, lineage
from txsafe.python.operators import add_values, combined
from txsafe.python.scopes import Binding, BindingKind, FunctionNode, position

_APART = 4
"""Alternatives up to which a conditional change makes more of them."""
_INIT = "__init__"

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from txsafe.python.evaluation import Evaluator
    from txsafe.python.frames import Frame
    from txsafe.python.scopes import Module


def mutated(evaluator: Evaluator, values: Values, binding: Binding, use: ast.Name, frame: Frame) -> Values:
    """Return lists and tables with what is appended or set between their binding and their use.

    What happens under a condition gives one more alternative.
    """
    module = frame.module
    if not any(map(_may_change, values)):
        return values
    module.open_mentioning(use.id)
    if use.id not in module.mutations:
        return values
    changes = [(node, frame, _is_conditional(node, use, module)) for node in _mutations(binding, use, frame)]
    return _after(evaluator, values, changes, use)


def mutated_attribute(
    evaluator: Evaluator, values: Values, bound: Bound, owner: ast.ClassDef, use: ast.Attribute, frame: Frame
) -> Values:
    """Return what an attribute of a class holds with what any of its methods, or those of its bases, put into it."""
    owners = lineage(frame.module, owner)
    for home, _ in owners:
        home.open_mentioning(f".{use.attr}")
    if not any(use.attr in home.attribute_mutations or _is_added_to(home, use.attr) for home, _ in owners):
        return values
    changes: list[tuple[ast.AST, Frame, bool]] = []
    for home, class_node in reversed(owners):
        for node in _attribute_mutations(home, class_node, use.attr):
            function = home.function(node)
            if function is home.function(bound[1].node) and position(node) < position(bound[1].node):
                continue
            if function is not None and function is frame.module.function(use):
                if position(node) < position(use):
                    changes.append((node, frame, _is_conditional(node, use, home)))
                continue
            elsewhere = getattr(function, "name", _INIT) != _INIT
            changes.append((node, evaluator.base(home), elsewhere or _is_conditional(node, node, home)))
    return _after(evaluator, values, changes, use)


def mutated_here(evaluator: Evaluator, value: Unknown, use: ast.Attribute, frame: Frame) -> Values:
    """Return what an attribute of an unknown object holds of what the same function has put into it before."""
    module = frame.module
    nodes = module.attribute_mutations.get(use.attr, ())[:ELEMENT_LIMIT]
    if not nodes:
        return (value,)
    spelled, function = ast.dump(use), module.function(use)
    changes = [
        (node, frame, _is_conditional(node, use, module))
        for node in nodes
        if position(node) < position(use) and module.function(node) is function
        if any(_same_place(target, spelled) for target in _changed_objects(node))
    ]
    return _after(evaluator, (value,), changes, use)


def _same_place(target: ast.expr, spelled: str) -> bool:
    return ast.dump(target).replace("ctx=Store()", "ctx=Load()") == spelled


def _after(
    evaluator: Evaluator, values: Values, changes: Sequence[tuple[ast.AST, Frame, bool]], use: ast.expr
) -> Values:
    for mutation, frame, conditional in changes[:ELEMENT_LIMIT]:
        if evaluator.is_exhausted:
            return evaluator.give_up("too much work", use, frame)
        changed = tuple(_changed(evaluator, value, mutation, frame) for value in values)
        values = _either(values, changed) if conditional else changed
        evaluator.charge(16 + 8 * sum(map(_size, values)))
    return values


def _may_change(value: Value) -> bool:
    return isinstance(value, Items | Table | Unknown)


def _either(before: Values, after: Values) -> Values:
    """Return what is known if a change may not have happened; not all combinations of many are told apart."""
    if len(before) < _APART:
        return limited((*before, *after))
    return tuple(map(_overlaid, before, after))


def _overlaid(old: Value, new: Value) -> Value:
    if isinstance(old, Table):
        return old.overlaid((old, new))
    return new


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
    return [
        node
        for node in module.mutations.get(use.id, ())
        if start < position(node) and (not inline or position(node) < end) and module.scope(node).owner(use.id) is owner
    ]


def _attribute_mutations(home: Module, class_node: ast.ClassDef, name: str) -> Iterable[ast.AST]:
    """Return what changes an attribute of a class, in the file's order."""
    found = [
        node
        for node in home.attribute_mutations.get(name, ())[:ELEMENT_LIMIT]
        if any(_belongs_to(target, class_node, home) for target in _changed_objects(node))
    ]
    found += [
        binding.node
        for binding in home.own_attribute(class_node, name)
        if binding.kind is BindingKind.AUGMENTED and isinstance(binding.node, ast.AugAssign)
    ]
    return sorted(found, key=position)


def _is_added_to(home: Module, name: str) -> bool:
    return any(binding.kind is BindingKind.AUGMENTED for _, binding in home.attributes.get(name, ()))


def _belongs_to(target: ast.expr, class_node: ast.ClassDef, home: Module) -> bool:
    return isinstance(target, ast.Attribute) and home.class_of(target.value) is class_node


def _changed_objects(mutation: ast.AST) -> list[ast.expr]:
    """Return the expressions of the lists and dictionaries that a call or statement changes."""
    match mutation:
        case ast.Call(func=ast.Attribute(value=value)):
            return [value]
        case ast.Assign(targets=targets) | ast.Delete(targets=targets):
            return [target.value for target in targets if isinstance(target, ast.Subscript)]
        case ast.AugAssign(target=ast.Subscript(value=value)):
            return [value]
    return []


def _is_conditional(mutation: ast.AST, use: ast.AST, module: Module) -> bool:
    """Return whether a change may not have happened where its list or dictionary is used."""
    around = set() if use is mutation else set(module.ancestors(use))
    for parent in module.ancestors(mutation):
        if parent in around or isinstance(parent, FunctionNode):
            return False
        if isinstance(parent, ast.If | ast.ExceptHandler | ast.match_case):
            return True
    return False


# ---------------------------------------------------------------- one change


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
