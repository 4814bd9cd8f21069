"""Bound parameters of two calls, one statement moving into the other → the edits that give the other call both.

In: the calls, and the query that moves from the first to the front of the second's statement. Out: edits, none where
the query has no parameters, or None where their values, their order or the driver's way of writing them cannot be kept.
"""

from __future__ import annotations

import ast
import re
from typing import TYPE_CHECKING

from txsafe.model import Edit, Place, Span
from txsafe.rewrites.arguments import add_argument

if TYPE_CHECKING:
    from txsafe.python.scopes import Module

_NAMED = frozenset({"params", "parameters", "vars"})
"""Keyword arguments that drivers take parameters by."""
_PERCENT = re.compile(r"%")


def join_parameters(module: Module, first: ast.Call, second: ast.Call, *, query: str) -> tuple[Edit, ...] | None:
    """Return the edits of the second call."""
    giving, taking = _given(first), _given(second)
    if giving is None or taking is None or len(giving) > 1 or len(taking) > 1:
        return None
    if not giving:
        return None if taking and _PERCENT.search(query) else ()
    if not _keeps_its_value(giving[0]):
        return None
    if not taking:
        return _handed_over(module, second, giving[0])
    edit = _merged(module, giving[0], taking[0])
    return None if edit is None else (edit,)


def _merged(module: Module, own: ast.expr, others: ast.expr) -> Edit | None:
    """Put the items of one display in front of those of another of its kind."""
    match own, others:
        case ((ast.Tuple(elts=first) | ast.List(elts=first)), (ast.Tuple(elts=[item, *_]) | ast.List(elts=[item, *_]))):
            return _in_front(module, _inner(module, first), item) if first else None
        case ast.Dict(values=values), ast.Dict(keys=[ast.expr() as key, *_]):
            keys = [each for each in own.keys if each is not None]
            distinct = len(keys) == len(values) and not _keys(own) & _keys(others)
            return _in_front(module, _inner(module, [*keys, *values]), key) if keys and distinct else None
        case _:
            return None


def _given(call: ast.Call) -> list[ast.expr] | None:
    """Return a call's parameters; None where it is not known what is one."""
    words = [word.value for word in call.keywords if word.arg in _NAMED]
    unknown = len(words) < len(call.keywords) or any(isinstance(each, ast.Starred) for each in call.args)
    return None if unknown else [*call.args[1:], *words]


def _keeps_its_value(expr: ast.expr) -> bool:
    """Return whether an expression gives the same a few lines further down."""
    plain = (
        ast.Tuple, ast.List, ast.Dict, ast.Constant, ast.Name, ast.Attribute, ast.Load, ast.UnaryOp, ast.USub,
    )  # fmt: skip
    is_display = isinstance(expr, ast.Tuple | ast.List | ast.Dict)
    return is_display and all(isinstance(node, plain) for node in ast.walk(expr))


def _keys(table: ast.Dict) -> set[object]:
    return {key.value if isinstance(key, ast.Constant) else None for key in table.keys}


def _inner(module: Module, items: list[ast.expr]) -> str:
    """Return how the items of a display are spelled, without what encloses them."""
    spans = [module.span(item) for item in items]
    return module.source.text[min(span.start for span in spans) : max(span.end for span in spans)]


def _in_front(module: Module, text: str, item: ast.expr) -> Edit:
    start = module.span(item).start
    return Edit(place=Place(module.source.path, Span(start, start)), replacement=f"{text}, ")


def _handed_over(module: Module, call: ast.Call, display: ast.expr) -> tuple[Edit, ...] | None:
    """Give the parameters to a call that has none; a percent sign would then mean something else in its text."""
    text = module.span(call.args[0])
    if _PERCENT.search(module.source.text, text.start, text.end):
        return None
    span = module.span(display)
    edit = add_argument(module, call, module.source.text[span.start : span.end])
    return None if edit is None else (edit,)
