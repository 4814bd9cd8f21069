"""Expressions and dotted names → the names in them."""

from __future__ import annotations

import ast

_MOST_PARTS = 4
"""Of the names of modules."""


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
    end = name.find(".")
    for _ in range(_MOST_PARTS):
        if end < 0:
            return name in modules
        if name[:end] in modules:
            return True
        end = name.find(".", end + 1)
    return False
