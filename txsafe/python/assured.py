"""A program's own test of whether a transaction is open → the nodes that are only reached where one is.

`if not connection.in_atomic_block: raise …` says so of all that follows it in its block, `if conn.in_transaction():` of
its body.
"""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from txsafe.python.scopes import FunctionNode

if TYPE_CHECKING:
    from txsafe.python.scopes import Module

_TESTS = ("in_atomic_block", "in_transaction")
"""Django's attribute; SQLAlchemy's method, and `is_in_transaction` of asyncpg, which ends so."""
_EXITS = (ast.Return, ast.Raise, ast.Continue, ast.Break)


def assured(module: Module, node: ast.AST) -> ast.expr | None:
    """Return the test after which a node runs in a transaction; None where no test of its function says so."""
    if not any(name in module.source.text for name in _TESTS):
        return None
    child = node
    for ancestor in module.ancestors(node):
        if isinstance(child, ast.stmt):
            found = _around(ancestor, child) or _before(ancestor, child)
            if found is not None:
                return found
        if isinstance(ancestor, FunctionNode | ast.ClassDef):
            return None
        child = ancestor
    return None


def _around(ancestor: ast.AST, child: ast.stmt) -> ast.expr | None:
    if not isinstance(ancestor, ast.If):
        return None
    is_so = _means(ancestor.test, wanted=child in ancestor.body)
    return ancestor.test if is_so else None


def _before(ancestor: ast.AST, child: ast.stmt) -> ast.expr | None:
    """Return the test of an earlier statement of the same block that leaves it where no transaction is open."""
    for name in ("body", "orelse", "finalbody"):
        statements = getattr(ancestor, name, None)
        if not isinstance(statements, list) or child not in statements:
            continue
        for statement in statements[: statements.index(child)]:
            match statement:
                case ast.If(test=test, body=[*_, last], orelse=[]) if isinstance(last, _EXITS):
                    if _means(test, wanted=False):
                        return test
                case ast.Assert(test=test) if _means(test, wanted=True):
                    return test
    return None


def _means(test: ast.expr, *, wanted: bool) -> bool:
    """Return whether a transaction is open wherever a test comes out as wanted."""
    match test:
        case ast.UnaryOp(op=ast.Not(), operand=operand):
            return _means(operand, wanted=not wanted)
        case ast.BoolOp(op=op, values=values):
            return isinstance(op, ast.And) is wanted and any(_means(value, wanted=wanted) for value in values)
        case ast.Call(func=ast.Attribute(attr=name), args=[]) | ast.Attribute(attr=name):
            return wanted and name.endswith(_TESTS)
        case _:
            return False
