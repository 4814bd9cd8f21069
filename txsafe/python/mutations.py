"""Lists and dictionaries that are built step by step.

In goes what a name or an attribute was bound to, out comes that with what `append`, `extend`, `update`, `d[k] = v` and
the like put into it between the binding and the use: by this name or another one, here or in functions that it is
handed to.
"""

from __future__ import annotations

import ast
from dataclasses import dataclass
from typing import TYPE_CHECKING

from txsafe.python.containers import changed, changed_containers
from txsafe.python.domain import (
    ELEMENT_LIMIT,
    Callee,
    Items,
    Table,
    Unknown,
    Value,
    Values,
    limited,
)
from txsafe.python.invocations import called_frame, callee
from txsafe.python.links import Bound, lineage
from txsafe.python.lookups import looked_into
from txsafe.python.scopes import Binding, BindingKind, FunctionNode, position

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from txsafe.python.evaluation import Evaluator
    from txsafe.python.frames import Frame
    from txsafe.python.lookups import Step
    from txsafe.python.scopes import Module, Scope

_APART = 4
"""Alternatives up to which a conditional change makes more of them."""
_INIT = "__init__"
_HANDED_ON = 3
"""Functions that hand a container on to each other."""


@dataclass(frozen=True, slots=True)
class _Change:
    """Something that changes a container, or hands it to a function that does."""

    node: ast.AST
    frame: Frame
    conditional: bool
    """It may not have happened."""
    above: tuple[Step, ...] = ()
    """Where in the container another name for a part of it stands: `options = kwargs["options"]`."""
    handed: ast.expr | None = None
    """The argument of the call `node` that it is."""


@dataclass(frozen=True, slots=True)
class _Handed:
    """The calls that names are handed to, among so many calls of a file."""

    calls: int
    by_name: dict[str, dict[ast.Call, ast.expr]]


def mutated(evaluator: Evaluator, values: Values, binding: Binding, use: ast.Name, frame: Frame) -> Values:
    """Return lists and tables with what is appended or set between their binding and their use.

    What happens under a condition gives one more alternative.
    """
    module = frame.module
    if not any(map(_may_change, values)):
        return values
    if module.scope(use).owner(use.id) is module.scopes[module.tree]:  # else it is its own function that changes it
        module.open_mentioning(use.id)
    changes = [*_mutations(binding, use, frame)]
    if any(isinstance(value, Items | Table) for value in values):
        changes = sorted([*changes, *_handings(binding, use, frame)], key=_place)
    return _after(evaluator, values, changes, use)


def mutated_attribute(
    evaluator: Evaluator,
    values: Values,
    bound: Bound,
    owner: ast.ClassDef,
    use: ast.Attribute,
    frame: Frame,
    *,
    home: Module | None = None,
) -> Values:
    """Return what an attribute of a class holds with what any of its methods, or those of its bases, put into it."""
    owners = lineage(home or frame.module, owner)
    for each, _ in owners:
        each.open_mentioning(f".{use.attr}")
    if not any(use.attr in each.attribute_mutations or _is_added_to(each, use.attr) for each, _ in owners):
        return values
    changes: list[_Change] = []
    for each, class_node in reversed(owners):
        for node in _attribute_mutations(each, class_node, use.attr):
            function = each.function(node)
            if function is each.function(bound[1].node) and position(node) < position(bound[1].node):
                continue
            if function is not None and function is frame.module.function(use):
                if position(node) < position(use):
                    changes.append(_Change(node, frame, _is_conditional(node, use, each)))
                continue
            elsewhere = getattr(function, "name", _INIT) != _INIT
            changes.append(_Change(node, evaluator.base(each), elsewhere or _is_conditional(node, node, each)))
    return _after(evaluator, values, changes, use)


def mutated_here(evaluator: Evaluator, value: Unknown, use: ast.Attribute, frame: Frame) -> Values:
    """Return what an attribute of an unknown object holds of what the same function has put into it before."""
    module = frame.module
    nodes = module.attribute_mutations.get(use.attr, ())[:ELEMENT_LIMIT]
    if not nodes:
        return (value,)
    spelled, function = ast.dump(use), module.function(use)
    changes = [
        _Change(node, frame, _is_conditional(node, use, module))
        for node in nodes
        if position(node) < position(use) and module.function(node) is function
        if any(_same_place(target, spelled) for target in _changed_roots(node))
    ]
    return _after(evaluator, (value,), changes, use)


def _same_place(target: ast.expr, spelled: str) -> bool:
    return ast.dump(target).replace("ctx=Store()", "ctx=Load()") == spelled


def _after(evaluator: Evaluator, values: Values, changes: Sequence[_Change], use: ast.expr) -> Values:
    for change in changes[:ELEMENT_LIMIT]:
        if evaluator.is_exhausted:
            return evaluator.give_up("too much work", use, change.frame)
        after = tuple(each for value in values for each in _changed_by(evaluator, value, change, use))
        values = _either(values, after) if change.conditional else limited(after)
        evaluator.charge(16 + 8 * sum(map(_size, values)))
    return values


def _changed_by(evaluator: Evaluator, value: Value, change: _Change, use: ast.expr) -> Values:
    if change.handed is None:
        return (changed(evaluator, value, change.node, change.frame, above=change.above),)
    return _handed_back(evaluator, value, change, use) if isinstance(value, Items | Table) else (value,)


def _may_change(value: Value) -> bool:
    return isinstance(value, Items | Table | Unknown) and not isinstance(value, Callee)


def _either(before: Values, after: Values) -> Values:
    """Return what is known if a change may not have happened; not all combinations of many are told apart."""
    if len(before) < _APART or len(after) != len(before):
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


def _place(change: _Change) -> tuple[int, int]:
    return position(change.node)


# ---------------------------------------------------------------- of a name


def _mutations(binding: Binding, use: ast.Name, frame: Frame) -> Iterator[_Change]:
    """Yield what changes the container of a name between its binding and its use, in the file's order."""
    module = frame.module
    if use.id in module.aliases:
        found = [*_by_name(use.id, binding.node, use, frame), *_by_other_names(binding, use, frame)]
        yield from sorted(found, key=_place)
    else:
        yield from _by_name(use.id, binding.node, use, frame)


def _by_name(
    name: str, since: ast.AST, use: ast.expr, frame: Frame, *, above: tuple[Step, ...] = ()
) -> Iterator[_Change]:
    module = frame.module
    nodes = module.mutations.get(name)
    if not nodes:
        return
    owner = module.scope(since if above else use).owner(name)
    for node in _between(nodes, since, use, module):
        if module.scope(node).owner(name) is owner:
            yield _Change(node, frame, _is_conditional(node, use, module), above)


def _between(nodes: Iterable[ast.AST], since: ast.AST, use: ast.expr, module: Module) -> Iterator[ast.AST]:
    inline = module.function(use) is module.function(since)
    start, end = position(since), position(use)
    for node in nodes:
        at = position(node)
        if start < at and (not inline or at < end):
            yield node


def _by_other_names(binding: Binding, use: ast.Name, frame: Frame) -> Iterator[_Change]:
    """Yield what changes a part of the container that goes by another name: `options = kwargs["options"]`."""
    module = frame.module
    owner = module.scope(use).owner(use.id)
    for alias in module.aliases.get(use.id, ())[:ELEMENT_LIMIT]:
        if alias.value is None or alias.name == use.id or module.scope(alias.value).owner(use.id) is not owner:
            continue
        if position(binding.node) < position(alias.node):
            yield from _by_name(alias.name, alias.node, use, frame, above=looked_into(alias.value)[1])


# ---------------------------------------------------------------- of an attribute


def _attribute_mutations(home: Module, class_node: ast.ClassDef, name: str) -> Iterable[ast.AST]:
    """Return what changes an attribute of a class, in the file's order."""
    found = [
        node
        for node in home.attribute_mutations.get(name, ())[:ELEMENT_LIMIT]
        if any(_belongs_to(target, class_node, home) for target in _changed_roots(node))
    ]
    found += [
        binding.node
        for binding in home.own_attribute(class_node, name)
        if binding.kind is BindingKind.AUGMENTED and isinstance(binding.node, ast.AugAssign)
    ]
    return sorted(found, key=position)


def _changed_roots(node: ast.AST) -> list[ast.expr]:
    return [looked_into(container)[0] for container in changed_containers(node)]


def _is_added_to(home: Module, name: str) -> bool:
    return any(binding.kind is BindingKind.AUGMENTED for _, binding in home.attributes.get(name, ()))


def _belongs_to(target: ast.expr, class_node: ast.ClassDef, home: Module) -> bool:
    return isinstance(target, ast.Attribute) and home.class_of(target.value) is class_node


def _is_conditional(mutation: ast.AST, use: ast.AST, module: Module) -> bool:
    """Return whether a change may not have happened where its list or dictionary is used."""
    around = set() if use is mutation else set(module.ancestors(use))
    for parent in module.ancestors(mutation):
        if parent in around or isinstance(parent, FunctionNode):
            return False
        if isinstance(parent, ast.If | ast.ExceptHandler | ast.match_case):
            return True
    return False


# ---------------------------------------------------------------- by functions that it is handed to


def _handings(binding: Binding, use: ast.Name, frame: Frame) -> Iterator[_Change]:
    """Yield the calls that a name is handed to between its binding and its use."""
    module = frame.module
    calls = _calls_with(module).get(use.id)
    if not calls:
        return
    owner: Scope | None = module.scope(use).owner(use.id)
    found = {call: argument for call, argument in calls.items() if call is not module.parent(use)}
    for call in _between(found, binding.node, use, module):
        if isinstance(call, ast.Call) and module.scope(call).owner(use.id) is owner:
            yield _Change(call, frame, _is_conditional(call, use, module), handed=found[call])


def _calls_with(module: Module) -> dict[str, dict[ast.Call, ast.expr]]:
    """Return the calls that are handed a name as it is, by name, of the functions that are parsed."""
    known = module.memory.get(_Handed)
    if isinstance(known, _Handed) and known.calls == len(module.calls):
        return known.by_name
    found: dict[str, dict[ast.Call, ast.expr]] = {}
    for call in module.calls:
        for argument in (*call.args, *(keyword.value for keyword in call.keywords)):
            if isinstance(argument, ast.Name):
                found.setdefault(argument.id, {})[call] = argument
    module.memory[_Handed] = _Handed(len(module.calls), found)
    return found


def _handed_back(evaluator: Evaluator, value: Value, change: _Change, use: ast.expr) -> Values:
    """Return what a function of the program makes of a container that it is handed."""
    call, frame = change.node, change.frame
    if not isinstance(call, ast.Call) or _depth(frame) >= _HANDED_ON:
        return (value,)
    found = callee(call, frame)
    inner = None if found is None else called_frame(evaluator, *found, call, frame)
    if found is None or inner is None:
        return (value,)
    home, function = found
    home.open(function)
    names = [name for name, each in inner.arguments.items() if each.expr is change.handed]
    scope = home.scopes.get(function)
    if len(names) != 1 or scope is None or len(scope.own(names[0])) != 1:  # a parameter that is bound again
        return (value,)
    changes = [*_in_function(home, function, names[0], inner)]
    return _after(evaluator, (value,), changes, use)


def _depth(frame: Frame) -> int:
    depth, current = 0, frame.outer
    while current is not None:
        depth, current = depth + 1, current.outer
    return depth


def _in_function(home: Module, function: ast.AST, name: str, frame: Frame) -> Iterator[_Change]:
    """Yield what a function does to the container that its parameter is."""
    nodes: dict[ast.AST, ast.expr | None] = dict.fromkeys(home.mutations.get(name, ()))
    nodes.update(_calls_with(home).get(name, {}).items())
    scope = home.scopes[function]
    for node in sorted(nodes, key=position):
        if home.function(node) is function and home.scope(node).owner(name) is scope:
            yield _Change(node, frame, _is_conditional(node, node, home), handed=nodes[node])
