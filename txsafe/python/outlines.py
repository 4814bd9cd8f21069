"""A module that is imported → its outline: what a function does stays text until somebody asks.

Of most modules that imports are followed into, a class's bases or a constant are wanted, and nine nodes out of ten
stand in the bodies of functions. So bodies are dropped after parsing, and parsed again, one by one, where they are
needed. What can change names outside of its function (`global`, an import, a class) is never dropped.
"""

from __future__ import annotations

import ast
import re
from typing import TYPE_CHECKING

from txsafe.model import Span
from txsafe.python.tree import parse_text

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from txsafe.python.scopes import Module

Named = ast.FunctionDef | ast.AsyncFunctionDef

_REACHES_OUT = re.compile(r"^[ \t\f]*(?:global|nonlocal|import|from|class)\b", re.MULTILINE)

_NOT_READ = r"(?!\s*(?:[.(\[]|==)|[ \t]*\r?\n\s*[^)\]\s])"
"""What follows a target: `x.a = 1`, `for x.a in`, `(x.a, x.b) =`; most attributes are called, or looked into."""


def close(module: Module, function: Named) -> bool:
    """Drop a function's body where nothing outside of it depends on it; return whether it was."""
    starts = module.source.line_starts
    last = function.end_lineno or function.lineno
    end = starts[last] if last < len(starts) else len(module.text)
    start = starts[function.lineno - 1]
    if _REACHES_OUT.search(module.text, start, end):
        return False
    module.closed[function] = Span(start, end)
    function.body = []
    return True


def reopen(module: Module, functions: Iterable[Named]) -> None:
    """Parse the bodies of closed functions, and note what stands in them as if they had never been closed."""
    from txsafe.python.binder import bind_bodies

    opened = []
    for function in functions:
        span = module.closed.pop(function, None)
        if span is not None:
            function.body = _body(module.text[span.start : span.end], function)
            opened.append(function)
    if opened:
        bind_bodies(module, opened)


def mentioning(module: Module, text: str) -> Iterator[Named]:
    """Yield the closed functions in whose text something stands."""
    for function, span in module.closed.items():
        if module.text.find(text, span.start, span.end) >= 0:
            yield function


def binding(module: Module, attribute: str) -> Iterator[Named]:
    """Yield the closed functions in whose text an attribute stands with nothing behind it that shows it to be read."""
    name = rf"\.{re.escape(attribute)}\b"
    bound, deleted = re.compile(name + _NOT_READ), re.compile(rf"\bdel\b[^\n]*{name}")
    for function, span in module.closed.items():
        if bound.search(module.text, span.start, span.end) or deleted.search(module.text, span.start, span.end):
            yield function


def _body(text: str, function: Named) -> list[ast.stmt]:
    """Return the statements of a function, each where it stood in its file."""
    indented = function.col_offset > 0
    above = function.lineno - 1 - indented
    try:
        parsed = parse_text("\n" * above + ("if 1:\n" if indented else "") + text)
    except (SyntaxError, ValueError, RecursionError, MemoryError):  # it was parsed before, so this is unheard of
        return []
    statement = parsed.body[0]
    if isinstance(statement, ast.If):
        statement = statement.body[0]
    return statement.body if isinstance(statement, Named) else []
