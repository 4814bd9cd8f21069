"""Attributes and items: of classes and their instances, of modules, of lists and dictionaries."""

from __future__ import annotations

import ast
from dataclasses import replace
from typing import TYPE_CHECKING

from txsafe.python.docstrings import docstrings
from txsafe.python.domain import (
    ELEMENT_LIMIT,
    Drawn,
    FilePath,
    Instance,
    Items,
    Scalar,
    Table,
    Text,
    Unknown,
    Value,
    Values,
    any_value,
    limited,
    sliced,
    truth,
)
from txsafe.python.fields import field_values
from txsafe.python.frames import Frame
from txsafe.python.invocations import returned
from txsafe.python.links import Owner, bound_values, imported_owner, imported_values, inherited, members
from txsafe.python.mutations import mutated_attribute, mutated_here
from txsafe.python.resources import drawn_entry, path_attribute
from txsafe.python.scopes import Binding, BindingKind, Module, has_decorator, is_super_call, last_name

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from txsafe.python.evaluation import Evaluator


def evaluate_attribute(  # noqa: PLR0911 - one for each kind of owner
    evaluator: Evaluator, expr: ast.Attribute, frame: Frame
) -> Iterable[Value]:
    """Return the alternatives of `value.attr`."""
    module = frame.module
    if expr.attr == "__doc__":
        return docstrings(evaluator, expr, frame)
    if expr.attr in {"value", "name"} and _is_enum_member(expr.value, frame):
        return evaluator.values(expr.value, frame)
    qualified = module.qualified_name(expr)
    imported = qualified is not None and _is_imported(expr, frame)
    values = imported_values(evaluator, qualified or "", expr, frame) if imported else ()
    if any(not isinstance(value, Unknown) for value in values):
        return values
    known = _of_objects(evaluator, expr, frame) or values
    if known:
        return known
    owner = frame.owner_of(expr.value)
    if owner is not None:
        return _class_attribute(evaluator, *owner, expr, frame)
    elsewhere = imported_owner(module, expr.value) if module.project is not None else None
    if elsewhere is not None:
        return bound_values(evaluator, members(*elsewhere, expr.attr)) or (
            evaluator.unknown(f"attribute {expr.attr!r} of {elsewhere[1].name}", expr, frame),
        )
    return mutated_here(evaluator, evaluator.unknown(f"attribute {expr.attr!r}", expr, frame), expr, frame)


def _of_objects(evaluator: Evaluator, expr: ast.Attribute, frame: Frame) -> Values:
    """Return an attribute of the objects that its owner is known to be; empty where none is or says anything."""
    if frame.module.is_receiver(expr.value):
        return () if frame.instance is None else instance_attribute(evaluator, frame.instance, expr.attr)
    if not evaluator.follows_objects:
        return ()
    found: list[Value] = []
    for value in evaluator.values(expr.value, frame):
        if isinstance(value, Instance):
            found += instance_attribute(evaluator, value, expr.attr)
        elif isinstance(value, FilePath):
            found += path_attribute(value, expr.attr)
        elif isinstance(value, Drawn):
            found += drawn_entry(value, expr.attr)
        elif expr.attr == "value" and isinstance(value, Text | Scalar):  # a member of an enumeration
            found.append(value)
    return limited(found)


def instance_attribute(evaluator: Evaluator, instance: Instance, name: str) -> Values:
    """Return what an object's attribute is; empty where what made the object says nothing about it."""
    given = field_values(evaluator, instance, name)
    if given or instance.owner is None:
        return given
    if instance.drawn is not None and not members(*instance.owner, name):
        return drawn_entry(instance.drawn, name)
    found: list[Value] = []
    for home, binding in members(*instance.owner, name):
        if has_decorator(binding.node, *_GETTERS):
            frame = Frame(
                home, binding.node, receiver=instance.owner[1], receiver_home=instance.owner[0], instance=instance
            )
            found += returned(evaluator, binding.node, frame)
        elif instance.made is not None and home.function(binding.node) is instance.made.function:
            found += evaluator.bound(binding, instance.made)
    return limited(found)


_GETTERS = ("property", "cached_property", "hybrid_property", "classproperty")


def _is_imported(expr: ast.expr, frame: Frame) -> bool:
    while isinstance(expr, ast.Attribute):
        expr = expr.value
    bindings = frame.module.scope(expr).lookup(expr.id) if isinstance(expr, ast.Name) else ()
    return any(binding.kind is BindingKind.IMPORT for binding in bindings)


def _class_attribute(
    evaluator: Evaluator, home: Module, owner: ast.ClassDef, expr: ast.Attribute, frame: Frame
) -> Values:
    module = frame.module
    base = evaluator.base(module)
    found: list[Value] = []
    for class_node in _searched_classes(owner, expr.value, frame) if home is module else ():
        for binding in module.attribute(class_node, expr.attr):
            if has_decorator(binding.node, *_GETTERS):
                found += returned(
                    evaluator, binding.node, Frame(module, binding.node, receiver=owner, instance=frame.instance)
                )
            elif binding.kind is not BindingKind.AUGMENTED:
                at = frame if frame.function is module.function(binding.node) else base
                values = tuple(
                    _unwrapped_default(evaluator, binding, value, at) for value in evaluator.bound(binding, at)
                )
                found += mutated_attribute(evaluator, values, (module, binding), owner, expr, frame)
        settled = any(not isinstance(value, Unknown) and truth(value) is not False for value in found)
        if settled and class_node is owner:
            break
    if not found and module.project is not None:
        found += _inherited_attribute(evaluator, (home, owner), expr, frame)
    return (
        limited(found)
        or _set_from_outside(evaluator, owner, expr, frame)
        or (evaluator.unknown(f"attribute {expr.attr!r} of {owner.name}", expr, frame),)
    )


def _inherited_attribute(evaluator: Evaluator, owner: Owner, expr: ast.Attribute, frame: Frame) -> Iterator[Value]:
    """Yield what a class has, or inherits, in other files, where `self` is still an object of that class."""
    looking = inherited if is_super_call(expr.value) else members
    for bound in looking(*owner, expr.attr):
        home, binding = bound
        at = Frame(home, receiver=owner[1], receiver_home=owner[0], instance=frame.instance)
        if has_decorator(binding.node, *_GETTERS):
            yield from returned(evaluator, binding.node, replace(at, function=binding.node))
            continue
        values = evaluator.bound(binding, at if home.function(binding.node) else evaluator.base(home))
        yield from mutated_attribute(evaluator, values, bound, owner[1], expr, frame, home=owner[0])


def _set_from_outside(evaluator: Evaluator, owner: ast.ClassDef, expr: ast.Attribute, frame: Frame) -> Values:
    """Return what code outside a class assigns to an attribute of it or its objects: `Queries.listen = "LISTEN x"`."""
    module = frame.module
    module.open_mentioning(f".{expr.attr}")
    targets = module.attributes.get(expr.attr, ())[:_MOST_TARGETS]
    bindings = [(module, binding) for target, binding in targets if module.class_of(target.value) is owner]
    return bound_values(evaluator, bindings)


_MOST_TARGETS = 50


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
        if keyword.arg in {"default_factory", "factory"}:
            made = ast.copy_location(ast.Call(keyword.value, [], []), keyword.value)
            return evaluator.values(made, frame)[0]
    if name == "Field" and call.args:
        return evaluator.values(call.args[0], frame)[0]
    return value


def _is_enum_member(expr: ast.expr, frame: Frame) -> bool:
    if not isinstance(expr, ast.Attribute | ast.Subscript):
        return False
    owner = frame.module.class_of(expr.value)
    return owner is not None and is_enum(frame.module, owner)


def is_enum(module: Module, class_node: ast.ClassDef) -> bool:
    """Return whether a class is an enumeration, by the name of a base."""
    names = (last_name(base) for node in module.linearized(class_node) for base in node.bases)
    return any(name.endswith(("Enum", "Choices")) for name in names)


def evaluate_item(evaluator: Evaluator, expr: ast.Subscript, frame: Frame) -> Iterable[Value]:
    """Return the alternatives of `value[key]`."""
    if isinstance(expr.slice, ast.Slice):
        return [_sliced(evaluator, value, expr.slice, expr, frame) for value in evaluator.values(expr.value, frame)]
    found: Values = ()
    keys = evaluator.values(expr.slice, frame)
    for container in evaluator.values(expr.value, frame):
        for key in keys:
            values = _looked_up(evaluator, container, key, expr, frame)
            evaluator.charge(len(values))
            found = limited((*found, *values))
    return found


def _sliced(evaluator: Evaluator, value: Value, part: ast.Slice, expr: ast.expr, frame: Frame) -> Value:
    """Return a part of a list or text; all of a list where its bounds are not known."""
    bounds = [_bound(evaluator, bound, frame) for bound in (part.lower, part.upper, part.step)]
    known = all(bound is not False for bound in bounds)
    match value:
        case Items(elements, place, rest):
            chosen = elements[_slice_of(bounds)] if known and rest is None else elements
            return Items(chosen, place, rest)
        case Text() if known and bounds[2] is None:
            start, stop, _ = _slice_of(bounds).indices(len(value.template.text))
            return Text(sliced(value.template, start, max(start, stop)), value.composed)
        case Drawn():
            return value
    return evaluator.unknown("a slice", expr, frame)


def _bound(evaluator: Evaluator, bound: ast.expr | None, frame: Frame) -> int | bool | None:
    """Return one bound of a slice, None where it is left out; False where it is not known."""
    if bound is None:
        return None
    match evaluator.values(bound, frame):
        case (Scalar(int() as number),) if abs(number) <= ELEMENT_LIMIT:
            return number
    return False


def _slice_of(bounds: Sequence[int | None]) -> slice:
    start, stop, step = bounds
    return slice(start, stop, step or None)


def _looked_up(  # noqa: PLR0911 - one for each kind
    evaluator: Evaluator, container: Value, key: Value, expr: ast.expr, frame: Frame
) -> Values:
    match container, key:
        case (
            (Table(rest=Drawn() as drawn) | (Drawn() as drawn) | Instance(drawn=Drawn() as drawn)),
            Text() | Scalar(),
        ):
            name = key.known if isinstance(key, Text) else key.value
            listed = container.find(name) if isinstance(container, Table) else ()
            return listed or drawn_entry(drawn, name) or (Unknown(drawn.reason, frame.module.place(expr)),)
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
