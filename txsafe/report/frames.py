"""A span of a source file in, the lines that show it out: numbered, clipped to the width, underlined.

Only the neighbourhood of a span is ever looked at, so that a line of 5 MB costs no more than one of 50 characters.
Positions that the text does not have (a file that changed since) give no frame rather than a wrong one.
"""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING

from txsafe.model import Span
from txsafe.report.escaping import TAB, escape

if TYPE_CHECKING:
    from collections.abc import Iterator

    from txsafe.model import Position, SourceFile

MOST_LINES = 4
"""A span of more lines shows its first and its last one."""
NARROWEST = 20
ELLIPSIS = "…"


@dataclass(frozen=True, slots=True)
class FrameLine:
    """One line of source, ready to print."""

    number: int
    """0 for the gap between the first and the last line of a long span."""
    text: str
    marker: str
    """Blanks and carets, to go below the text."""


def draw_frame(source: SourceFile, start: Position, end: Position, *, width: int) -> tuple[FrameLine, ...]:
    """Return the lines of a span, each at most about `width` cells wide; none where the text has no such place."""
    end = max(start, end)
    if start.line < 1 or start.column < 1 or end.line > len(source.line_starts):
        return ()
    last = end.line
    if end.column == 1 and last > start.line:
        last -= 1  # the span ends with a line end
    numbers = range(start.line, last + 1)
    if len(numbers) > MOST_LINES:
        first, final = (_draw_line(source, number, start, end, width) for number in (start.line, last))
        return (first, FrameLine(0, "...", ""), final)
    return tuple(_draw_line(source, number, start, end, width) for number in numbers)


def _draw_line(source: SourceFile, number: int, start: Position, end: Position, width: int) -> FrameLine:
    begin, finish = _line_bounds(source, number)
    length = finish - begin
    low = min(start.column - 1, length) if number == start.line else _indentation(source.text, begin, finish)
    high = min(end.column - 1, length) if number == end.line else length
    window, offset, cut = _clip(source.text, Span(begin, finish), Span(low, high), width=max(width, NARROWEST))
    return _lay_out(window, low - offset, max(high, low) - offset, number=number, cut=(offset > 0, cut), width=width)


def _line_bounds(source: SourceFile, number: int) -> tuple[int, int]:
    begin = source.line_starts[number - 1]
    finish = source.line_starts[number] if number < len(source.line_starts) else len(source.text)
    while finish > begin and source.text[finish - 1] in "\r\n":
        finish -= 1
    return begin, finish


def _indentation(text: str, begin: int, finish: int) -> int:
    """Return how far a line is indented; a very long blank start counts as text."""
    ahead = text[begin : min(finish, begin + 1000)]
    return len(ahead) - len(ahead.lstrip())


def _clip(text: str, line: Span, marked: Span, *, width: int) -> tuple[str, int, bool]:
    """Return the part of a line to show, how many characters come before it, and whether any come after it.

    The start of the line stays where the marked part fits behind it; else a third of the width comes before the mark.
    """
    room = line.end - line.start - width
    offset = 0 if marked.end <= width else max(0, min(marked.start - width // 3, room))
    stop = min(line.start + offset + width, line.end)
    return text[line.start + offset : stop], offset, stop < line.end


def _lay_out(window: str, low: int, high: int, *, number: int, cut: tuple[bool, bool], width: int) -> FrameLine:
    before, after = cut
    shown = [ELLIPSIS] if before else []
    blanks = len(shown)
    cells = carets = 0
    for place, (character, cell) in enumerate(_list_cells(window)):
        if place >= low and cells + cell > width:
            after = True
            break
        shown.append(character)
        cells += cell
        if place < low:
            blanks += cell
        elif place < high:
            carets += cell
    if after:
        shown.append(ELLIPSIS)
    return FrameLine(number, "".join(shown).rstrip(), " " * blanks + "^" * max(carets, 1))


def _list_cells(window: str) -> Iterator[tuple[str, int]]:
    """Yield what to print for each character, and how many cells of a terminal it takes."""
    for character in window:
        if character == "\t":
            yield TAB, len(TAB)
            continue
        printed = escape(character)
        yield printed, len(printed) if len(printed) > 1 else _measure(character)


def _measure(character: str) -> int:
    if character.isascii():
        return 1
    if unicodedata.category(character) in {"Mn", "Me", "Cf"}:
        return 0
    return 2 if unicodedata.east_asian_width(character) in {"W", "F"} else 1


def show_line(source: SourceFile, position: Position, *, width: int) -> FrameLine | None:
    """Return the line of a position without a marker, for places that only explain."""
    return next(islice(draw_frame(source, position, position, width=width), 1), None)
