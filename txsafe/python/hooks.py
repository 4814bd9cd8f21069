"""A module → the functions in it that drivers call, and with which of their objects.

`create_pool(init=set_up)`, `@event.listens_for(engine, "connect")` and `event.listen(engine, "begin", f)` say so; which
calls do, and what the function is given, stands in the driver files (`hooks`, `events`).
"""

from __future__ import annotations

import ast
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from txsafe.python.arguments import Arguments
from txsafe.python.names import last_name

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from txsafe.catalog.drivers import Call, Drivers
    from txsafe.python.scopes import FunctionNode, Module


@dataclass(frozen=True, slots=True, kw_only=True)
class Hook:
    """How a driver comes to call a function."""

    call: ast.Call
    """What registers the function."""
    source: ast.expr
    """The pool, or what says which connections the function is for."""
    types: tuple[str, ...]
    """What its parameters are, in their order; empty where nothing is known."""
    label: str
    """When it runs, for messages: `runs on the event connect`."""

    def type_of(self, position: int) -> str:
        """Return the type of a parameter, or nothing."""
        return self.types[position] if position < len(self.types) else ""


class Hooks:
    """Finds the functions of one module that drivers call."""

    def __init__(self, module: Module, drivers: Drivers) -> None:
        self._module = module
        self._drivers = drivers

    def of(self, function: ast.AST | None) -> Hook | None:
        """Return how a driver comes to call a function; None where none does."""
        return self._found.get(function) if function is not None else None

    def assigned(self, attribute: str) -> Iterator[ast.expr]:
        """Yield what such functions assign to an attribute: `connection.prepare_threshold = None`."""
        for function in self._found:
            for node in ast.walk(function):
                if isinstance(node, ast.Assign) and any(
                    isinstance(target, ast.Attribute) and target.attr == attribute for target in node.targets
                ):
                    yield node.value

    @cached_property
    def _found(self) -> Mapping[ast.AST, Hook]:
        found: dict[ast.AST, Hook] = {}
        for call in self._module.calls:
            if last_name(call.func) not in self._drivers.hooking:
                continue
            name = self._module.qualified_name(call.func)
            described = self._drivers.functions.get(name) if name is not None else None
            for function, hook in self._of_call(call, described.call) if described is not None else ():
                found.setdefault(function, hook)
        return found

    def _of_call(self, call: ast.Call, meaning: Call) -> Iterator[tuple[ast.AST, Hook]]:
        arguments = Arguments(self._module, call, meaning.arguments)
        for argument, types in meaning.hooks.items():
            function = self._function(arguments.expression(argument))
            if function is not None:
                yield function, Hook(call=call, source=call, types=types, label=f"runs as `{argument}`")
        if meaning.event is not None:
            event = arguments.get(meaning.event).text
            function = self._decorated(call) or self._function(arguments.expression("fn"))
            target = arguments.expression("target")
            if function is not None and target is not None:
                types = meaning.events.get(event, ())
                yield function, Hook(call=call, source=target, types=types, label=f"runs on the event {event}")

    def _decorated(self, call: ast.Call) -> FunctionNode | None:
        parent = self._module.parent(call)
        if isinstance(parent, ast.FunctionDef | ast.AsyncFunctionDef) and call in parent.decorator_list:
            return parent
        return None

    def _function(self, expr: ast.expr | None) -> ast.AST | None:
        match expr:
            case ast.Lambda():
                return expr
            case ast.Name() | ast.Attribute():
                definition = self._module.definition(expr)
                return definition if isinstance(definition, ast.FunctionDef | ast.AsyncFunctionDef) else None
            case _:
                return None
