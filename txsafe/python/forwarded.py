"""Calls that other calls make: `partial(f, x)`, `to_thread(f, x)`, `sync_to_async(f)(x)` → the call `f(x)`.

In goes a call as it is written, out comes the one that it leads to, with the same place; libraries' names for this are
few and telling enough to go by the last part.
"""

from __future__ import annotations

import ast
from collections.abc import Mapping  # noqa: TC003 -- annotates a module constant

from txsafe.python.scopes import FunctionNode, last_name

_FUNCTION_AT: Mapping[str, int] = {
    "partial": 0,
    "partialmethod": 0,
    "to_thread": 0,
    "run_in_threadpool": 0,
    "run_sync": 0,
    "submit": 0,
    "call_soon": 0,
    "call_soon_threadsafe": 0,
    "call_later": 1,
    "run_in_executor": 1,
}
"""Position of the function; what follows it are its arguments."""
_OPEN = frozenset({"partial", "partialmethod"})
"""More arguments are given later."""
_TURNED = frozenset({"sync_to_async", "database_sync_to_async", "async_to_sync", "asyncify"})
"""`name(f)` is a function that calls f."""


def forwarded_call(call: ast.Call) -> ast.Call | None:
    """Return the call that a call leads to; None for most calls."""
    match call.func:
        case ast.Call(func=maker, args=[function]) if last_name(maker) in _TURNED:
            return _call_of(function, call.args, call.keywords, call)
    name = last_name(call.func)
    position = _FUNCTION_AT.get(name)
    if position is None or len(call.args) <= position + (name not in _OPEN):
        return None
    keywords = [*call.keywords, _anything(call)] if name in _OPEN else call.keywords
    return _call_of(call.args[position], call.args[position + 1 :], keywords, call)


def awaits_more(call: ast.Call) -> bool:
    """Return whether a call stands for a `partial` one, which others complete."""
    return any(
        keyword.arg is None and isinstance(keyword.value, ast.Constant) and keyword.value.value is ...
        for keyword in call.keywords
    )


def handed_through(call: ast.Call, function: FunctionNode, inner: ast.Call) -> ast.Call | None:
    """Return a call that a function makes with its own `**keywords`, with those that `call` gives the function.

    None where it hands on none of them, or where one is not written there as a constant.
    """
    parameter = function.args.kwarg
    spread = next((each for each in inner.keywords if each.arg is None and _names(each.value, parameter)), None)
    if spread is None:
        return None
    named = {each.arg for each in (*function.args.posonlyargs, *function.args.args, *function.args.kwonlyargs)}
    given = [keyword for keyword in call.keywords if keyword.arg not in named]
    if not all(keyword.arg is not None and isinstance(keyword.value, ast.Constant) for keyword in given):
        return None
    handed = [
        ast.copy_location(
            ast.keyword(each.arg, ast.copy_location(ast.Constant(each.value.value), spread.value)), spread
        )
        for each in given
        if isinstance(each.value, ast.Constant)
    ]
    kept = [keyword for keyword in inner.keywords if keyword is not spread]
    return _call_of(inner.func, inner.args, [*kept, *handed], inner)


def _names(expr: ast.expr, parameter: ast.arg | None) -> bool:
    return parameter is not None and isinstance(expr, ast.Name) and expr.id == parameter.arg


def _call_of(
    function: ast.expr, arguments: list[ast.expr], keywords: list[ast.keyword], place: ast.Call
) -> ast.Call | None:
    if not isinstance(function, ast.Name | ast.Attribute):
        return None
    return ast.copy_location(ast.Call(function, arguments, keywords), place)


def _anything(place: ast.Call) -> ast.keyword:
    """Return `**…`: keywords of which nothing is known."""
    unknown = ast.copy_location(ast.Constant(...), place)
    return ast.copy_location(ast.keyword(None, unknown), place)
