"""A module that is imported → its outline: what a function does stays text until somebody asks.

Of most modules that imports are followed into, a class's bases or a constant are wanted, and nine nodes out of ten
stand in the bodies of functions. So bodies are left out before parsing (`cutting`) or, where that is not possible,
dropped after it, and parsed one by one where they are needed. What can change names outside of its function (`global`,
an import, a class) always stays.
"""

from __future__ import annotations

import ast
import re
from typing import TYPE_CHECKING

from txsafe.model import Span
from txsafe.python.cutting import REACHES_OUT, cut_bodies
from txsafe.python.tree import parse_text

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from txsafe.python.cutting import Cut
    from txsafe.python.scopes import Module

Named = ast.FunctionDef | ast.AsyncFunctionDef

_FAULTS = (SyntaxError, ValueError, RecursionError, MemoryError)


def parse_outline(text: str) -> tuple[ast.Module, dict[int, Cut]] | None:
    """Parse a module without the bodies of its functions, and return those by their lines; None where that fails."""
    outline = cut_bodies(text)
    if outline is None:
        return None
    try:
        return parse_text(outline.text), {cut.line: cut for cut in outline.cuts}
    except _FAULTS:
        return None


_NOT_READ = r"(?!\s*(?:[.(\[]|==)|[ \t]*\r?\n\s*[^)\]\s])"
"""What follows a target: `x.a = 1`, `for x.a in`, `(x.a, x.b) =`; most attributes are called, or looked into."""


def close(module: Module, function: Named) -> bool:
    """Drop a function's body where nothing outside of it depends on it; return whether it was."""
    cut = module.cuts.pop(function.lineno, None)
    if cut is not None:
        _move_end(module, function, (cut.end_line, cut.end_column))
        module.closed[function] = cut.span
        function.body = []
        return True
    starts = module.source.line_starts
    last = function.end_lineno or function.lineno
    end = starts[last] if last < len(starts) else len(module.text)
    start = starts[function.lineno - 1]
    if REACHES_OUT.search(module.text, start, end) or "\f" in module.text[start : start + function.col_offset]:
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
            function.body = _statements(module, function, span)
            opened.append(function)
    if opened:
        bind_bodies(module, opened)


def _move_end(module: Module, function: Named, end: tuple[int, int]) -> None:
    """Let a function, and all that ends with it, end where its body did."""
    before = function.end_lineno, function.end_col_offset
    for node in (function, *module.ancestors(function)):
        if isinstance(node, ast.match_case):  # which has no place
            continue
        if not isinstance(node, ast.stmt | ast.excepthandler) or (node.end_lineno, node.end_col_offset) != before:
            break
        node.end_lineno, node.end_col_offset = end


def mentioning(module: Module, text: str) -> Iterator[Named]:
    """Yield the closed functions in whose text something stands."""
    for function, span in module.closed.items():
        if module.text.find(text, span.start, span.end) >= 0:
            yield function


def binding(module: Module, attribute: str) -> Iterator[Named]:
    """Yield the closed functions in whose text an attribute stands with nothing behind it that shows it to be read."""
    if (found := module.text.find(f".{attribute}")) < 0:
        return
    name = rf"\.{re.escape(attribute)}\b"
    bound, deleted = re.compile(name + _NOT_READ), re.compile(rf"\bdel\b[^\n]*{name}")
    for function, span in module.closed.items():
        if span.end <= found or module.text.find(f".{attribute}", span.start, span.end) < 0:  # faster than a pattern
            continue
        if bound.search(module.text, span.start, span.end) or deleted.search(module.text, span.start, span.end):
            yield function


def _statements(module: Module, function: Named, span: Span) -> list[ast.stmt]:
    """Return the statements of a function, none where they cannot be parsed; newer syntax is lowered first."""
    try:
        return _body(module.text[span.start : span.end], function)
    except _FAULTS:
        if module.is_lowered:
            return []
    from txsafe.python.newer_syntax import lower_syntax

    module.is_lowered = True
    module.text = lower_syntax(module.text) or module.text
    return _statements(module, function, span)


def _body(text: str, function: Named) -> list[ast.stmt]:
    """Return the statements of a function, each where it stood in its file; raises what `ast.parse` does."""
    indented = function.col_offset > 0
    above = function.lineno - 1 - indented
    parsed = parse_text("\n" * above + ("if 1:\n" if indented else "") + text)
    statement = parsed.body[0]
    if isinstance(statement, ast.If):
        statement = statement.body[0]
    return statement.body if isinstance(statement, Named) else []
