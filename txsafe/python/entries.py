"""A node → the context managers that are entered where it runs, by `with` and by an `ExitStack`, and what wraps it."""

from __future__ import annotations

import ast
from collections import defaultdict
from typing import TYPE_CHECKING

from txsafe.python.scopes import BindingKind

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from txsafe.python.scopes import Module

_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)


def entries(module: Module) -> tuple[ast.expr, ...]:
    """Return every context manager that a file enters."""
    stacked = (call.args[0] for calls in _on_stacks(module).values() for call in calls)
    return (*(item.context_expr for statement in module.withs for item in statement.items), *stacked)


def entered(module: Module, node: ast.AST) -> Iterator[ast.expr]:
    """Yield the context managers of a node's function that are entered where it runs, the innermost first."""
    child = node
    for ancestor in module.ancestors(node):
        if isinstance(ancestor, ast.With | ast.AsyncWith):
            items = ancestor.items if child not in ancestor.items else _before(ancestor.items, child)
            expressions = [*(item.context_expr for item in items), *_stacked(module, ancestor, node)]
            yield from reversed(expressions)
        elif isinstance(ancestor, _FUNCTIONS):
            return
        child = ancestor


def wrapped(module: Module, node: ast.AST) -> ast.FunctionDef | ast.AsyncFunctionDef | None:
    """Return the function that a node stands in, or decorates."""
    return next((ancestor for ancestor in module.ancestors(node) if isinstance(ancestor, _FUNCTIONS)), None)


def _before(items: list[ast.withitem], child: ast.AST) -> list[ast.withitem]:
    return items[: next(index for index, item in enumerate(items) if item is child)]


def _stacked(module: Module, statement: ast.With | ast.AsyncWith, node: ast.AST) -> Iterator[ast.expr]:
    """Yield what was entered by the `ExitStack` of a `with` before a node in it."""
    start = module.span(node).start
    for call in _on_stacks(module).get(statement, ()):
        if module.span(call).end <= start:
            yield call.args[0]


def _on_stacks(module: Module) -> Mapping[ast.AST, list[ast.Call]]:
    """Return the calls of `enter_context` on each `with` statement's stack."""
    known = module.memory.get(_on_stacks)
    if isinstance(known, dict):
        return known
    found: dict[ast.AST, list[ast.Call]] = defaultdict(list)
    for call in module.calls:
        match call.func:
            case ast.Attribute(attr="enter_context" | "enter_async_context", value=ast.Name() as stack) if call.args:
                for binding in module.reaching(stack):
                    statement = module.statement(binding.node)
                    if binding.kind is BindingKind.WITH and statement is not None:
                        found[statement].append(call)
    module.memory[_on_stacks] = found
    return found
