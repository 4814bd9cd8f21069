"""A function that is handed on → where it is called: `run_in_transaction(self._move)`, `await conn.run_sync(fill)`.

In goes an argument that stands for a function, out come the `CallSite`s of the parameter that takes it, in whatever
function of the program that is, or what a driver file says of a library's runner.
"""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from txsafe.python.callsites import CallSite, bound_by, mentions_in, positional, target
from txsafe.python.names import last_name

if TYPE_CHECKING:
    from collections.abc import Iterator

    from txsafe.python.scopes import FunctionNode, Module
    from txsafe.python.views import View

_DEPTH = 4
"""Runners that hand a function on to each other."""
_MOST_MENTIONS = 24
"""Places where one parameter is read."""


def handed_to(
    view: View, expr: ast.expr, function: FunctionNode, *, bound: int, depth: int = _DEPTH
) -> tuple[CallSite, ...]:
    """Return the calls that a function, which an expression stands for, is handed to; empty where none is in sight."""
    argument: ast.AST = expr
    call = view.module.parent(argument)
    if isinstance(call, ast.keyword | ast.Starred):
        argument, call = call, view.module.parent(call)
    if depth == 0 or not isinstance(call, ast.Call) or call.func is argument:
        return ()
    if last_name(call.func) == "partial" and call.args and call.args[0] is expr:
        return handed_to(view, call, function, bound=bound + len(call.args) - 1, depth=depth - 1)
    known = tuple(_by_library(view, call, expr, function, bound))
    return known or tuple(_by_program(view, call, expr, function, bound=bound, depth=depth))


def _by_library(view: View, call: ast.Call, expr: ast.expr, function: FunctionNode, bound: int) -> Iterator[CallSite]:
    found = view.described_at(call)
    runs = found.meaning.runs if found is not None else None
    if found is None or runs is None or all(found.arguments.expression(name) is not expr for name in runs.arguments):
        return
    hands = call.func.value if runs.hands_connection and isinstance(call.func, ast.Attribute) else None
    yield CallSite(view=view, call=call, function=function, bound=bound, hands=hands, transaction=runs.transaction)


def _by_program(
    view: View, call: ast.Call, expr: ast.expr, function: FunctionNode, *, bound: int, depth: int
) -> Iterator[CallSite]:
    runner = target(view.module, view.receivers, call.func)
    if runner is None:
        return
    home, running = runner
    taken = CallSite(
        view=view, call=call, function=running, bound=bound_by(view.module, call.func, home, running)
    ).parameter(expr)
    if taken is None:
        applied = _applied_to(view, call, expr)
        if applied is None:
            return
        home, running, taken = applied
    for mention in mentions_of(home, taken, running)[:_MOST_MENTIONS]:
        inner = home.parent(mention)
        if isinstance(inner, ast.Call) and inner.func is mention:
            yield CallSite(view=view.of(home), call=inner, function=function, bound=bound)
        else:
            yield from handed_to(view.of(home), mention, function, bound=bound, depth=depth - 1)


def _applied_to(view: View, call: ast.Call, expr: ast.expr) -> tuple[Module, FunctionNode, ast.arg] | None:
    """Return what takes a function that is handed on together with another: `run(self._with_cursor, …, function)`.

    The first is called with the rest, and what its caller adds; so it is the parameter that it calls.
    """
    for argument in call.args:
        if argument is expr:
            return None
        found = target(view.module, view.receivers, argument)
        called = [] if found is None else [each for each in positional(found[1]) if _is_called(*found, each)]
        if found is not None and len(called) == 1:
            return found[0], found[1], called[0]
    return None


def _is_called(home: Module, function: FunctionNode, parameter: ast.arg) -> bool:
    for mention in mentions_of(home, parameter, function):
        call = home.parent(mention)
        if isinstance(call, ast.Call) and call.func is mention:
            return True
    return False


def mentions_of(home: Module, parameter: ast.arg, function: FunctionNode) -> list[ast.expr]:
    """Return where a function, or one within it, reads one of its parameters."""
    span = home.span(function)
    return [
        mention
        for mention in mentions_in(home).get(parameter.arg, ())
        if isinstance(mention, ast.Name)
        and span.start <= home.span(mention).start < span.end
        and any(binding.node is parameter for binding in home.scope(mention).lookup(mention.id))
    ]
