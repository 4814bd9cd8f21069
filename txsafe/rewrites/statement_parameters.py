"""Bound parameters of two calls, one statement moving into the other → the edits that give the other call both.

In: the calls, and the query that moves from the first to the front of the second's statement. Out: the query as it is
to be written there, with the edits of the call, or None where values, their order or the driver's way of writing them
cannot be kept.
"""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from txsafe.model import Edit, Place, Span
from txsafe.rewrites.arguments import add_argument
from txsafe.sql.lexer import significant_tokens

if TYPE_CHECKING:
    from collections.abc import Sequence

    from txsafe.python.scopes import Module
    from txsafe.sql.lexer import Token

_NAMED = frozenset({"params", "parameters", "vars"})
"""Keyword arguments that drivers take parameters by."""
_PERCENT = re.compile(r"%")
_NUMBERED = re.compile(r"\$\d+")


@dataclass(frozen=True, slots=True)
class Joined:
    """The query with its parameters as the other statement numbers them, and the edits of the other call."""

    query: str
    edits: tuple[Edit, ...] = ()


def join_parameters(module: Module, first: ast.Call, second: ast.Call, *, query: str) -> Joined | None:
    """Return what becomes of the query and the second call."""
    giving, taking = _given(first), _given(second)
    if giving is None or taking is None:
        return None
    if giving and _numbers(query):
        return _renumbered(module, (giving, taking), second, query)
    if not giving:
        return None if len(taking) == 1 and _PERCENT.search(query) else Joined(query)
    if len(giving) > 1 or len(taking) > 1 or not (_is_display(giving[0]) and _keeps_its_value(giving[0])):
        return None
    edits = _merged(module, giving[0], taking[0]) if taking else _handed_over(module, second, giving[0])
    return None if edits is None else Joined(query, edits)


def _numbers(query: str) -> list[Token]:
    """Return the parameters that have numbers: `$1`."""
    return [token for token in significant_tokens(query) if _NUMBERED.fullmatch(token.text)]


def _renumbered(
    module: Module, values: tuple[Sequence[ast.expr], Sequence[ast.expr]], second: ast.Call, query: str
) -> Joined | None:
    """Put the values behind those of the other call, one argument each, and count from there."""
    giving, taking = values
    if any(_is_display(value) for value in (*giving, *taking)) or not all(map(_keeps_its_value, giving)):
        return None
    numbers = _numbers(query)
    if {int(token.text[1:]) for token in numbers} != set(range(1, len(giving) + 1)):
        return None
    pieces, done = [], 0
    for token in numbers:
        pieces += [query[done : token.start], f"${int(token.text[1:]) + len(taking)}"]
        done = token.end
    texts = (module.source.text[slice(*module.span(value))] for value in giving)
    edit = add_argument(module, second, ", ".join(texts))
    return None if edit is None else Joined("".join((*pieces, query[done:])), (edit,))


def _merged(module: Module, own: ast.expr, others: ast.expr) -> tuple[Edit, ...] | None:
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
    return all(isinstance(node, plain) for node in ast.walk(expr))


def _is_display(expr: ast.expr) -> bool:
    return isinstance(expr, ast.Tuple | ast.List | ast.Dict)


def _keys(table: ast.Dict) -> set[object]:
    return {key.value if isinstance(key, ast.Constant) else None for key in table.keys}


def _inner(module: Module, items: list[ast.expr]) -> str:
    """Return how the items of a display are spelled, without what encloses them."""
    spans = [module.span(item) for item in items]
    return module.source.text[min(span.start for span in spans) : max(span.end for span in spans)]


def _in_front(module: Module, text: str, item: ast.expr) -> tuple[Edit, ...]:
    start = module.span(item).start
    return (Edit(place=Place(module.source.path, Span(start, start)), replacement=f"{text}, "),)


def _handed_over(module: Module, call: ast.Call, display: ast.expr) -> tuple[Edit, ...] | None:
    """Give the parameters to a call that has none; a percent sign would then mean something else in its text."""
    text = module.span(call.args[0])
    if _PERCENT.search(module.source.text, text.start, text.end):
        return None
    span = module.span(display)
    edit = add_argument(module, call, module.source.text[span.start : span.end])
    return None if edit is None else (edit,)
