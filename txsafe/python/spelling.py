r"""Where each character of a text literal stands in its file.

In goes a template whose fragments know their literal, out comes one whose fragments map character by character: runs of
unescaped text are exact, each escape (`\x54`, `\N{DIGIT ONE}`, `{{`, a line end that is not `\n`) is an indivisible
fragment of its own. libcst takes the literals apart; what cannot be spelled stays as it is.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from txsafe.model import Fragment, Place, SourceFile, Span, SqlTemplate
from txsafe.python.nesting import is_shallow, parse_failures
from txsafe.python.plain_literals import exact_fragments

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    import libcst

_ESCAPE = re.compile(
    r"\\(?:\r\n|[\r\n]|[0-7]{1,3}|x[0-9A-Fa-f]{2}|u[0-9A-Fa-f]{4}|U[0-9A-Fa-f]{8}|N\{[^}]*\}|[\\'\"abfnrtv])"
)
_BYTES_ESCAPE = re.compile(r"\\(?:\r\n|[\r\n]|[0-7]{1,3}|x[0-9A-Fa-f]{2}|[\\'\"abfnrtv])")
_BRACES = r"|\{\{|\}\}"
_FIELD_ESCAPE = re.compile(_ESCAPE.pattern + _BRACES)
_RAW_FIELD_ESCAPE = re.compile(r"\{\{|\}\}")
_SIMPLE = {"a": "\a", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v", "\\": "\\", "'": "'", '"': '"'}
_LINE_END = re.compile(r"\r\n|\r|\n")
_PREFIX = re.compile(r"[A-Za-z]*")


def respell(template: SqlTemplate, sources: Callable[[str], SourceFile | None]) -> SqlTemplate:
    """Return the template with its fragments split so that they map exactly; what cannot be spelled stays as it is."""
    if all(fragment.exact or not fragment.text for fragment in template.fragments):
        return template
    literals: dict[Place, _Literal | None] = {}
    fragments: list[Fragment] = []
    for fragment in template.fragments:
        place = fragment.place
        if fragment.exact:
            fragments.append(fragment)
            continue
        if place not in literals:
            literals[place] = _read_literal(place, sources(place.path))
        found = literals[place]
        fragments += (fragment,) if found is None else found.spell(fragment)
    return SqlTemplate(fragments=tuple(fragments))


@dataclass(slots=True)
class _Literal:
    """A literal expression taken apart: per part its pieces, and the fields between the parts."""

    parts: list[list[Fragment]]
    fields: list[Span]
    path: str
    cursors: dict[int, int] = field(default_factory=dict)
    """Up to where each part has been used: pieces of a formatted text come in order."""

    def spell(self, fragment: Fragment) -> Iterable[Fragment]:
        """Return what spells a fragment; the fragment itself where it is not found."""
        if fragment.hole is not None:
            return (self._hole(fragment),)
        if fragment.part >= len(self.parts):
            return (fragment,)
        pieces = self.parts[fragment.part]
        value = "".join(piece.text for piece in pieces)
        start = value.find(fragment.text, self.cursors.get(fragment.part, 0))
        if start < 0:
            start = value.find(fragment.text)
        if start < 0:
            return (fragment,)
        end = start + len(fragment.text)
        self.cursors[fragment.part] = end
        return tuple(_cut(pieces, start, end))

    def _hole(self, hole: Fragment) -> Fragment:
        if hole.part >= len(self.fields):
            return hole
        place = Place(self.path, self.fields[hole.part])
        return Fragment(text=hole.text, place=place, hole=hole.hole, part=hole.part)


def _cut(pieces: Iterable[Fragment], start: int, end: int) -> Iterator[Fragment]:
    offset = 0
    for piece in pieces:
        first, last = max(start - offset, 0), min(end - offset, len(piece.text))
        offset += len(piece.text)
        if first >= last:
            continue
        if not piece.exact or last - first == len(piece.text):
            yield (
                piece
                if last - first == len(piece.text)
                else Fragment(text=piece.text[first:last], place=piece.place, part=piece.part)
            )
            continue
        base = piece.place.span.start
        place = Place(piece.place.path, Span(base + first, base + last))
        yield Fragment(text=piece.text[first:last], place=place, exact=True, part=piece.part)


def _read_literal(place: Place, source: SourceFile | None) -> _Literal | None:
    if source is None:
        return None
    text = source.text[place.span.start : place.span.end]
    opening = _PREFIX.match(text)
    is_literal = opening is not None and text[opening.end() : opening.end() + 1] in {"'", '"'}
    if not is_literal or not is_shallow(text):
        return None
    import libcst

    # Adjacent literals may stand on lines of their own, which only brackets allow.
    try:
        expression = libcst.parse_expression(f"({text})")
    except parse_failures():
        return None
    reader = _Reader(source, place.span.start, text)
    return reader.read(expression) if isinstance(expression, libcst.BaseString) else None


class _Reader:
    """Walks a literal expression of libcst, which holds every character, and keeps count of where it is."""

    def __init__(self, source: SourceFile, start: int, text: str) -> None:
        self.source = source
        self.offset = start
        self.end = start + len(text)
        self.parts: list[list[Fragment]] = [[]]
        self.fields: list[Span] = []
        first_line_end = _LINE_END.search(text)
        self.default_newline = first_line_end[0] if first_line_end else "\n"

    def read(self, expression: libcst.BaseString) -> _Literal | None:
        import libcst

        waiting: list[libcst.CSTNode] = [expression]
        while waiting:
            node = waiting.pop()
            match node:
                case libcst.ConcatenatedString():
                    waiting += [node.right, node.whitespace_between, node.left]
                case libcst.SimpleString():
                    self.simple(node)
                case libcst.FormattedString() | libcst.TemplatedString():
                    self.formatted(node)
                case _:
                    self.skip(node)
        return _Literal(self.parts, self.fields, self.source.path) if self.offset == self.end else None

    def skip(self, node: libcst.CSTNode) -> Span:
        start = self.offset
        self.offset += self.length(node)
        return Span(start, self.offset)

    def length(self, node: libcst.CSTNode) -> int:
        """Return how many characters a node was written with; libcst leaves the file's usual line end out."""
        import libcst

        return len(libcst.Module([], default_newline=self.default_newline).code_for_node(node))

    def simple(self, node: libcst.SimpleString) -> None:
        prefix = node.prefix.lower()
        quotes = len(node.quote)
        escape = None if "r" in prefix else _BYTES_ESCAPE if "b" in prefix else _ESCAPE
        self.offset += len(prefix) + quotes
        self.text(len(node.value) - len(prefix) - 2 * quotes, escape)
        self.offset += quotes

    def formatted(self, node: libcst.FormattedString | libcst.TemplatedString) -> None:
        import libcst

        escape = _RAW_FIELD_ESCAPE if "r" in node.prefix.lower() else _FIELD_ESCAPE
        self.offset += len(node.start)
        for piece in node.parts:
            match piece:
                case libcst.FormattedStringText(value=value) | libcst.TemplatedStringText(value=value):
                    self.text(len(value), escape)
                case _:
                    self.field(piece)
        self.offset += len(node.end)

    def field(self, node: libcst.CSTNode) -> None:
        """Note a field; `{x = }` also shows what stands before the value."""
        import libcst

        span = self.skip(node)
        equal = getattr(node, "equal", None)
        if isinstance(equal, libcst.AssignEqual):
            shown = [getattr(node, name) for name in ("whitespace_before_expression", "expression", "equal")]
            length = sum(self.length(part) for part in shown)
            self.parts[-1] += exact_fragments(
                self.source, Span(span.start + 1, span.start + 1 + length), len(self.fields)
            )
        self.fields.append(span)
        self.parts.append([])

    def text(self, length: int, escape: re.Pattern[str] | None) -> None:
        """Split a run of a literal's inside at its escapes."""
        part = len(self.fields)
        start, end = self.offset, self.offset + length
        for match in escape.finditer(self.source.text, start, end) if escape is not None else ():
            self.parts[-1] += exact_fragments(self.source, Span(start, match.start()), part)
            value = _unescaped(match[0])
            place = Place(self.source.path, Span(match.start(), match.end()))
            if value:
                self.parts[-1].append(Fragment(text=value, place=place, part=part))
            start = match.end()
        self.parts[-1] += exact_fragments(self.source, Span(start, end), part)
        self.offset = end


def _unescaped(escape: str) -> str:
    if escape in {"{{", "}}"}:
        return escape[0]
    body = escape[1:]
    if body[0] in "\r\n":
        return ""
    if body[0] in _SIMPLE and len(body) == 1:
        return _SIMPLE[body]
    if body[0] == "N":
        return _named(body[2:-1])
    if body[0] in "xuU":
        return _character(int(body[1:], 16))
    return _character(int(body, 8))


def _named(name: str) -> str:
    import unicodedata

    try:
        return unicodedata.lookup(name)
    except KeyError:
        return "\ufffd"


def _character(code: int) -> str:
    return chr(code) if code <= 0x10FFFF else "\ufffd"
