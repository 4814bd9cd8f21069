"""What an expression says of a number that only the running program knows: source text in, `Reading` out.

The value evaluation (`python/values.py`) gives up at `int(os.environ.get("DB_POOL", "20"))`. Here is where such a text
is read: which variable, and which number if nobody sets it. Nothing is executed.
"""

from __future__ import annotations

import ast
import warnings
from dataclasses import dataclass

_READS = frozenset({"get", "getenv", "env", "config", "int", "str", "get_env", "env_int", "int_env"})
"""Last names of calls whose first argument names a variable: `os.environ.get`, `env.int`, `config` of decouple."""
_CONVERTS = frozenset({"int", "float", "str", "bool", "abs", "round"})
_DEFAULTS = frozenset({"default", "fallback"})
_PROCESSORS = frozenset({"cpu_count", "process_cpu_count", "sched_getaffinity"})
LONGEST = 500
"""Characters of an expression that is worth reading."""


@dataclass(frozen=True, slots=True)
class Reading:
    """What an expression says."""

    variable: str | None = None
    """The environment variable that it takes the number from."""
    default: int | None = None
    """The number if nobody sets the variable; the number itself where there is none."""
    processors: bool = False
    """It counts the machine's processors."""


def read_expression(text: str) -> Reading | None:
    """Return what a number's expression says; None where it says nothing that is known."""
    tree = _parse(text)
    if tree is None:
        return None
    if any(_last_name(node) in _PROCESSORS for node in ast.walk(tree)):
        return Reading(processors=True)
    return _read(tree)


def _parse(text: str) -> ast.expr | None:
    if len(text) > LONGEST:
        return None
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return ast.parse(text.strip(), mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None


def _read(node: ast.expr) -> Reading | None:  # noqa: PLR0911 - one for each kind of node
    match node:
        case ast.Constant(value=bool() | None):
            return None
        case ast.Constant(value=int(number)):
            return Reading(default=number)
        case ast.Constant(value=str(text)):
            return _read_text(text)
        case ast.Subscript(value=base, slice=ast.Constant(value=str(name))) if _last_name(base) == "environ":
            return Reading(variable=name)
        case ast.BoolOp(op=ast.Or(), values=[first, second]):
            return _with_default(_read(first), _read(second))
        case ast.Call(args=[inner]) if _last_name(node.func) in _CONVERTS and isinstance(node.func, ast.Name):
            return _read(inner)
        case ast.Call(args=[ast.Constant(value=str(name)), *rest]) if _last_name(node.func) in _READS:
            given = [*rest[:1], *(keyword.value for keyword in node.keywords if keyword.arg in _DEFAULTS)]
            return _with_default(Reading(variable=name), _read(given[0]) if given else None)
        case _:
            return None


def _read_text(text: str) -> Reading | None:
    digits = text.strip()
    return Reading(default=int(digits)) if digits.isascii() and digits.isdigit() and len(digits) < 10 else None


def _with_default(reading: Reading | None, default: Reading | None) -> Reading | None:
    if reading is None or reading.variable is None or reading.default is not None or default is None:
        return reading
    return Reading(variable=reading.variable, default=default.default)


def _last_name(node: ast.AST) -> str:
    match node:
        case ast.Call(func=func):
            return _last_name(func)
        case ast.Attribute(attr=name) | ast.Name(id=name):
            return name
        case _:
            return ""
