"""String constants → the text they mean, and where each character of it stands.

A body in `$$…$$` maps one to one; `''` and backslash escapes shift what follows. Positions compose: the literal of an
EXECUTE in a body in a literal leads back to the outermost text.
"""

from __future__ import annotations

import bisect
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from txsafe.sql.lexer import Token


@dataclass(frozen=True, slots=True)
class Origin:
    """Where the characters of a decoded text stand in the text around it.

    From `breaks[i]` on, character n stands at `sources[i] + n - breaks[i]` of the parent's text. An escape counts as
    its last character.
    """

    breaks: tuple[int, ...] = (0,)
    sources: tuple[int, ...] = (0,)
    parent: Origin | None = None

    def at(self, offset: int) -> int:
        """Return the offset in the outermost text."""
        level: Origin | None = self
        while level is not None:
            index = bisect.bisect_right(level.breaks, offset) - 1
            offset = level.sources[index] + offset - level.breaks[index]
            level = level.parent
        return offset


@dataclass(frozen=True, slots=True)
class Passage:
    """A text that holds statements, and where its characters stand in the outermost text."""

    text: str
    origin: Origin = Origin()


class Assembly:
    """Builds a `Passage` out of pieces that stand at known offsets of the parent's text."""

    __slots__ = ("_breaks", "_length", "_pieces", "_sources")

    def __init__(self) -> None:
        self._pieces: list[str] = []
        self._breaks: list[int] = []
        self._sources: list[int] = []
        self._length = 0

    def add(self, piece: str, source: int) -> None:
        """Append a piece whose first character stands at `source`."""
        if not piece:
            return
        self._pieces.append(piece)
        self._breaks.append(self._length)
        self._sources.append(source)
        self._length += len(piece)

    def passage(self, parent: Origin) -> Passage:
        """Return what was collected."""
        if not self._pieces:
            return Passage("", parent)
        return Passage("".join(self._pieces), Origin(tuple(self._breaks), tuple(self._sources), parent))

    @property
    def text(self) -> str:
        """What was collected so far."""
        return "".join(self._pieces)


_DOLLAR = re.compile(r"\$[^$]*+\$")
_ESCAPE = re.compile(r"''|\\(?:x[0-9A-Fa-f]{1,2}|[0-7]{1,3}|u[0-9A-Fa-f]{4}|U[0-9A-Fa-f]{8}|.)", re.DOTALL)
_SIMPLE_ESCAPES = {"b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t"}


def decode_into(assembly: Assembly, token: Token) -> None:
    """Append what a string constant means; `U&` escapes and bit strings are left as they are spelled."""
    text = token.text
    tag = _DOLLAR.match(text)
    if tag is not None:
        assembly.add(text[tag.end() :].removesuffix(tag[0]), token.start + tag.end())
        return
    first = text.index("'") + 1
    last = len(text) - 1 if len(text) > first and text.endswith("'") else len(text)
    if text[0] in "eE":
        _decode_escapes(assembly, text, first, last=last, base=token.start)
        return
    position = first
    while (pair := text.find("''", position, last)) >= 0:
        assembly.add(text[position:pair], token.start + position)
        assembly.add("'", token.start + pair + 1)
        position = pair + 2
    assembly.add(text[position:last], token.start + position)


def _decode_escapes(assembly: Assembly, text: str, first: int, *, last: int, base: int) -> None:
    position = first
    for escape in _ESCAPE.finditer(text, first, last):
        assembly.add(text[position : escape.start()], base + position)
        assembly.add(_meaning(escape[0]), base + escape.end() - 1)
        position = escape.end()
    assembly.add(text[position:last], base + position)


def _meaning(escape: str) -> str:
    if escape == "''":
        return "'"
    kind = escape[1]
    if kind in "uUx" and len(escape) > 2:
        digits = escape[2:]
        code = int(digits, 16)
        return chr(code) if code <= 0x10FFFF else "\ufffd"
    if kind in "01234567":
        return chr(int(escape[1:], 8) & 0xFF)
    return _SIMPLE_ESCAPES.get(kind, kind)


def decode(tokens: Sequence[Token], parent: Origin) -> Passage:
    """Return the text that string constants mean, one after the other."""
    assembly = Assembly()
    for token in tokens:
        decode_into(assembly, token)
    return assembly.passage(parent)


def string_value(token: Token) -> str:
    """Return the text that a string constant means."""
    return decode((token,), Origin()).text
