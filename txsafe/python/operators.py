"""Operators: `+`, `%`, `*`, `|` on texts, lists and dictionaries, and plain arithmetic."""

from __future__ import annotations

import ast
import operator as operator_functions
from typing import TYPE_CHECKING

from txsafe.model import Hole
from txsafe.python.domain import (
    ELEMENT_LIMIT,
    TEXT_LIMIT,
    Items,
    Scalar,
    Table,
    Text,
    Unknown,
    Value,
    Values,
    combinations,
    concatenated,
    rendered,
    told_apart,
)
from txsafe.python.formatting import format_percent, joined_text, takes
from txsafe.python.resources import joined_path

_NUMBER_LIMIT = 1 << 63

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from txsafe.python.evaluation import Evaluator
    from txsafe.python.frames import Frame


def evaluate_operation(evaluator: Evaluator, expr: ast.BinOp, frame: Frame) -> Iterable[Value]:
    """Return the alternatives of a binary operation."""
    if isinstance(expr.op, ast.Add):
        return _sum(evaluator, _operands(expr), frame, expr)
    left, right = evaluator.values(expr.left, frame), evaluator.values(expr.right, frame)
    return combined(evaluator, left, right, expr, frame)


def combined(evaluator: Evaluator, left: Values, right: Values, expr: ast.BinOp, frame: Frame) -> list[Value]:
    """Return the alternatives of `left <operator> right` for operators other than `+`."""
    if isinstance(expr.op, ast.Mod) and any(isinstance(value, Text) for value in left):
        right = tuple(each for value in right for each in told_apart(value))
    pairs = [(first, second) for first in left for second in right]
    if isinstance(expr.op, ast.Mod) and len(pairs) > 1:  # a format and a tuple that come from two different branches
        pairs = [pair for pair in pairs if takes(*pair)] or pairs
    return [_combine(evaluator, first, second, expr, frame) for first, second in pairs]


def _sum(evaluator: Evaluator, operands: Sequence[ast.expr], frame: Frame, node: ast.AST) -> Iterable[Value]:
    choices = [(correlation(operand), evaluator.values(operand, frame)) for operand in operands]
    return [add_values(evaluator, combination, node, frame) for combination in combinations(choices)]


def add_values(evaluator: Evaluator, values: Sequence[Value], node: ast.AST, frame: Frame) -> Value:
    """Return the sum of values from left to right."""
    if any(isinstance(value, Text) for value in values):
        composed = any(isinstance(value, Text) and value.composed for value in values)
        evaluator.charge(sum(len(value.template.fragments) for value in values if isinstance(value, Text)))
        return joined_text([rendered(value) for value in values], frame.module.place(node), composed=composed)
    if any(isinstance(value, Items) for value in values):
        return _add_items(evaluator, values, node, frame)
    numbers = [value.value for value in values if isinstance(value, Scalar) and value.value is not None]
    if len(numbers) == len(values) and abs(sum(numbers)) < _NUMBER_LIMIT:
        return Scalar(sum(numbers), frame.module.place(node))
    kinds = {value.hole for value in values if isinstance(value, Unknown)}
    first = next((value for value in values if isinstance(value, Unknown)), None)
    if first is None:
        return evaluator.unknown("a computed value", node, frame)
    numeric = kinds == {Hole.VALUE} or any(isinstance(value, Scalar) for value in values)
    return Unknown(first.reason, frame.module.place(node), Hole.VALUE if numeric else Hole.SQL)


def _add_items(evaluator: Evaluator, values: Sequence[Value], node: ast.AST, frame: Frame) -> Items:
    elements: list[Values] = []
    rest: Unknown | None = None
    for value in values:
        more, missing = evaluator.elements((value,), node, frame)
        elements += more
        rest = rest or missing
    return Items(tuple(elements[:ELEMENT_LIMIT]), frame.module.place(node), rest)


def _combine(  # noqa: PLR0911 - one for each kind
    evaluator: Evaluator, left: Value, right: Value, expr: ast.BinOp, frame: Frame
) -> Value:
    match expr.op, left, right:
        case ast.Mod(), Text(), _:
            return format_percent(left, right)
        case ast.Mult(), Text() | Items(), _:
            return _repeat(evaluator, left, right, expr, frame)
        case ast.Mult(), _, Text() | Items():
            return _repeat(evaluator, right, left, expr, frame)
        case ast.BitOr(), Table(), Table():
            return left.updated(right.entries, right.rest)
        case ast.BitOr(), Table(), Unknown():
            return left.updated((), right)
        case ast.BitOr(), Unknown(), Table():
            return Table((), left.place, left).updated(right.entries, right.rest)
        case _, Scalar(int() | float() as first), Scalar(int() | float() as second):
            number = _computed(expr.op, first, second)
            if number is not None:
                return Scalar(number, frame.module.place(expr))
        case ast.Div(), _, _:
            return joined_path(left, right, expr, frame)
    if isinstance(left, Unknown) and isinstance(expr.op, ast.Mod):
        return Unknown(left.reason, frame.module.place(expr), left.hole)
    return evaluator.unknown("a computed value", expr, frame, Hole.VALUE if _is_number(left, right) else Hole.SQL)


def _repeat(evaluator: Evaluator, value: Text | Items, count: Value, expr: ast.BinOp, frame: Frame) -> Value:
    """Return a text or list several times; once where the count is not known, as a sample."""
    times = count.value if isinstance(count, Scalar) and isinstance(count.value, int) else None
    if isinstance(value, Items):
        if times is None or times * len(value.values) > ELEMENT_LIMIT:
            return value
        return Items(value.values * times, frame.module.place(expr), value.rest)
    if times is None or times * max(1, len(value.template.text)) > TEXT_LIMIT:
        return evaluator.unknown("a repeated text", expr, frame)
    template = concatenated([value.template] * times) if 0 < times <= TEXT_LIMIT // 100 else None
    return evaluator.unknown("a repeated text", expr, frame) if template is None else Text(template, value.composed)


def evaluate_sign(evaluator: Evaluator, expr: ast.UnaryOp, frame: Frame) -> Value:
    """Return `-x` and `not x`."""
    values = evaluator.values(expr.operand, frame)
    if len(values) == 1 and isinstance(values[0], Scalar):
        place, number = frame.module.place(expr), values[0].value
        if isinstance(expr.op, ast.Not):
            return Scalar(not number, place)
        if isinstance(expr.op, ast.USub) and number is not None:
            return Scalar(-number, place)
    return evaluator.unknown("a computed value", expr, frame, Hole.VALUE)


def _operands(expr: ast.BinOp) -> list[ast.expr]:
    """Return the operands of a `+` chain from left to right, without recursion."""
    operands: list[ast.expr] = []
    current: ast.expr = expr
    while isinstance(current, ast.BinOp) and isinstance(current.op, ast.Add):
        operands.append(current.right)
        current = current.left
    return [current, *reversed(operands)]


def correlation(expr: ast.expr) -> object:
    """Return a key that is equal for expressions that surely have the same value: the same name read twice."""
    return expr.id if isinstance(expr, ast.Name) else expr


def _is_number(*values: Value) -> bool:
    return all(
        isinstance(value, Scalar) or (isinstance(value, Unknown) and value.hole is Hole.VALUE) for value in values
    )


def _computed(operator: ast.operator, left: float, right: float) -> float | None:
    """Return a product, difference or quotient of moderate numbers."""
    if max(abs(left), abs(right)) >= _NUMBER_LIMIT:
        return None
    zero_division = isinstance(operator, ast.FloorDiv | ast.Div | ast.Mod) and not right
    function = None if zero_division else _ARITHMETIC.get(type(operator))
    return None if function is None else function(left, right)


_ARITHMETIC: Mapping[type[ast.operator], Callable[[float, float], float]] = {
    ast.Sub: operator_functions.sub,
    ast.Mult: operator_functions.mul,
    ast.FloorDiv: operator_functions.floordiv,
    ast.Div: operator_functions.truediv,
    ast.Mod: operator_functions.mod,
}
