"""Calls that other calls make: `partial(f, x)`, `to_thread(f, x)`, `sync_to_async(f)(x)` → the call `f(x)`.

In goes a call as it is written, out comes the one that it leads to, with the same place; libraries' names for this are
few and telling enough to go by the last part.
"""

from __future__ import annotations

import ast
from collections.abc import Mapping  # noqa: TC003 -- annotates a module constant

from txsafe.python.scopes import last_name

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
