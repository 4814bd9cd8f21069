"""Python that is newer than the interpreter → older Python of the same length, so that `ast` can parse it.

In goes a text that `ast` refused, out comes one in which every character that is kept stands where it stood: type
parameters (PEP 695, 696) are blanked, `type X = …` becomes an assignment, `t"…"` (PEP 750) an f-string, an unbracketed
`except A, B:` (PEP 758) catches A alone, and in f-strings quotes are exchanged where they end the older literal
(PEP 701). libcst, which knows the newer grammar, says where these stand.
"""

from __future__ import annotations

import ast
import re
from typing import TYPE_CHECKING

from txsafe.python.nesting import is_shallow, parse_failures

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    import libcst
    from libcst.metadata import CodeSpan

_SIZE_LIMIT = 1_000_000
_HINT = re.compile(r"\b(?:def|class|type)\s+\w+\s*(?:\[|=)|\bexcept\b[^:\n]*,|\b[fFtTrR]{1,2}[\"']")
"""Cheap: without one of these, libcst need not be asked."""

_LINE_END = re.compile(r"(\r\n|\r|\n)")

Edit = tuple[int, int, str]
"""Start and end in UTF-8 bytes, and what stands there instead, as many characters long."""


def lower_syntax(text: str) -> str | None:
    """Return the text with newer constructs blanked or replaced, offsets kept.

    None where it has none, or where libcst does not understand it either; unchanged where it cannot be lowered.
    """
    if len(text) > _SIZE_LIMIT or not _HINT.search(text) or not is_shallow(text):
        return None
    import libcst
    from libcst.metadata import ByteSpanPositionProvider, MetadataWrapper

    try:
        module = libcst.parse_module(text)
        spans = MetadataWrapper(module, unsafe_skip_copy=True).resolve(ByteSpanPositionProvider)
    except parse_failures():
        return None
    lowering = _Lowering(text.encode("utf-8"), spans)
    for node in _constructs(module):
        lowering.lower(node)
    if not lowering.edits and not lowering.impossible:
        return None
    return text if lowering.impossible else lowering.applied()


def _constructs(module: libcst.Module) -> Iterator[libcst.CSTNode]:
    """Yield the nodes that may be newer syntax; of nested f-strings the outermost."""
    import libcst

    texts = (libcst.FormattedString, libcst.TemplatedString)
    others = (libcst.TypeParameters, libcst.TypeAlias, libcst.ExceptHandler, libcst.ExceptStarHandler)
    waiting: list[libcst.CSTNode] = [module]
    while waiting:
        node = waiting.pop()
        if isinstance(node, (*texts, *others)):
            yield node
        if not isinstance(node, texts):
            waiting += node.children


class _Lowering:
    def __init__(self, data: bytes, spans: Mapping[libcst.CSTNode, CodeSpan]) -> None:
        self.data = data
        self.spans = spans
        self.edits: list[Edit] = []
        self.impossible = False

    def lower(self, node: libcst.CSTNode) -> None:
        import libcst

        match node:
            case libcst.TypeParameters():
                self.blank(*self.located(node))
            case libcst.TypeAlias():
                start, _ = self.located(node)
                self.edits.append((start, start + len("type"), "0  ;"))
            case libcst.ExceptHandler(type=libcst.Tuple(lpar=[], elements=[first, *_]) as types):
                self.blank(self.located(first.value)[1], self.located(types)[1])
            case libcst.ExceptStarHandler(type=libcst.Tuple(lpar=[], elements=[first, *_]) as types):
                self.blank(self.located(first.value)[1], self.located(types)[1])
            case libcst.TemplatedString(start=opening):
                start, _ = self.located(node)
                self.edits.append((start, start + len(opening), re.sub("t", "f", opening, flags=re.IGNORECASE)))
                self.lower_fields(node, node.end)
            case libcst.FormattedString():
                self.lower_fields(node, node.end)

    def located(self, node: libcst.CSTNode) -> tuple[int, int]:
        span = self.spans[node]
        return span.start, span.start + span.length

    def lower_fields(self, text: libcst.FormattedString | libcst.TemplatedString, quotes: str) -> None:
        """Rewrite the expressions of an f-string that the older grammar does not take."""
        import libcst

        for part in text.parts:
            if not isinstance(part, libcst.FormattedStringExpression | libcst.TemplatedStringExpression):
                continue
            if len(quotes) == 1 and self.fold(*self.located(part)):
                continue
            start, end = self.located(part.expression)
            code = self.data[start:end].decode("utf-8")
            if quotes in code or "\\" in code or "#" in code:
                self.edits.append((start, end, _requoted(code, quotes) or _placeholder(code)))

    def fold(self, start: int, end: int) -> bool:
        """Fold a field, since the older literal ends with the line; return whether it has several lines."""
        lines = _LINE_END.split(self.data[start:end].decode("utf-8"))
        if len(lines) == 1:
            return False
        folded = _folded(lines[::2])
        if folded is None:
            self.impossible = True
        else:
            ends = (*lines[1::2], "")
            self.edits.append((start, end, "".join(line + each for line, each in zip(folded, ends, strict=True))))
        return True

    def blank(self, start: int, end: int) -> None:
        r"""Overwrite with spaces; a line end is kept and continued with a backslash before it."""
        blanked = re.sub(r"[^\r\n]", " ", self.data[start:end].decode("utf-8"))
        continued = re.sub(r" (?=\r\n|[\r\n])", r"\\", blanked)
        self.impossible |= bool(re.search(r"(?:^|[\r\n])(?<!\r(?=\n))[\r\n]", continued))
        self.edits.append((start, end, continued))

    def applied(self) -> str:
        """Return the text with all edits made."""
        pieces: list[str] = []
        position = 0
        for start, end, replacement in sorted(self.edits):
            pieces += [self.data[position:start].decode("utf-8"), replacement]
            position = end
        return "".join([*pieces, self.data[position:].decode("utf-8")])


def _requoted(code: str, quotes: str) -> str | None:
    """Return an expression with the other kind of quotes, where it has but one kind, no backslash and no nesting."""
    quote = quotes[0]
    other = "'" if quote == '"' else '"'
    if other in code or "\\" in code or "#" in code:
        return None
    exchanged = code.replace(quote, other)
    try:
        ast.parse(f"({exchanged})", mode="eval")
    except (SyntaxError, RecursionError, MemoryError):
        return None
    return exchanged


def _folded(lines: Sequence[str]) -> Sequence[str] | None:
    """Return the lines of a field, a placeholder on the longest, the others blank, each continued with a backslash."""
    if not all(lines[:-1]):
        return None  # nothing continues a blank line
    rooms = [len(line) - 1 for line in lines[:-1]] + [len(lines[-1])]
    widest = rooms.index(max(rooms))
    if rooms[widest] < len("{_}"):
        return None
    blank = [" " * room for room in rooms]
    blank[widest] = "{" + "_" * (rooms[widest] - 2) + "}"
    return [*(line + "\\" for line in blank[:-1]), blank[-1]]


def _placeholder(code: str) -> str:
    """Return a name as long as an expression; nothing binds it, so its value is unknown."""
    return re.sub(r"[^\r\n]", "_", code)
