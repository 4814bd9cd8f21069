"""A call of the program that is no longer needed → the edits that remove its statement.

What the statement leaves empty goes with it, where that is all it was for: a `finally`, with its `try` where nothing is
left of that either, or a `with connection.cursor()`. Elsewhere `pass` takes its place. A call whose result somebody
reads is not removed.
"""

from __future__ import annotations

import ast
import bisect
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from txsafe.model import Edit, Place, Span
from txsafe.rewrites.respelling import sends_only
from txsafe.rewrites.surroundings import SCRIPT

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from txsafe.model import FeatureUse
    from txsafe.python.scopes import Module
    from txsafe.rewrites.surroundings import Surroundings

_SPACE = re.compile(r"[ \t\f]*")
_REST = re.compile(r"[ \t\f]*(?P<comment>#[^\r\n]*)?(?P<end>\r\n|\r|\n|\Z)")
_TRY = re.compile(r"try[ \t\f]*:[ \t\f]*(?:#[^\r\n]*)?(?:\r\n|\r|\n)")
_FINALLY = re.compile(r"^[ \t\f]*finally[ \t\f]*:", re.MULTILINE)
_SEMICOLON = re.compile(r"\s*;")
_BLANK = re.compile(r"[ \t\f]*(?:\r\n|\r|\n|\Z)")
_BLOCKS = frozenset({"begin", "transaction", "atomic"})
_READS = ("fetch", "scalar", "first", "one", "all", "mappings", "rowcount")


@dataclass(frozen=True, slots=True)
class Removal:
    """The edits, and whether a comment goes with the statement."""

    edits: tuple[Edit, ...]
    loses_comment: bool = False


def remove_call(place: Place, surroundings: Surroundings) -> Removal | None:
    """Return what removes the statement that a call is; None where it is part of one, or its result is used.

    A result that is read and thrown away goes with it: `cur.fetchone()` on the next line.
    """
    module, call = surroundings.module(place.path), surroundings.call(place)
    if module is None or call is None:
        return None
    statement = module.statement(call)
    if not isinstance(statement, ast.Expr) or not _is_whole(statement.value, call):
        return None
    following = next_statement(module, statement)
    if following is not None and _only_reads(following, call):
        after = next_statement(module, following)
        return None if after is not None and _may_read(after) else _Remover(module).remove(statement, following)
    if following is not None and _may_read(following):
        return None
    return _Remover(module).remove(statement)


def remove_use(
    use: FeatureUse,
    surroundings: Surroundings,
    *,
    removing: Callable[[Place, Surroundings], Removal | None] = remove_call,
) -> Removal | None:
    """Return what removes the statement that a use is, of a script or of the call that sends nothing else.

    `removing` takes out the call, with whatever else goes with it.
    """
    if use.spelling is None:
        return None
    site = use.spelling.site
    if site.sink != SCRIPT:
        return removing(site.place, surroundings) if sends_only(use) else None
    source = surroundings.sources(use.place.path)
    place = site.template.locate(use.spelling.statement.span)
    return None if source is None else remove_statement(place, source.text)


def _is_whole(value: ast.expr, call: ast.Call) -> bool:
    """Return whether an expression is a call, perhaps with what it gives read off at once: `.fetchone()`."""
    while True:
        match value:
            case ast.Await(value=inner):
                value = inner
            case ast.Call(func=ast.Attribute(value=inner, attr=name), args=[], keywords=[]) if name.startswith(_READS):
                value = inner
            case _:
                return value is call


def _only_reads(statement: ast.stmt, call: ast.Call) -> bool:
    """Return whether a statement reads what a call gave, and does nothing with it."""
    if not isinstance(statement, ast.Expr) or not isinstance(call.func, ast.Attribute):
        return False
    match _awaited(statement.value):
        case ast.Call(func=ast.Attribute(value=receiver, attr=name), args=[], keywords=[]):
            return name.startswith(_READS) and ast.dump(receiver) == ast.dump(call.func.value)
        case _:
            return False


def next_statement(module: Module, statement: ast.stmt) -> ast.stmt | None:
    """Return what follows a statement in the same block."""
    body, index = _siblings(module, statement)
    return body[index + 1] if index + 1 < len(body) else None


def previous_statement(module: Module, statement: ast.stmt) -> ast.stmt | None:
    """Return what comes before a statement in the same block."""
    body, index = _siblings(module, statement)
    return body[index - 1] if index else None


def following_statements(module: Module, statement: ast.stmt) -> Iterator[ast.stmt]:
    """Yield what follows a statement in its block, and in those around it that only open a cursor."""
    node: ast.stmt | None = statement
    while node is not None:
        body, index = _siblings(module, node)
        yield from body[index + 1 :]
        parent = module.parent(node)
        only_cursors = isinstance(parent, ast.With | ast.AsyncWith) and all(
            _is_cursor(item.context_expr) for item in parent.items
        )
        node = parent if isinstance(parent, ast.stmt) and only_cursors else None


def remove_node(module: Module, statement: ast.stmt) -> Removal | None:
    """Return what removes a statement, whatever it is; None where it shares a line."""
    return _Remover(module).remove(statement)


def _may_read(statement: ast.stmt) -> bool:
    """Return whether a statement may read what the one before gave.

    `cur.fetchone()` does; `conn.fetch("SELECT …")` and `cur.execute("SELECT …").fetchone()` read what they send.
    """
    sending = {
        id(node)
        for node in ast.walk(statement)
        if isinstance(node, ast.Call)
        and node.args
        and isinstance(node.args[0], ast.Constant | ast.JoinedStr | ast.Call)
    }
    own = {
        id(node)
        for node in ast.walk(statement)
        if isinstance(node, ast.Attribute) and id(_awaited(node.value)) in sending
    }
    methods = {id(node.func) for node in ast.walk(statement) if isinstance(node, ast.Call) and id(node) in sending}
    reading = (node for node in ast.walk(statement) if isinstance(node, ast.Attribute))
    return any(node.attr.startswith(_READS) for node in reading if id(node) not in own | methods)


def _awaited(expr: ast.expr) -> ast.expr:
    return expr.value if isinstance(expr, ast.Await) else expr


def _siblings(module: Module, statement: ast.stmt) -> tuple[Sequence[ast.stmt], int]:
    name, index = module.slots[statement]
    return getattr(module.parent(statement), name), index


class _Remover:
    def __init__(self, module: Module) -> None:
        self._module = module
        self._text = module.source.text

    def remove(self, statement: ast.stmt, *others: ast.stmt) -> Removal | None:
        """Remove statements that follow each other."""
        body, _ = _siblings(self._module, statement)
        first, last = self._lines_of(statement), self._lines_of((statement, *others)[-1])
        if first is None or last is None:
            return None
        span = Span(first.start, last.end)
        if len(body) > 1 + len(others):
            return self._removal(span)
        parent = self._module.parent(statement)
        name, _ = self._module.slots[statement]
        match parent:
            case ast.Try() | ast.TryStar() if name == "finalbody":
                return self._remove_finally(parent, span)
            case ast.With() | ast.AsyncWith() if all(_is_only_for_it(item.context_expr) for item in parent.items):
                return self.remove(parent)
            case _:
                start, end = self._module.span(statement).start, self._module.span((statement, *others)[-1]).end
                return Removal((Edit(place=Place(self._module.source.path, Span(start, end)), replacement="pass"),))

    def _removal(self, *spans: Span, edits: tuple[Edit, ...] = ()) -> Removal:
        comment = any("#" in self._text[span.start : span.end] for span in spans)
        removed = (Edit(place=Place(self._module.source.path, span), replacement="") for span in spans)
        return Removal((*removed, *edits), loses_comment=comment)

    def _lines_of(self, statement: ast.stmt) -> Span | None:
        """Return the lines that a statement has for itself; None where it shares one."""
        span = self._module.span(statement)
        start = self._line_start(span.start)
        rest = _REST.match(self._text, span.end)
        indent = _SPACE.match(self._text, start)
        if rest is None or indent is None or indent.end() != span.start:
            return None
        return Span(start, rest.end())

    def _line_start(self, offset: int) -> int:
        return self._module.source.line_starts[self._module.source.position(offset).line - 1]

    # ---------------------------------------------------------------- try … finally

    def _remove_finally(self, statement: ast.Try | ast.TryStar, last: Span) -> Removal | None:
        inner = [*statement.body, *statement.handlers, *statement.orelse]
        end = self._module.span(inner[-1]).end
        found = _FINALLY.search(self._text, end, last.start)
        if found is None:
            return None
        clause = Span(found.start(), last.end)
        return self._removal(clause) if statement.handlers else self._unwrap(statement, clause)

    def _unwrap(self, statement: ast.Try | ast.TryStar, clause: Span) -> Removal | None:
        """Remove `try:` and move its body to the left."""
        opening = self._module.span(statement).start
        start = self._line_start(opening)
        first = self._module.span(statement.body[0]).start
        outer, inner = self._text[start:opening], self._text[self._line_start(first) : first]
        head = _TRY.match(self._text, opening)
        if head is None or outer.strip() or inner.strip() or not inner.startswith(outer):
            return None
        head_lines = Span(start, head.end())
        moved = tuple(self._dedent(Span(head_lines.end, clause.start), outer, inner, statement))
        return self._removal(head_lines, clause, edits=moved)

    def _dedent(self, lines: Span, outer: str, inner: str, statement: ast.Try | ast.TryStar) -> Iterator[Edit]:
        path = self._module.source.path
        within = tuple(_texts(self._module, statement))
        starts = self._module.source.line_starts
        first, last = bisect.bisect_left(starts, lines.start), bisect.bisect_left(starts, lines.end)
        for start in starts[first:last]:
            is_code = not any(span.start < start < span.end for span in within)
            if is_code and self._text.startswith(inner, start):
                place = Place(path, Span(start + len(outer), start + len(inner)))
                yield Edit(place=place, replacement="")


def _texts(module: Module, statement: ast.stmt) -> Iterator[Span]:
    """Yield where texts of several lines stand: their lines are their own."""
    for node in ast.walk(statement):
        if isinstance(node, ast.Constant | ast.JoinedStr) and (node.end_lineno or node.lineno) > node.lineno:
            yield module.span(node)


def _is_only_for_it(expr: ast.expr) -> bool:
    """Return whether a context is nothing without what runs in it: a cursor, or a transaction."""
    is_block = isinstance(expr, ast.Call) and isinstance(expr.func, ast.Attribute) and expr.func.attr in _BLOCKS
    return is_block or _is_cursor(expr)


def _is_cursor(expr: ast.expr) -> bool:
    return isinstance(expr, ast.Call) and isinstance(expr.func, ast.Attribute) and expr.func.attr == "cursor"


def remove_statement(place: Place, text: str) -> Removal:
    """Return what removes a statement of a script, with its semicolon, and its lines where nothing else is on them."""
    start, end = place.span.start, place.span.end
    semicolon = _SEMICOLON.match(text, end)
    end = semicolon.end() if semicolon is not None else end
    line = max(text.rfind("\n", 0, start), text.rfind("\r", 0, start)) + 1
    rest = _BLANK.match(text, end)
    if rest is not None and not text[line:start].strip():
        start, end = line, rest.end()
    return Removal((Edit(place=Place(place.path, Span(start, end)), replacement=""),))
