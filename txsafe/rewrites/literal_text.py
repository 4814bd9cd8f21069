"""Any text and a place within the literals of a program → the edits that write it there.

Where `respelling` changes words that every literal spells alike, this spells what is given as the literal at hand asks
for it: escapes, doubled braces, another kind of quotes for several lines, or a literal of its own in front.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from txsafe.model import Edit, Place, Span

if TYPE_CHECKING:
    from collections.abc import Iterator

    from txsafe.model import SourceFile

_OPENING = re.compile(r"(?P<prefix>[A-Za-z]{0,2})(?P<quote>\"\"\"|'''|\"|')")
_GAP = re.compile(r"(?:[\s\\]|#[^\r\n]*)+")
LONGEST_LINE = 100
"""Characters of a line that a literal of its own is put in front of."""


@dataclass(frozen=True, slots=True)
class Literal:
    """One string literal; offsets are those of the file."""

    prefix: str
    quote: str
    start: int
    """Of the prefix."""
    inner: Span
    """What stands between the quotes."""

    @property
    def is_long(self) -> bool:
        """Whether it may have several lines."""
        return len(self.quote) == 3

    @property
    def is_raw(self) -> bool:
        """Whether a backslash is one."""
        return "r" in self.prefix

    def spells(self, text: str) -> str | None:
        """Return the text as it is written within this literal; None where it cannot be."""
        if "b" in self.prefix and not text.isascii():
            return None
        if self.is_raw:
            plain = self.quote not in text and "\\" not in text and (self.is_long or "\n" not in text)
            spelled = text if plain and not text.endswith(self.quote[0]) else None
        else:
            spelled = text.replace("\\", "\\\\").replace(self.quote, "\\" + "\\".join(self.quote))
            spelled = spelled if self.is_long else spelled.replace("\n", "\\n")
        if spelled is not None and {"f", "t"} & set(self.prefix):
            spelled = spelled.replace("{", "{{").replace("}", "}}")
        return spelled


def find_literals(text: str, span: Span) -> tuple[Literal, ...]:
    """Return the literals that an expression is made of, side by side; none where it is anything else."""
    return tuple(_literals(text, span)) if _is_whole(text, span) else ()


def _literals(text: str, span: Span) -> Iterator[Literal]:
    at = span.start
    while at < span.end:
        gap = _GAP.match(text, at, span.end)
        at = gap.end() if gap is not None else at
        opening = _OPENING.match(text, at, span.end)
        if opening is None:
            return
        end = _end_of(text, opening.end(), quote=opening["quote"], limit=span.end)
        yield Literal(opening["prefix"].lower(), opening["quote"], at, Span(opening.end(), end))
        at = end + len(opening["quote"])


def _is_whole(text: str, span: Span) -> bool:
    last = None
    for last in _literals(text, span):
        if {"f", "t"} & set(last.prefix) and "{" in text[last.inner.start : last.inner.end].replace("{{", ""):
            return False  # quotes may stand within its fields
    return last is not None and last.inner.end + len(last.quote) == span.end


def _end_of(text: str, start: int, *, quote: str, limit: int) -> int:
    end = re.compile(rf"(?:\\.|(?!{quote}).)*+", re.DOTALL).match(text, start, limit)
    return start if end is None else end.end()


def insert_text(source: SourceFile, at: int, text: str, *, literals: tuple[Literal, ...]) -> tuple[Edit, ...] | None:
    """Return the edits that insert a text at an offset of the file, within one of the literals of an expression."""
    literal = next((each for each in literals if each.inner.start <= at <= each.inner.end), None)
    if literal is None:
        return None
    leads = not source.text[literal.inner.start : at].strip()
    if "\n" in text and not literal.is_long and leads:
        return _made_long(source, at, text, literals=literals)
    spelled = literal.spells(text)
    before, behind = source.text[literal.inner.start : at], source.text[at : literal.inner.end]
    if spelled is None or (literal.is_long and _ends_early(f"{before}{spelled}{behind}", literal.quote)):
        return None
    if at == literal.inner.start and not literal.is_long and _is_too_long(source, literal, spelled):
        return _in_front(source, literal, spelled)
    return (_insertion(source, at, spelled),)


def _made_long(source: SourceFile, at: int, text: str, *, literals: tuple[Literal, ...]) -> tuple[Edit, ...] | None:
    """Give a literal of one line the quotes of several, and the text."""
    literal = next(each for each in literals if each.inner.start <= at <= each.inner.end)
    quote = literal.quote * 3
    spelled = Literal(literal.prefix, quote, literal.start, literal.inner).spells(text)
    lead, rest = source.text[literal.inner.start : at], source.text[at : literal.inner.end]
    if spelled is None or _ends_early(f"{lead}{spelled}{rest}", quote):
        return None
    start, end = literal.inner.start - 1, literal.inner.end
    opening = Edit(place=Place(source.path, Span(start, at)), replacement=f"{quote}{lead}{spelled}")
    return (opening, Edit(place=Place(source.path, Span(end, end + 1)), replacement=quote))


def _ends_early(inner: str, quote: str) -> bool:
    """Return whether quotes of the text would be taken for the end of a literal of several lines."""
    return quote in inner or inner.endswith(quote[0])


def _is_too_long(source: SourceFile, literal: Literal, spelled: str) -> bool:
    line = source.line_starts[source.position(literal.start).line - 1]
    end = source.text.find("\n", literal.start)
    return (end if end >= 0 else len(source.text)) - line + len(spelled) > LONGEST_LINE


def _in_front(source: SourceFile, literal: Literal, spelled: str) -> tuple[Edit, ...]:
    """Put a literal of its own in front, on a line of its own."""
    column = source.position(literal.start).column - 1
    opening = source.text[literal.start : literal.inner.start]
    text = f"{opening}{spelled}{literal.quote}\n{' ' * column}"
    return (_insertion(source, literal.start, text),)


def _insertion(source: SourceFile, at: int, text: str) -> Edit:
    return Edit(place=Place(source.path, Span(at, at)), replacement=text)
