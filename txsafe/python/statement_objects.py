"""Which expressions are a library's statements, built of its objects: there is no text to see, and nothing is missed.

In goes an expression of a `Module`: `select(User).where(…)`, `query.filter_by(…)`, a name that is bound to one, a
parameter that is annotated as one.
"""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from txsafe.python.links import defined
from txsafe.python.names import last_name
from txsafe.python.scopes import BindingKind, FunctionNode

if TYPE_CHECKING:
    from txsafe.python.scopes import Binding, Module

_STATEMENT_MAKERS = frozenset(
    {"select", "insert", "update", "delete", "union", "union_all", "exists", "values", "with_only_columns"}
)
_STATEMENT_MODULES = ("sqlalchemy", "sqlmodel", "pypika", "peewee", "alembic.op")
_STATEMENT_METHODS = frozenset(
    {"where", "filter", "filter_by", "order_by", "group_by", "having", "limit", "offset", "outerjoin", "options"}
    | {"returning", "on_conflict_do_nothing", "on_conflict_do_update", "with_for_update", "select_from", "subquery"}
    | {"scalar_subquery", "execution_options", "add_columns", "correlate", "distinct", "label", "cte"}
)
"""Methods that no text has; each gives a statement."""
_STATEMENT_TYPES = frozenset(
    {"Select", "Insert", "Update", "Delete", "Executable", "ClauseElement", "CompoundSelect", "SelectOfScalar"}
    | {"Query", "TextClause", "TypedReturnsRows", "SelectBase", "UpdateBase", "QueryBuilder"}
)
"""Annotations of parameters that hold one."""
_DEPTH = 6
_CHAIN = 50
"""Calls of calls."""


def is_statement_object(module: Module, expr: ast.expr) -> bool:
    """Return whether an expression builds its SQL out of a library's objects, so that there is no text to see."""
    return _is_statement_object(module, expr, _DEPTH)


def _is_statement_object(  # noqa: PLR0911 - one for each kind
    module: Module, expr: ast.expr, depth: int
) -> bool:
    for _ in range(_CHAIN):
        match expr:
            case ast.Call(func=ast.Attribute(value=value, attr=name) as func):
                if name in _STATEMENT_MAKERS | _STATEMENT_METHODS or _is_statement_module(module, func):
                    return True
                if depth > 0 and _returns_one(module, func, depth - 1):
                    return True
                expr = value
            case ast.Call(func=func):
                if _is_statement_module(module, func) or last_name(func) in _STATEMENT_MAKERS:
                    return True
                return depth > 0 and _returns_one(module, func, depth - 1)
            case ast.Attribute(value=value) | ast.Subscript(value=value) | ast.Await(value=value):
                expr = value
            case ast.IfExp(body=body, orelse=orelse):
                return depth > 0 and all(_is_statement_object(module, side, depth - 1) for side in (body, orelse))
            case ast.Name() if depth > 0:
                return any(_is_bound_to_one(module, binding, depth - 1) for binding in module.reaching(expr))
            case _:
                return False
    return False


def _returns_one(module: Module, func: ast.expr, depth: int) -> bool:
    """Return whether a function of the program returns a library's statement."""
    found = defined(module, func)
    if found is None or not isinstance(found[1], FunctionNode):
        return False
    home, function = found
    if _is_annotated(getattr(function, "returns", None)):
        return True
    values = [each.value for each in home.returned_by(function) if each.value is not None]
    return any(_is_statement_object(home, value, depth) for value in values)


def _is_bound_to_one(module: Module, binding: Binding, depth: int) -> bool:
    if binding.kind is BindingKind.PARAMETER:
        return _is_annotated(binding.annotation)
    if binding.kind is not BindingKind.ASSIGN or binding.value is None:
        return False
    return _is_statement_object(module, binding.value, depth)


def _is_annotated(annotation: ast.expr | None) -> bool:
    """Return whether an annotation names a library's statement, as the whole or among others."""
    match annotation:
        case ast.Subscript(value=value, slice=inner):
            return last_name(value) in _STATEMENT_TYPES or (last_name(value) == "Optional" and _is_annotated(inner))
        case ast.BinOp(left=left, right=right):
            return _is_annotated(left) or _is_annotated(right)
        case ast.Constant(value=str(text)):
            return text.partition("[")[0].rpartition(".")[2] in _STATEMENT_TYPES
        case ast.Name() | ast.Attribute():
            return last_name(annotation) in _STATEMENT_TYPES
    return False


def _is_statement_module(module: Module, func: ast.expr) -> bool:
    name = module.qualified_name(func)
    return name is not None and name.startswith(_STATEMENT_MODULES)
