"""Attributes and items: of classes and their instances, of modules, of lists and dictionaries."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from txsafe.python.domain import (
    Items,
    Scalar,
    Table,
    Text,
    Unknown,
    Value,
    Values,
    any_value,
    limited,
    truth,
)
from txsafe.python.frames import Frame
from txsafe.python.invocations import returned
from txsafe.python.links import bound_values, imported_owner, imported_values, members
from txsafe.python.scopes import Binding, BindingKind, has_decorator, last_name

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from txsafe.python.evaluation import Evaluator


def evaluate_attribute(evaluator: Evaluator, expr: ast.Attribute, frame: Frame) -> Iterable[Value]:
    """Return the alternatives of `value.attr`."""
    module = frame.module
    if expr.attr == "__doc__":
        return (_docstring(evaluator, expr, frame),)
    if expr.attr in {"value", "name"} and _is_enum_member(expr.value, frame):
        return evaluator.values(expr.value, frame)
    qualified = module.qualified_name(expr)
    owner = frame.class_of(expr.value)
    if owner is not None:
        return _class_attribute(evaluator, owner, expr, frame)
    if qualified is not None and _is_imported(expr, frame):
        return imported_values(evaluator, qualified, expr, frame)
    elsewhere = imported_owner(module, expr.value) if module.project is not None else None
    if elsewhere is not None:
        return bound_values(evaluator, members(*elsewhere, expr.attr)) or (
            evaluator.unknown(f"attribute {expr.attr!r} of {elsewhere[1].name}", expr, frame),
        )
    return (evaluator.unknown(f"attribute {expr.attr!r}", expr, frame),)


def _is_imported(expr: ast.expr, frame: Frame) -> bool:
    while isinstance(expr, ast.Attribute):
        expr = expr.value
    bindings = frame.module.scope(expr).lookup(expr.id) if isinstance(expr, ast.Name) else ()
    return any(binding.kind is BindingKind.IMPORT for binding in bindings)


def _class_attribute(evaluator: Evaluator, owner: ast.ClassDef, expr: ast.Attribute, frame: Frame) -> Values:
    module = frame.module
    base = evaluator.base(module)
    found: list[Value] = []
    for class_node in _searched_classes(owner, expr.value, frame):
        for binding in module.attribute(class_node, expr.attr):
            if has_decorator(binding.node, "property", "cached_property", "hybrid_property", "classproperty"):
                found += returned(evaluator, binding.node, Frame(module, binding.node, receiver=owner))
            else:
                at = frame if frame.function is module.function(binding.node) else base
                found += [_unwrapped_default(evaluator, binding, value, at) for value in evaluator.bound(binding, at)]
        settled = any(not isinstance(value, Unknown) and truth(value) is not False for value in found)
        if settled and class_node is owner:
            break
    if not found and module.project is not None:
        found += bound_values(evaluator, members(module, owner, expr.attr))
    return limited(found) or (evaluator.unknown(f"attribute {expr.attr!r} of {owner.name}", expr, frame),)


def _searched_classes(owner: ast.ClassDef, value: ast.expr, frame: Frame) -> Iterator[ast.ClassDef]:
    """Yield the class, then its subclasses in the file: a base's method sees their attributes."""
    is_super = isinstance(value, ast.Call) and isinstance(value.func, ast.Name) and value.func.id == "super"
    if is_super:
        yield from frame.module.linearized(owner)[1:2]
        return
    yield owner
    if frame.receiver is None and frame.module.is_receiver(value):
        yield from frame.module.subclasses(owner)


def _unwrapped_default(evaluator: Evaluator, binding: Binding, value: Value, frame: Frame) -> Value:
    """Return what `field(default=…)` of dataclasses and the like stands for."""
    call = binding.value
    if not isinstance(value, Unknown) or not isinstance(call, ast.Call):
        return value
    name = last_name(call.func)
    if name not in {"field", "Field", "ib", "attrib", "auto"}:
        return value
    for keyword in call.keywords:
        if keyword.arg == "default":
            return evaluator.values(keyword.value, frame)[0]
    if name == "Field" and call.args:
        return evaluator.values(call.args[0], frame)[0]
    return value


def _is_enum_member(expr: ast.expr, frame: Frame) -> bool:
    if not isinstance(expr, ast.Attribute | ast.Subscript):
        return False
    owner = frame.module.class_of(expr.value)
    if owner is None:
        return False
    names = (last_name(base) for node in frame.module.linearized(owner) for base in node.bases)
    return any(name.endswith(("Enum", "Choices")) for name in names)


def _docstring(evaluator: Evaluator, expr: ast.Attribute, frame: Frame) -> Value:
    definition = frame.module.definition(expr.value)
    if definition is not None:
        frame.module.open(definition)
    body = definition.body if isinstance(definition, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) else ()
    match body:
        case [ast.Expr(value=ast.Constant(value=str()) as constant), *_]:
            return evaluator.constant(constant, evaluator.base(frame.module))
    return evaluator.unknown("a docstring that is not known", expr, frame)


def evaluate_item(evaluator: Evaluator, expr: ast.Subscript, frame: Frame) -> Iterable[Value]:
    """Return the alternatives of `value[key]`."""
    if isinstance(expr.slice, ast.Slice):
        return (evaluator.unknown("a slice", expr, frame),)
    found: Values = ()
    keys = evaluator.values(expr.slice, frame)
    for container in evaluator.values(expr.value, frame):
        for key in keys:
            values = _looked_up(evaluator, container, key, expr, frame)
            evaluator.charge(len(values))
            found = limited((*found, *values))
    return found


def _looked_up(  # noqa: PLR0911 - one for each kind
    evaluator: Evaluator, container: Value, key: Value, expr: ast.expr, frame: Frame
) -> Values:
    match container, key:
        case Table(), Text() if key.known is not None:
            return container.find(key.known) or any_value(container, frame.module.place(expr), only_rest=True)
        case Table(), Scalar(value=value):
            return container.find(value) or any_value(container, frame.module.place(expr), only_rest=True)
        case Table(), _:
            return any_value(container, frame.module.place(expr))
        case Items(values, _, rest), Scalar(int() as index) if -len(values) <= index < len(values) and not rest:
            return values[index]
        case Items(values, _, rest), _:
            return tuple(value for element in values for value in element) + ((rest,) if rest else ())
        case Unknown(), _:
            return (Unknown(container.reason, frame.module.place(expr)),)
    return (evaluator.unknown("an item that is not known", expr, frame),)
