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
    from collections.abc import Mapping, Sequence

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
    "evaluate_through",
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
) -> tuple[Value, ...]:
    """Return the alternatives that an expression can evaluate to; never empty.

    `call` is a call, in the same file, of the function that `expr` stands in: its arguments then stand for the
    parameters.
    """
    evaluator = _evaluator(module, composables)
    question = (expr, call)
    known = evaluator.answers.get(question)
    if known is None:
        known = evaluator.answers[question] = _found(module, expr, composables, call)
    return known


def _found(
    module: Module, expr: ast.expr, composables: Mapping[str, Composable], call: ast.Call | None
) -> tuple[Value, ...]:
    """Return the alternatives of an expression that nobody has asked for in this analysis."""

    def find() -> tuple[Value, ...]:
        return _evaluate(_evaluator(module, composables), module, expr, call)

    if module.project is None:
        return find()
    return module.project.shared(module, (_found, expr, call, id(composables)), find)


def _evaluate(evaluator: Evaluator, module: Module, expr: ast.expr, call: ast.Call | None) -> tuple[Value, ...]:
    frame = evaluator.base(module)
    if call is not None:
        function = module.function(expr)
        frame = (function and called_frame(evaluator, module, function, call, frame)) or frame
    values = evaluator.ask(expr, frame)
    if len(values) > 1:
        values = limited(value for at in _rounds(evaluator, expr, frame) for value in evaluator.values(expr, at))
    return tuple(in_quotes(value) if isinstance(value, Text) else value for value in values)


def evaluate_through(steps: Sequence[tuple[Module, ast.Call]], module: Module, expr: ast.expr) -> tuple[Value, ...]:
    """Return the alternatives of an expression in a function that is reached by calls, the outermost first.

    Each call stands in the file beside it; what it calls stands in the next one's file, the last one in `module`.
    """
    evaluator = _evaluator(steps[0][0], COMPOSABLES)
    frame = evaluator.base(steps[0][0])
    inner = [(home, call) for home, call in steps[1:]] + [(module, expr)]
    for (_, call), (home, node) in zip(steps, inner, strict=True):
        function = home.function(node)
        following = None if function is None else called_frame(evaluator, home, function, call, frame)
        if following is None:
            return (evaluator.unknown("a call that is not followed", call, frame),)
        frame = following
    return tuple(in_quotes(value) if isinstance(value, Text) else value for value in evaluator.ask(expr, frame))


def _evaluator(module: Module, composables: Mapping[str, Composable]) -> Evaluator:
    key = (Evaluator, id(composables))
    found = module.memory.get(key)
    if not isinstance(found, Evaluator):
        found = module.memory[key] = Evaluator(composables)
    return found


def _rounds(evaluator: Evaluator, expr: ast.expr, frame: Frame) -> list[Frame]:
    """Return a frame for each round of the loops around an expression, so that their variables change together."""
    frames = [frame]
    for loop in _loops_around(expr, frame.module):
        grown: list[Frame] = []
        bindings = evaluator.bound_by(loop, frame)
        for at in frames:
            elements, rest = evaluator.elements(evaluator.values(loop.iter, at), loop.iter, at)
            known = rest is None and elements
            grown += [evaluator.pinned(at, bindings, element) for element in elements] if known else [at]
        if len(grown) <= _PINNED_LIMIT:
            frames = grown
    return frames


def _loops_around(expr: ast.expr, module: Module) -> list[ast.For | ast.AsyncFor]:
    """Return the loops of the same function around an expression, the outermost first."""
    found: list[ast.For | ast.AsyncFor] = []
    for parent in module.ancestors(expr):
        if isinstance(parent, FunctionNode | ast.ClassDef):
            break
        if isinstance(parent, ast.For | ast.AsyncFor):
            found.append(parent)
    return found[::-1]


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
