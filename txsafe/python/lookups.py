"""`d["a"]["b"]`, `d.setdefault("a", {})` → the container that is looked into, and the keys on the way."""

from __future__ import annotations

import ast
from dataclasses import dataclass

_NESTED = 4
"""Containers in containers."""


@dataclass(frozen=True, slots=True)
class Step:
    """One look into a container."""

    key: ast.expr
    default: ast.expr | None = None
    """What is put there where there is nothing."""


def looked_into(expr: ast.expr) -> tuple[ast.expr, tuple[Step, ...]]:
    """Return the container and the steps to what an expression is in it; no steps where it looks into none."""
    steps: list[Step] = []
    for _ in range(_NESTED):
        match expr:
            case ast.Subscript(value=value, slice=key) if not isinstance(key, ast.Slice):
                steps.append(Step(key))
            case ast.Call(func=ast.Attribute(value=value, attr="setdefault"), args=[key, default]):
                steps.append(Step(key, default))
            case ast.Call(func=ast.Attribute(value=value, attr="get"), args=[key, *_]):
                steps.append(Step(key))
            case _:
                break
        expr = value
    return expr, tuple(reversed(steps))
