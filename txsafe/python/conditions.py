"""A condition → whether it holds, where everything that it asks about is known: `line.startswith("--")`, `x is None`.

All alternatives of what it asks about must agree.
"""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

from txsafe.python.domain import Drawn, FilePath, Instance, Items, Scalar, Table, Text, Unknown, Value, truth

if TYPE_CHECKING:
    from txsafe.python.evaluation import Evaluator
    from txsafe.python.frames import Frame

_DEPTH = 20
"""Conditions within conditions."""
_PARTS = 10
"""Of `a and b and …`."""
Known = str | float | None
"""What two values are compared by."""


def holds(evaluator: Evaluator, test: ast.expr, frame: Frame, *, depth: int = _DEPTH) -> bool | None:
    """Return whether a condition holds; None where that is not known."""
    match test:
        case ast.UnaryOp(op=ast.Not(), operand=operand) if depth:
            held = holds(evaluator, operand, frame, depth=depth - 1)
            return None if held is None else not held
        case ast.BoolOp(op=op, values=parts) if depth:
            return _joined(evaluator, op, parts[:_PARTS], frame, depth=depth)
        case ast.Name() | ast.Constant() | ast.Attribute():
            return _agreed({truth(value) for value in evaluator.values(test, frame)})
        case ast.Compare(left=left, ops=[op], comparators=[right]):
            return _compared(evaluator, left, op, right, frame=frame)
        case ast.Call(func=ast.Attribute(value=value, attr="startswith" | "endswith" as name), args=[wanted]):
            return _has_end(evaluator, value, name, wanted, frame=frame)
    return None


def _joined(evaluator: Evaluator, op: ast.boolop, parts: list[ast.expr], frame: Frame, *, depth: int) -> bool | None:
    deciding = isinstance(op, ast.Or)
    answers = {holds(evaluator, part, frame, depth=depth - 1) for part in parts}
    if deciding in answers:
        return deciding
    return None if None in answers else not deciding


def _compared(evaluator: Evaluator, left: ast.expr, op: ast.cmpop, right: ast.expr, *, frame: Frame) -> bool | None:
    if not isinstance(op, ast.Eq | ast.NotEq | ast.Is | ast.IsNot | ast.In | ast.NotIn):
        return None
    turned = isinstance(op, ast.NotEq | ast.IsNot | ast.NotIn)
    among = isinstance(op, ast.In | ast.NotIn)
    pairs = [(first, second) for first in evaluator.values(left, frame) for second in evaluator.values(right, frame)]
    answers = {_is_in(*pair) if among else _is_equal(*pair) for pair in pairs}
    held = _agreed(answers)
    return None if held is None else held is not turned


def _is_equal(first: Value, second: Value) -> bool | None:
    if _is_none(first) or _is_none(second):
        other = second if _is_none(first) else first
        unsure = isinstance(other, Unknown) and not isinstance(other, Instance | FilePath | Drawn)
        return None if unsure else _is_none(other)
    one, other_one = _known(first), _known(second)
    return None if one is None or other_one is None else one == other_one


def _is_in(element: Value, container: Value) -> bool | None:
    wanted = _known(element)
    if wanted is None:
        return None
    match container:
        case Text() if container.known is not None:
            return isinstance(wanted, str) and wanted in container.known
        case Items(elements, _, None):
            return _any({_agreed({_is_equal(element, value) for value in values}) for values in elements})
        case Table(entries, _, None):
            return _any({_is_equal(element, key) for key, _ in entries})
    return None


def _has_end(evaluator: Evaluator, value: ast.expr, name: str, wanted: ast.expr, *, frame: Frame) -> bool | None:
    ends = [_ends(each) for each in evaluator.values(wanted, frame)]
    texts = evaluator.values(value, frame)
    if any(end is None for end in ends):
        return None
    return _agreed({_fits(text, name, end) for text in texts for end in ends if end is not None})


def _ends(value: Value) -> tuple[str, ...] | None:
    """Return the texts that one argument of `startswith` stands for."""
    match value:
        case Text() if value.known is not None:
            return (value.known,)
        case Items(elements, _, None):
            found = [each.known for values in elements for each in values if isinstance(each, Text)]
            known = tuple(each for each in found if each is not None)
            return known if len(known) == len(elements) else None
    return None


def _fits(value: Value, name: str, ends: tuple[str, ...]) -> bool | None:
    known = value.known if isinstance(value, Text) else None
    if known is None:
        return None
    return known.startswith(ends) if name == "startswith" else known.endswith(ends)


def _known(value: Value) -> Known:
    match value:
        case Text():
            return value.known
        case Scalar(number):
            return number
    return None


def _is_none(value: Value) -> bool:
    return isinstance(value, Scalar) and value.value is None


def _agreed(answers: set[bool | None]) -> bool | None:
    return answers.pop() if len(answers) == 1 else None


def _any(answers: set[bool | None]) -> bool | None:
    if True in answers:
        return True
    return None if None in answers else False
