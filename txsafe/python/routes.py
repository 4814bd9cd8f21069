"""The argument that says where a connection goes → the names that it goes by in the project.

`os.environ["DIRECT_URL"]`, `settings.DATABASE_URL`, `config("DSN")` and a Django alias are read for the names in
them, which `[tool.txsafe.routes]` may give a profile of its own; also where they are put together, or handed on.
"""

from __future__ import annotations

import ast
import re
from typing import TYPE_CHECKING

from txsafe.python.names import last_name

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from txsafe.python.scopes import Module

MOST_NAMES = 8
"""Of one connection."""
_DEPTH = 4
_READERS = frozenset({"getenv", "get", "config", "env", "str", "url", "environ"})
"""Functions whose first argument is a setting's name: `os.getenv`, `environ.get`, decouple's `config`, environs."""
_PLAIN = re.compile(r"[A-Za-z_][\w.-]{0,80}")

Attribute = tuple["Module", ast.expr]
"""A value that an attribute is given, and the file that it stands in."""


def source_names(
    module: Module, expr: ast.expr, attributes: Callable[[ast.Attribute], tuple[Attribute, ...]]
) -> tuple[str, ...]:
    """Return the names that an argument goes by, nearest first; `attributes` gives the values of `self.dsn`."""
    found = dict.fromkeys(_names(module, expr, attributes, _DEPTH))
    return tuple(found)[:MOST_NAMES]


def _names(
    module: Module, expr: ast.expr, attributes: Callable[[ast.Attribute], tuple[Attribute, ...]], depth: int
) -> Iterator[str]:
    match expr:
        case ast.Constant(value=str(name)) if _PLAIN.fullmatch(name):
            yield name
        case ast.Subscript(slice=ast.Constant(value=str(name))):
            yield name
        case ast.Call(func=func, args=[ast.Constant(value=str(name)), *_]) if last_name(func) in _READERS:
            yield name
        case ast.Name(id=name):
            yield name
            for binding in module.reaching(expr) if depth else ():
                if binding.value is not None:
                    yield from _below(module, binding.value, attributes, depth)
        case ast.Attribute(attr=name):
            yield name
            for home, value in attributes(expr) if depth else ():
                yield from _below(home, value, attributes, depth)
        case _ if depth:
            for part in _parts(expr):
                yield from _below(module, part, attributes, depth)
        case _:
            return


def _below(
    module: Module, expr: ast.expr, attributes: Callable[[ast.Attribute], tuple[Attribute, ...]], depth: int
) -> Iterator[str]:
    """Yield the names in a part; a text that is put in is no name."""
    if not isinstance(expr, ast.Constant):
        yield from _names(module, expr, attributes, depth - 1)


def _parts(expr: ast.expr) -> tuple[ast.expr, ...]:  # noqa: PLR0911 - one for each kind of node
    """Return what an expression makes its text of."""
    match expr:
        case ast.BoolOp(values=values) | ast.JoinedStr(values=values):
            return tuple(values)
        case ast.IfExp(body=body, orelse=orelse):
            return (body, orelse)
        case ast.BinOp(left=left, right=right):
            return (left, right)
        case ast.FormattedValue(value=value) | ast.Await(value=value) | ast.NamedExpr(value=value):
            return (value,)
        case ast.Call(func=ast.Attribute(value=value), args=args):
            return (value, *args[:1])
        case ast.Call(args=args):
            return tuple(args[:1])
        case _:
            return ()
