"""A context manager or decorator of the program → the transaction that it holds open around what it wraps.

In go a node of a viewed file and its connection; out comes the `TransactionContext` at the `yield` of a context manager
around the node, or at the call that a decorator makes of the function that the node stands in.
"""

from __future__ import annotations

import ast
from dataclasses import replace
from typing import TYPE_CHECKING

from txsafe.model import Transaction, TransactionContext
from txsafe.python.callsites import CallSite, bound_by, parameter_at, positional, target
from txsafe.python.entries import entered, wrapped
from txsafe.python.runners import mentions_of
from txsafe.python.scopes import FunctionNode, has_decorator

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from txsafe.python.receiver import Receiver
    from txsafe.python.scopes import Module
    from txsafe.python.views import View

_MANAGERS = ("contextmanager", "asynccontextmanager")
_GLOBAL = "global:"
_MOST_CALLS = 8
"""Calls that one decorator makes of a function."""


def held_around(view: View, node: ast.AST, receiver: Receiver, depth: int) -> TransactionContext | None:
    """Return the transaction that the program's context managers and decorators hold around a node, if any."""
    if depth == 0 or not receiver.root:
        return None
    for expr in entered(view.module, node):
        found = _entered(view, expr, receiver, depth)
        if found is not None:
            return found
    function = wrapped(view.module, node)
    return None if function is None else _decorated(view, function, receiver, depth)


# ---------------------------------------------------------------- context managers


def _entered(view: View, expr: ast.expr, receiver: Receiver, depth: int) -> TransactionContext | None:
    """Return the transaction at the `yield` of the context manager that a `with` enters."""
    call = expr.value if isinstance(expr, ast.Await) else expr
    found = target(view.module, view.receivers, call.func) if isinstance(call, ast.Call) else None
    if found is None or not isinstance(call, ast.Call) or not has_decorator(found[1], *_MANAGERS):
        return None
    home, manager = found[0].open_all(), found[1]
    site = CallSite(view=view, call=call, function=manager, bound=bound_by(view.module, call.func, home, manager))
    inside = _as_seen_by(site, home, receiver)
    yields = [node for node in home.returned_by(manager) if isinstance(node, ast.Yield)]
    contexts = [
        view.of(home).surroundings.held(node, inside, home.span(node).start, depth=depth - 1) for node in yields
    ]
    context = _agreed(contexts)
    if context is None:
        return None
    place = view.module.place(call)
    return replace(context, block=f"{place.span.start}+{context.block}", opened=context.opened and place)


def _as_seen_by(site: CallSite, home: Module, receiver: Receiver) -> Receiver:
    """Return a connection of the caller as the called function has it."""
    if receiver.root.startswith(_GLOBAL):
        return receiver
    for parameter in (*positional(site.function), *site.function.args.kwonlyargs):
        argument = site.argument(parameter)
        if argument is not None and site.view.receivers.of(argument).root == receiver.root:
            return replace(receiver, root=f"at:{home.span(parameter).start}")
    return replace(receiver, root=receiver.root.removeprefix(f"{home.source.path}:"))


# ---------------------------------------------------------------- decorators


def _decorated(
    view: View, function: ast.FunctionDef | ast.AsyncFunctionDef, receiver: Receiver, depth: int
) -> TransactionContext | None:
    """Return the transaction in which a decorator of the program calls the function that it wraps."""
    for decorator in function.decorator_list:
        sites = tuple(_calls_by(view, decorator, function))[:_MOST_CALLS]
        context = _agreed(_at(site, view.module, receiver, depth - 1) for site in sites)
        if context is not None:
            return replace(context, block=f"{view.module.span(decorator).start}+{context.block}")
    return None


def _calls_by(view: View, decorator: ast.expr, function: FunctionNode) -> Iterator[CallSite]:
    """Yield the calls that a decorator makes of what it is given."""
    found = target(view.module, view.receivers, decorator.func if isinstance(decorator, ast.Call) else decorator)
    if found is None:
        return
    home, wrapper = found[0].open_all(), found[1]
    if isinstance(decorator, ast.Call):
        returned = (home.definition(each.value) for each in home.returned_by(wrapper) if each.value is not None)
        inner = next((each for each in returned if isinstance(each, FunctionNode)), None)
        wrapper = inner or wrapper
    for parameter in positional(wrapper)[:1]:
        for mention in mentions_of(home, parameter, wrapper):
            call = home.parent(mention)
            if isinstance(call, ast.Call) and call.func is mention:
                yield CallSite(view=view.of(home), call=call, function=function)


def _at(site: CallSite, home: Module, receiver: Receiver, depth: int) -> TransactionContext | None:
    """Return the transaction that the wrapper holds where it calls the function."""
    surroundings = site.view.surroundings
    start = site.view.module.span(site.call).end
    if receiver.root.startswith(_GLOBAL):
        return surroundings.held(site.call, receiver, start, depth=depth)
    parameter = parameter_at(home, site.function, receiver.root)
    if parameter is None:
        return site.view.transactions.opened_around(site.call)
    argument = site.argument(parameter)
    if argument is None:
        return None
    return surroundings.at_depth(site.call, site.view.receivers.of(argument), start, depth=depth)


def _agreed(contexts: Iterable[TransactionContext | None]) -> TransactionContext | None:
    """Return what is held at every place, where that is the same."""
    found = list(contexts)
    known = [context for context in found if context is not None and context.kind is not Transaction.UNKNOWN]
    kinds = {context.kind for context in known}
    return known[0] if known and len(known) == len(found) and len(kinds) == 1 else None
