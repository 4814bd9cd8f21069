"""The argument that says where a connection goes → the name that it goes by in the project's settings.

`os.environ["DIRECT_URL"]`, `settings.DATABASE_URL` and `config("DSN")` are read for the name that stands in them, which
`[tool.txsafe.routes]` may give a profile of its own.
"""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from txsafe.python.names import last_name

if TYPE_CHECKING:
    from txsafe.python.scopes import Module


def source_name(module: Module, expr: ast.expr) -> str | None:
    """Return the name of the variable or setting that a connection string comes from."""
    return _name_in(expr) or _name_of_variable(module, expr)


def _name_in(expr: ast.expr) -> str | None:
    """Return the name of the variable or setting that a DSN is read from."""
    match expr:
        case ast.Subscript(slice=ast.Constant(value=str(name))):
            return name
        case ast.Call(func=func, args=[ast.Constant(value=str(name)), *_]) if last_name(func) in {
            "getenv",
            "get",
            "config",
            "env",
        }:
            return name
        case ast.Call(func=ast.Name(id="str"), args=[inner]):
            return _name_in(inner)
        case ast.Attribute(attr=name) | ast.Name(id=name) if name.isupper():
            return name
        case ast.Attribute(attr=name, value=ast.Name() | ast.Attribute()):
            return name
        case _:
            return None


def _name_of_variable(module: Module, expr: ast.expr) -> str | None:
    if not isinstance(expr, ast.Name):
        return None
    for binding in module.reaching(expr):
        found = _name_in(binding.value) if binding.value is not None else None
        if found is not None:
            return found
    return expr.id
