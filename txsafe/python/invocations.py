"""Calls of functions of the analysed files.

What a function returns is evaluated with the call's arguments in place of its parameters.
"""

from __future__ import annotations

import ast
from dataclasses import replace
from typing import TYPE_CHECKING

from txsafe.python.domain import (
    Callee,
    Drawn,
    Instance,
    Items,
    Scalar,
    Table,
    Text,
    Unknown,
    Value,
    Values,
    limited,
    literal,
)
from txsafe.python.fields import bound_fields, field_names
from txsafe.python.frames import Argument, Frame
from txsafe.python.links import Owner, defined, imported_owner, inherited, members
from txsafe.python.resources import drawn_from
from txsafe.python.scopes import BindingKind, FunctionNode, Module, has_decorator, is_method, is_super_call, last_name

_READERS = frozenset({"read", "read_text", "read_bytes", "readlines", "readline"})
_RETURN_LIMIT = 64

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from txsafe.python.evaluation import Evaluator


def unknown_call(evaluator: Evaluator, call: ast.Call, frame: Frame) -> Unknown:
    """Return what stands for a call that is not followed."""
    name = last_name(call.func)
    if name in _READERS:
        return evaluator.unknown("read from a file", call, frame)
    return _drawn(evaluator, call, frame) or evaluator.unknown(f"call of {name}()" if name else "a call", call, frame)


def _drawn(evaluator: Evaluator, call: ast.Call, frame: Frame) -> Drawn | None:
    """Return what stands for what a call makes of a file's text; None where it is handed none."""
    if not evaluator.follows_files:
        return None
    with evaluator.seeking_files():
        return drawn_from(evaluator, _handed(evaluator, call, frame), call, frame)


def _handed(evaluator: Evaluator, call: ast.Call, frame: Frame) -> Iterator[Value]:
    """Yield what a call is handed: its arguments, and the object that it is a method of."""
    for argument in (*call.args, *(keyword.value for keyword in call.keywords)):
        if evaluator.is_exhausted:
            return
        yield from evaluator.values(argument.value if isinstance(argument, ast.Starred) else argument, frame)
    if isinstance(call.func, ast.Attribute):
        yield from evaluator.values(call.func.value, frame)


def defined_call(evaluator: Evaluator, call: ast.Call, frame: Frame) -> Values | None:
    """Follow a call of a function of the same file, or of a method of `self`; None where it is neither."""
    overriding = _overriding(call, frame)
    if overriding is not None:
        return invoked(evaluator, *overriding, call, frame)
    function = frame.module.definition(call.func)
    if isinstance(function, ast.ClassDef):
        return (made_instance(evaluator, frame.module, function, call, frame),)
    if function is None:
        return None
    return invoked(evaluator, frame.module, function, call, frame)


def callee(call: ast.Call, frame: Frame) -> tuple[Module, FunctionNode] | None:
    """Return the function of the program that a call is of, with its file."""
    own = frame.module.definition(call.func)
    found: tuple[Module, ast.AST] | None = _overriding(call, frame) or (None if own is None else (frame.module, own))
    if found is None and frame.module.project is not None:
        found = defined(frame.module, call.func) or _method_elsewhere(call.func, frame)
    return (found[0], found[1]) if found is not None and isinstance(found[1], FunctionNode) else None


def _overriding(call: ast.Call, frame: Frame) -> tuple[Module, FunctionNode] | None:
    """Return the method of the class that `self` is known to be, which may override that of the class it stands in."""
    match call.func:
        case ast.Attribute(value=value, attr=name) if frame.receiver is not None and frame.module.is_receiver(value):
            found = members(frame.receiver_home or frame.module, frame.receiver, name)
            home, node = (found[-1][0], found[-1][1].node) if found else (frame.module, None)
            return (home, node) if isinstance(node, FunctionNode) else None
    return None


def imported_call(evaluator: Evaluator, call: ast.Call, frame: Frame) -> Values | None:
    """Follow a call of a function or method of another file; None where it cannot be found."""
    module = frame.module
    if module.project is None:
        return None
    found = defined(module, call.func) or _method_elsewhere(call.func, frame)
    if found is None:
        return None
    if isinstance(found[1], ast.ClassDef):
        return (made_instance(evaluator, found[0], found[1], call, frame),)
    return invoked(evaluator, *found, call, frame) if isinstance(found[1], FunctionNode) else None


def held_call(evaluator: Evaluator, call: ast.Call, frame: Frame) -> Values | None:
    """Follow a call of what a variable or an attribute holds; None where that is nothing of the program."""
    if not isinstance(call.func, ast.Name | ast.Attribute | ast.Subscript) or not evaluator.follows_objects:
        return None
    found: list[Value] = []
    for value in evaluator.values(call.func, frame):
        if not isinstance(value, Callee) or value.definition is None:
            continue
        home, node = value.definition
        if isinstance(node, ast.ClassDef):
            found.append(made_instance(evaluator, home, node, call, frame))
        else:
            found += invoked_on(evaluator, home, node, call, frame, None)
    return limited(found) or None


def _method_elsewhere(func: ast.expr, frame: Frame) -> tuple[Module, ast.AST] | None:
    """Return the method of a class of another file, or the one that a class of this file inherits from there."""
    if not isinstance(func, ast.Attribute):
        return None
    if is_super_call(func.value):
        around = frame.module.enclosing_class(func)
        above = () if around is None else inherited(frame.module, around, func.attr)
        return (above[-1][0], above[-1][1].node) if above else None
    owner = frame.owner_of(func.value) or imported_owner(frame.module, func.value)
    bindings = () if owner is None else members(*owner, func.attr)
    return (bindings[-1][0], bindings[-1][1].node) if bindings else None


def invoked(evaluator: Evaluator, module: Module, function: ast.AST, call: ast.Call, frame: Frame) -> Values:
    """Return what a function returns for a call's arguments, whatever object it is a method of."""
    found: list[Value] = []
    for instance in _instances(evaluator, call, frame) or (None,):
        found += invoked_on(evaluator, module, function, call, frame, instance)
    return limited(found) or (unknown_call(evaluator, call, frame),)


def invoked_on(
    evaluator: Evaluator, module: Module, function: ast.AST, call: ast.Call, frame: Frame, instance: Instance | None
) -> Values:
    """Return what a method of an object returns for a call's arguments."""
    inner = called_frame(evaluator, module, function, call, frame)
    if inner is None:
        return (unknown_call(evaluator, call, frame),)
    if instance is not None:
        home, owner = instance.owner or (None, None)
        inner = replace(inner, instance=instance, receiver=owner or inner.receiver, receiver_home=home)
    return returned(evaluator, function, inner)


def _instances(evaluator: Evaluator, call: ast.Call, frame: Frame) -> tuple[Instance, ...]:
    """Return the objects that a method is called on, where what they were made with is known."""
    if not isinstance(call.func, ast.Attribute):
        return ()
    if frame.module.is_receiver(call.func.value):
        return () if frame.instance is None else (frame.instance,)
    if not evaluator.follows_objects:
        return ()
    return tuple(value for value in evaluator.values(call.func.value, frame) if isinstance(value, Instance))


def called_frame(evaluator: Evaluator, module: Module, function: ast.AST, call: ast.Call, frame: Frame) -> Frame | None:
    """Return the frame of a function's body for one call of it; None where that call is not followed."""
    if not isinstance(function, FunctionNode) or has_decorator(function, *_OPAQUE) or _calls_itself(function, frame):
        return None
    home, receiver = _receiver_of(call, frame) or (None, None)
    skipped = 1 if is_method(module, function) and not _names_class(module, call, frame) else 0
    arguments = _bound_arguments(evaluator, module, function, call, frame, skipped=skipped)
    outer = frame if frame.module is module else None
    return Frame(module, function, arguments, outer=outer, receiver=receiver, receiver_home=home)


_OPAQUE = ("contextmanager", "asynccontextmanager", "overload", "singledispatch", "fixture")


def _calls_itself(function: ast.AST, frame: Frame) -> bool:
    current: Frame | None = frame
    while current is not None:
        if current.function is function:
            return True
        current = current.outer
    return False


def _receiver_of(call: ast.Call, frame: Frame) -> Owner | None:
    """Return the class of the object that a method is called on; `super()` is what `self` is."""
    if not isinstance(call.func, ast.Attribute):
        return None
    if is_super_call(call.func.value) and frame.receiver is not None:
        return frame.receiver_home or frame.module, frame.receiver
    return frame.owner_of(call.func.value)


def _names_class(module: Module, call: ast.Call, frame: Frame) -> bool:
    """Return whether a method is called through its class, so that `self` is passed along (`Class.method(x)`)."""
    match call.func:
        case ast.Attribute(value=ast.Name() as owner) if frame.module is module:
            definition = module.definition(owner)
            function = module.definition(call.func)
            return isinstance(definition, ast.ClassDef) and not has_decorator(function or owner, "classmethod")
    return False


def _bound_arguments(
    evaluator: Evaluator, module: Module, function: FunctionNode, call: ast.Call, frame: Frame, *, skipped: int
) -> Mapping[str, Argument]:
    """Return what a call gives each parameter; parameters that it leaves out have their defaults."""
    positional = [argument.arg for argument in (*function.args.posonlyargs, *function.args.args)][skipped:]
    names = {*positional, *(argument.arg for argument in function.args.kwonlyargs)}
    bound: dict[str, Argument] = {}
    place = frame.module.place(call)
    given, missing = _given(evaluator, call, frame)
    bound.update(zip(positional, given, strict=False))
    surplus = given[len(positional) :]
    extra = Table((), place)
    for keyword in call.keywords:
        if keyword.arg is None:
            extra = extra.overlaid(evaluator.values(keyword.value, frame))
        elif keyword.arg in names:
            bound[keyword.arg] = Argument(keyword.value, frame)
        else:
            key = Text(literal(keyword.arg, frame.module.place(keyword)))
            extra = extra.updated([(key, evaluator.values(keyword.value, frame))])
    extra = _bind_table(extra, bound, names)
    if function.args.vararg is not None:
        elements = tuple(_argument_values(evaluator, argument) for argument in surplus)
        bound[function.args.vararg.arg] = Argument(ready=(Items(elements, place, missing),))
    if function.args.kwarg is not None:
        bound[function.args.kwarg.arg] = Argument(ready=(extra,))
    if missing is None and extra.rest is None:
        _bind_defaults(function, bound, evaluator.base(module))
    return bound


def _given(evaluator: Evaluator, call: ast.Call, frame: Frame) -> tuple[list[Argument], Unknown | None]:
    """Return the positional arguments, and what stands for those of which it is not known how many there are."""
    given: list[Argument] = []
    for argument in call.args:
        if not isinstance(argument, ast.Starred):
            given.append(Argument(argument, frame))
            continue
        elements, rest = evaluator.elements(evaluator.values(argument.value, frame), argument, frame)
        given += [Argument(ready=values) for values in elements]
        if rest is not None:
            return given, rest
    return given, None


def _argument_values(evaluator: Evaluator, argument: Argument) -> Values:
    if argument.expr is None or argument.frame is None:
        return argument.ready
    return evaluator.values(argument.expr, argument.frame)


def _bind_table(table: Table, bound: dict[str, Argument], names: set[str]) -> Table:
    """Bind the entries that are named like parameters; return the table of the others."""
    others: list[tuple[Value, Values]] = []
    for key, values in table.entries:
        if isinstance(key, Text) and key.known in names:
            bound[key.template.text] = Argument(ready=values)
        else:
            others.append((key, values))
    return Table(tuple(others), table.place, table.rest)


def _bind_defaults(function: FunctionNode, bound: dict[str, Argument], frame: Frame) -> None:
    arguments = function.args
    positional = (*arguments.posonlyargs, *arguments.args)
    pairs = [*zip(reversed(positional), reversed(arguments.defaults), strict=False)]
    pairs += [(a, d) for a, d in zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True) if d is not None]
    for argument, default in pairs:
        if argument.arg not in bound:
            bound[argument.arg] = Argument(default, frame)


def returned(evaluator: Evaluator, function: ast.AST, frame: Frame) -> Values:
    """Return what a function's body returns in a frame."""
    if isinstance(function, ast.Lambda):
        return evaluator.values(function.body, frame)
    results = frame.module.returned_by(function)
    yields = [result for result in results if isinstance(result, ast.Yield | ast.YieldFrom)]
    if yields:
        return (_generated(evaluator, yields, function, frame),)
    found: list[Value] = []
    for result in results[:_RETURN_LIMIT]:
        if result.value is None:
            found.append(Scalar(None, frame.module.place(result)))
        else:
            found += evaluator.values(result.value, frame)
    return limited(found)


def _generated(
    evaluator: Evaluator, yields: Sequence[ast.Return | ast.Yield | ast.YieldFrom], function: ast.AST, frame: Frame
) -> Items:
    elements: list[Values] = []
    rest: Unknown | None = None
    for result in yields[:_RETURN_LIMIT]:
        if result.value is None:
            continue
        values = evaluator.values(result.value, frame)
        if isinstance(result, ast.YieldFrom):
            more, missing = evaluator.elements(values, result, frame)
            elements += more
            rest = rest or missing
        elif frame.module.in_loop(result):
            elements += [(value,) for value in values]
        else:
            elements.append(values)
    return Items(tuple(elements), frame.module.place(function), rest)


# ---------------------------------------------------------------- objects


def made_instance(
    evaluator: Evaluator, module: Module, class_node: ast.ClassDef, call: ast.Call, frame: Frame
) -> Instance:
    """Return what a call of a class makes."""
    reason, place = f"an instance of {class_node.name}", frame.module.place(call)
    owner = (module, class_node)
    for home, binding in members(module, class_node, "__init__"):
        made = called_frame(evaluator, home, binding.node, call, frame)
        return Instance(reason, place, owner=owner, made=made, drawn=_drawn(evaluator, call, frame))
    fields = bound_fields(evaluator, field_names(module, class_node), call, frame)
    return Instance(reason, place, owner=owner, fields=fields)


def partial_call(call: ast.Call, frame: Frame) -> ast.Call | None:
    """Return the whole call where a name is called that holds `functools.partial(function, …)`."""
    if not isinstance(call.func, ast.Name):
        return None
    for binding in frame.module.reaching(call.func):
        bound = binding.value
        if binding.kind is not BindingKind.ASSIGN or not isinstance(bound, ast.Call) or not bound.args:
            continue
        if frame.module.qualified_name(bound.func) == "functools.partial":
            whole = ast.Call(bound.args[0], [*bound.args[1:], *call.args], [*bound.keywords, *call.keywords])
            return ast.copy_location(whole, call)
    return None
