"""Arguments of calls and entries of dictionaries → the edits that add, replace or remove one."""

from __future__ import annotations

import ast
import re
from typing import TYPE_CHECKING

from txsafe.model import Edit, Place, Span

if TYPE_CHECKING:
    from collections.abc import Sequence

    from txsafe.python.scopes import Module

_SPACE = re.compile(r"[ \t\f]*")
_TAIL = re.compile(r"\s*,?\s*")
_COMMENTED_TAIL = re.compile(r"\s*,(?:\s|#[^\r\n]*)*")
_COMMA_BEFORE = re.compile(r",\s*\Z")
_COMMA_AFTER = re.compile(r"\s*,[ \t]*")
_LINE_END = re.compile(r"\r\n|\r|\n")
_LONGEST_GAP = 2_000


def add_keyword(module: Module, call: ast.Call, text: str) -> Edit | None:
    """Return the edit that adds `name=value` to a call; None where the call may have it already, out of view."""
    if any(keyword.arg is None for keyword in call.keywords):
        return None
    arguments: list[ast.expr | ast.keyword] = [*call.args, *call.keywords]
    if len(arguments) == 1 and isinstance(arguments[0], ast.GeneratorExp):
        return None
    return _insert(module, [module.span(argument) for argument in arguments], module.span(call), text)


def add_argument(module: Module, call: ast.Call, text: str) -> Edit | None:
    """Return the edit that adds an argument behind the others; None where keyword arguments follow them."""
    return None if call.keywords else add_keyword(module, call, text)


def add_entry(module: Module, table: ast.Dict, text: str) -> Edit | None:
    """Return the edit that adds `key: value` to a dictionary."""
    entries = [
        Span(module.span(value if key is None else key).start, module.span(value).end)
        for key, value in zip(table.keys, table.values, strict=True)
    ]
    return _insert(module, entries, module.span(table), text)


def replace_expression(module: Module, expr: ast.expr, text: str) -> Edit:
    """Return the edit that puts another expression in the place of one."""
    return Edit(place=module.place(expr), replacement=text)


def remove_keyword(module: Module, call: ast.Call, keyword: ast.keyword) -> Edit | None:
    """Return the edit that removes a keyword argument with its comma."""
    return _remove(module, module.span(keyword), module.span(call))


def remove_entry(module: Module, table: ast.Dict, key: ast.expr) -> Edit | None:
    """Return the edit that removes an entry with its comma."""
    value = next(value for other, value in zip(table.keys, table.values, strict=True) if other is key)
    return _remove(module, Span(module.span(key).start, module.span(value).end), module.span(table))


def _insert(module: Module, items: Sequence[Span], around: Span, text: str) -> Edit | None:
    """Insert behind the last item, on a line of its own where that has one."""
    source = module.source.text
    closing = around.end - 1
    if not items:
        before = source[:closing].rstrip()
        return _at(module, closing, text) if before.endswith(("(", "{")) else None
    last = max(items, key=lambda span: span.end)
    tail = source[last.end : closing]
    if _TAIL.fullmatch(tail) is None and _COMMENTED_TAIL.fullmatch(tail) is None:
        return None
    line = module.source.line_starts[module.source.position(last.start).line - 1]
    indent = _SPACE.match(source, line)
    own_line = indent is not None and indent.end() == last.start
    if not own_line:
        return _at(module, last.end, f", {text}") if _TAIL.fullmatch(tail) else None
    margin = source[line : line + (indent.end() - line if indent else 0)]
    if "," not in tail.partition("#")[0]:
        return _at(module, last.end, f",\n{margin}{text}")
    closing_line = module.source.line_starts[module.source.position(closing).line - 1]
    if closing_line <= last.end or source[closing_line:closing].strip():
        return _at(module, last.end, f",\n{margin}{text}") if "#" not in tail else None
    return _at(module, closing_line, f"{margin}{text},\n")


def _remove(module: Module, span: Span, around: Span) -> Edit | None:
    source = module.source.text
    before = _COMMA_BEFORE.search(source, max(around.start, span.start - _LONGEST_GAP), span.start)
    if before is not None:
        return Edit(place=Place(module.source.path, Span(before.start(), span.end)), replacement="")
    if not source[around.start : span.start].rstrip().endswith(("(", "{")):
        return None
    after = _COMMA_AFTER.match(source, span.end, around.end)
    end = after.end() if after is not None else span.end
    line = module.source.line_starts[module.source.position(span.start).line - 1]
    line_end = _LINE_END.match(source, end)
    if line_end is not None and not source[line : span.start].strip():
        return Edit(place=Place(module.source.path, Span(line, line_end.end())), replacement="")
    return Edit(place=Place(module.source.path, Span(span.start, end)), replacement="")


def _at(module: Module, offset: int, text: str) -> Edit:
    return Edit(place=Place(module.source.path, Span(offset, offset)), replacement=text)
