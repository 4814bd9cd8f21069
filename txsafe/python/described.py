"""The calls, assignments and reads of one module that a driver file describes.

In go a `Module`, its `Receivers` and the `Drivers`, out come `Described` ones, in the file's order: each with the
object that it is done to and with what the driver says about it.
"""

from __future__ import annotations

import ast
import functools
from dataclasses import dataclass
from typing import TYPE_CHECKING

from txsafe.catalog.drivers import Call
from txsafe.python.arguments import Arguments
from txsafe.python.receiver import NOTHING, Certainty, Receiver
from txsafe.python.scopes import BindingKind

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from txsafe.catalog.drivers import Drivers
    from txsafe.python.receivers import Receivers
    from txsafe.python.scopes import Module


@dataclass(frozen=True, kw_only=True, eq=False)
class Described:
    """Something a program does whose meaning is known."""

    module: Module
    node: ast.expr
    """The call; the attribute that is assigned or read."""
    start: int
    """Its place in the order of execution: a call counts from its end, so that `connect().cursor()` connects first."""
    name: str
    """Qualified: `psycopg.Connection.execute`, or `execute` of an object that nobody knows."""
    driver: str | None
    meaning: Call
    receiver: Receiver
    value: ast.expr | None = None
    """What is assigned."""
    caller: ast.Call | None = None
    """The call, in the same file, of the function that this stands in, whose arguments count; None for any."""

    @functools.cached_property
    def arguments(self) -> Arguments:
        """Return the arguments by name."""
        if self.value is not None:
            return Arguments.of_value(self.module, self.value)
        call = self.node if isinstance(self.node, ast.Call) else None
        return Arguments(self.module, call, self.meaning.arguments, caller=self.caller)


def describe(
    module: Module, receivers: Receivers, drivers: Drivers, *, sinks: Mapping[str, int]
) -> tuple[Described, ...]:
    """Return everything in a module that a driver file describes; `sinks` are functions whose n-th argument is SQL."""
    module.open_all()
    found = [
        *_describe_calls(module, receivers, drivers, sinks),
        *_describe_assignments(module, receivers, drivers),
        *_describe_reads(module, receivers, drivers),
    ]
    return tuple(sorted(found, key=lambda described: described.start))


def _describe_calls(
    module: Module, receivers: Receivers, drivers: Drivers, sinks: Mapping[str, int]
) -> Iterator[Described]:
    shapes = _shapes(drivers)
    functions = drivers.function_names.union(name.rpartition(".")[2] for name in sinks)
    for call in module.calls:
        found = None
        match call.func:
            case ast.Attribute(attr=name):  # what a chain of names begins with may be another word for something
                if name in functions:
                    found = _describe_function(module, receivers, sinks, call)
                if found is None and name in drivers.method_names:
                    found = _describe_method(module, receivers, shapes, call, name)
            case ast.Name() as func:
                found = _describe_function(module, receivers, sinks, call)
                if found is None and _may_be_object(module, func, drivers):
                    found = _describe_instance_call(module, receivers, call)
            case ast.Call():
                found = _describe_instance_call(module, receivers, call)
        if found is not None:
            yield found


def _may_be_object(module: Module, name: ast.Name, drivers: Drivers) -> bool:
    """Return whether a name may stand for more than a function, or what is imported and called."""
    if module.qualified_name(name) in drivers.values:
        return True
    bindings = module.scope(name).lookup(name.id)
    return any(binding.kind not in {BindingKind.FUNCTION, BindingKind.IMPORT} for binding in bindings)


def _shapes(drivers: Drivers) -> dict[str, Call]:
    """Return the methods by which an object of unknown make is taken for a connection or a cursor."""
    shapes: dict[str, Call] = {}
    for name in ("dbapi.Connection", "dbapi.Cursor"):
        type_ = drivers.types.get(name)
        if type_ is not None:
            shapes.update({method: call for method, call in type_.methods.items() if call.sql})
    return shapes


def _describe_function(
    module: Module, receivers: Receivers, sinks: Mapping[str, int], call: ast.Call
) -> Described | None:
    name = module.qualified_name(call.func)
    position = None if name is None else _declared(name, module, sinks)
    if name is not None and position is not None:
        names = tuple(f"argument{index}" for index in range(position + 1))
        meaning = Call(arguments=names, sql=(names[-1],))
        return _described(module, call, name=name, driver=None, meaning=meaning, receiver=NOTHING)
    found = receivers.function(call.func)
    if found is None:
        return None
    name, driver, meaning = found
    receiver = NOTHING
    if meaning.connection is not None:
        expr = Arguments(module, call, meaning.arguments).expression(meaning.connection)
        receiver = NOTHING if expr is None else receivers.of(expr)
    return _described(module, call, name=name, driver=driver, meaning=meaning, receiver=receiver)


def _declared(name: str, module: Module, sinks: Mapping[str, int]) -> int | None:
    """Return the SQL argument of a declared sink, named as in this module or as seen from outside."""
    position = sinks.get(name)
    return position if position is not None or not module.name else sinks.get(f"{module.name}.{name}")


def _describe_method(
    module: Module, receivers: Receivers, shapes: Mapping[str, Call], call: ast.Call, name: str
) -> Described | None:
    base, meaning = receivers.method(call)
    if base.certainty is Certainty.FOREIGN:
        return None
    if meaning is not None and base.type is not None:
        qualified = f"{base.type.name}.{name}"
        return _described(module, call, name=qualified, driver=base.type.driver, meaning=meaning, receiver=base)
    shape = shapes.get(name)
    if shape is None or base.type is not None or receivers.is_foreign_name(call.func):
        return None
    return _described(module, call, name=name, driver=None, meaning=shape, receiver=base)


def _describe_instance_call(module: Module, receivers: Receivers, call: ast.Call) -> Described | None:
    base, meaning = receivers.method(call)
    if meaning is None or base.type is None or base.certainty is not Certainty.KNOWN:
        return None
    name = f"{base.type.name}.__call__"
    return _described(module, call, name=name, driver=base.type.driver, meaning=meaning, receiver=base)


def _describe_assignments(module: Module, receivers: Receivers, drivers: Drivers) -> Iterator[Described]:
    names = {name for type_ in drivers.types.values() for name in type_.assigned}
    for statement in module.assignments:
        targets = statement.targets if isinstance(statement, ast.Assign) else [statement.target]
        for target in targets:
            if not isinstance(target, ast.Attribute) or target.attr not in names or statement.value is None:
                continue
            base = receivers.of(target.value)
            meaning = base.type.assigned.get(target.attr) if base.type is not None else None
            if meaning is None or base.type is None:
                continue
            yield _described(
                module,
                target,
                name=f"{base.type.name}.{target.attr}",
                driver=base.type.driver,
                meaning=meaning,
                receiver=base,
                value=statement.value,
            )


def _describe_reads(module: Module, receivers: Receivers, drivers: Drivers) -> Iterator[Described]:
    names = {name for type_ in drivers.types.values() for name in type_.read}
    if not any(f".{name}" in module.source.text for name in names):
        return
    for attribute in ast.walk(module.tree):
        if not isinstance(attribute, ast.Attribute) or attribute.attr not in names:
            continue
        if not isinstance(attribute.ctx, ast.Load):
            continue
        base = receivers.of(attribute.value)
        meaning = base.type.read.get(attribute.attr) if base.type is not None else None
        if meaning is not None and base.type is not None:
            name = f"{base.type.name}.{attribute.attr}"
            yield _described(module, attribute, name=name, driver=base.type.driver, meaning=meaning, receiver=base)


def _described(
    module: Module,
    node: ast.expr,
    *,
    name: str,
    driver: str | None,
    meaning: Call,
    receiver: Receiver,
    value: ast.expr | None = None,
) -> Described:
    return Described(
        module=module,
        node=node,
        start=module.span(node).end if isinstance(node, ast.Call) else module.span(node).start,
        name=name,
        driver=driver,
        meaning=meaning,
        receiver=receiver,
        value=value,
    )
