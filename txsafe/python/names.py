"""Expressions and dotted names → the names in them."""

from __future__ import annotations

import ast


def last_name(expr: ast.expr) -> str:
    """Return the last part of the name that an expression, or what it calls, goes by; empty where it has none."""
    match expr:
        case ast.Name(id=name) | ast.Attribute(attr=name):
            return name
        case ast.Call(func=func):
            return last_name(func)
        case _:
            return ""


def is_below(name: str, modules: frozenset[str]) -> bool:
    """Return whether a dotted name is one of some modules, or stands below one."""
    parts = name.split(".")
    return any(".".join(parts[:length]) in modules for length in range(1, min(len(parts), 4) + 1))
