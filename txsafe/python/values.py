"""Constant propagation: what an expression can evaluate to, with the place of every piece of text.

In go a `Module` and an expression of it, out come its alternative `Value`s. Nothing is executed; what cannot be
followed is `Unknown`, with the first link that was missing.
"""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from txsafe.python.composables import COMPOSABLES, Composable
from txsafe.python.domain import Items, Scalar, Table, Text, Unknown, Value, Values, limited
from txsafe.python.evaluation import Evaluator
from txsafe.python.formatting import in_quotes
from txsafe.python.invocations import called_frame
from txsafe.python.scopes import FunctionNode, Module

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from txsafe.model import SqlTemplate
    from txsafe.python.frames import Frame

__all__ = [
    "Items",
    "Scalar",
    "Table",
    "Text",
    "Unknown",
    "Value",
    "Values",
    "constant_text",
    "evaluate",
    "scalar",
    "text_values",
]

_PINNED_LIMIT = 64
"""Elements of loops around an expression that are looked at one by one."""


def evaluate(
    module: Module,
    expr: ast.expr,
    *,
    composables: Mapping[str, Composable] = COMPOSABLES,
    call: ast.Call | None = None,
    caller: Module | None = None,
) -> tuple[Value, ...]:
    """Return the alternatives that an expression can evaluate to; never empty.

    `call` is a call of the function that `expr` stands in: its arguments then stand for the parameters. `caller` is the
    module that the call stands in, where that is another one.
    """
    evaluator = _evaluator(module, composables)
    frame = evaluator.base(module)
    if call is not None:
        function = module.function(expr)
        at = evaluator.base(caller or module)
        frame = (function and called_frame(evaluator, module, function, call, at)) or frame
    values = evaluator.ask(expr, frame)
    if len(values) > 1:
        values = limited(value for at in _rounds(evaluator, expr, frame) for value in evaluator.values(expr, at))
    return tuple(in_quotes(value) if isinstance(value, Text) else value for value in values)


def _evaluator(module: Module, composables: Mapping[str, Composable]) -> Evaluator:
    key = (Evaluator, id(composables))
    found = module.memory.get(key)
    if not isinstance(found, Evaluator):
        found = module.memory[key] = Evaluator(composables)
    return found


def _rounds(evaluator: Evaluator, expr: ast.expr, frame: Frame) -> Iterator[Frame]:
    """Yield a frame for each round of the loops around an expression, so that their variables change together."""
    frames = [frame]
    for parent in frame.module.ancestors(expr):
        if isinstance(parent, FunctionNode | ast.ClassDef):
            break
        if isinstance(parent, ast.For | ast.AsyncFor):
            elements, rest = evaluator.elements(evaluator.values(parent.iter, frame), parent.iter, frame)
            if rest is None and 1 < len(elements) * len(frames) <= _PINNED_LIMIT:
                bindings = evaluator.bound_by(parent, frame)
                frames = [evaluator.pinned(at, bindings, element) for at in frames for element in elements]
    yield from frames


def text_values(
    module: Module,
    expr: ast.expr,
    *,
    composables: Mapping[str, Composable] = COMPOSABLES,
    call: ast.Call | None = None,
) -> tuple[SqlTemplate, ...]:
    """Return the texts among the alternatives; empty where none is known."""
    values = evaluate(module, expr, composables=composables, call=call)
    return tuple(value.template for value in values if isinstance(value, Text))


def scalar(module: Module, expr: ast.expr) -> Scalar | Unknown:
    """Return the one number, truth value or None that an expression is; Unknown for anything else."""
    values = evaluate(module, expr)
    if len(values) == 1 and isinstance(values[0], Scalar | Unknown):
        return values[0]
    reason = "several values" if len(values) > 1 else "a value that is neither a number nor a truth value"
    return Unknown(reason, module.place(expr))


def constant_text(module: Module, expr: ast.expr) -> str | None:
    """Return the one text without holes that an expression is, else None: names of parameters, DSNs, options."""
    values = evaluate(module, expr)
    return values[0].known if len(values) == 1 and isinstance(values[0], Text) else None
