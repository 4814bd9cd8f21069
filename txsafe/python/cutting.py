"""Python text → the same lines without the bodies of its functions, which take most of the time that parsing takes.

In goes the text of a module, out come the text to parse in its stead and the `Cut`s that were made. Only the starts of
lines are looked at, outside of strings; where they might mislead (tabs, continued lines, a comment behind the last
statement), a body stays, or all do. Whoever parses the result has the last word on whether the cuts were right.
"""

from __future__ import annotations

import bisect
import re
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

from txsafe.model import Span

if TYPE_CHECKING:
    from collections.abc import Iterator

# A pattern that begins with a newline is searched for ten times as fast as one that begins with `^`.
REACHES_OUT = re.compile(r"\n[ \t\f]*+(?:global|nonlocal|import|from|class)\b")
"""What may change names outside of its function."""
_UNUSUAL = ("\f", "\r", "\0")
"""What makes the depth of a line hard to tell, or the file no Python."""
_TAB = re.compile(r"^ *\t", re.MULTILINE)
_SHORT = r"\"(?!\"\")(?:[^\"\\\n]|\\[^\n])*+\"|'(?!'')(?:[^'\\\n]|\\[^\n])*+'"
_LONG = r"\"\"\"(?:[^\"\\]|\\.|\"(?!\"\"))*+\"\"\"|'''(?:[^'\\]|\\.|'(?!''))*+'''"
_UP_TO_LONG = re.compile(rf"(?:[^\"'#]++|#[^\n]*+|{_SHORT})*+", re.DOTALL)
_LONG_TEXT = re.compile(_LONG, re.DOTALL)
_FUNCTION = re.compile(r"def +\w+")
_BEFORE = re.compile(r"( *)(?:async +)?")
_IN_HEADER = re.compile(rf"(?:[^\"'#()\[\]{{}}:\\]++|#[^\n]*+|{_LONG}|{_SHORT})*+([()\[\]{{}}:])", re.DOTALL)
_HEADER_LIMIT = 4_000
"""Code points of a header; a longer one keeps its body."""
_ALONE = re.compile(r" *+(?:#[^\n]*+)?\n")
"""What follows the colon of a header whose body stands on lines of its own."""


@dataclass(frozen=True, slots=True)
class Cut:
    """A function whose body is left out."""

    line: int
    """The one with its `def`, from 1."""
    span: Span
    """Its whole lines, from that one on."""
    end_line: int
    end_column: int
    """Where its last statement ends, as `ast` counts: in bytes of UTF-8."""


@dataclass(frozen=True, slots=True)
class Outline:
    """A text without the bodies of functions; every line that is left stands where it stood."""

    text: str
    cuts: tuple[Cut, ...]


def cut_bodies(text: str) -> Outline | None:
    """Return a module without the bodies of functions that nothing outside depends on; None where none is left out."""
    if any(each in text for each in _UNUSUAL) or ("\t" in text and _TAB.search(text) is not None):
        return None
    texts = _long_texts(text)
    if texts is None:
        return None
    pieces: list[str] = []
    cuts: list[Cut] = []
    kept = line_at = 0
    line = 1
    for start, colon, end in _bodies(text, texts):
        line += text.count("\n", line_at, start)
        line_at = start
        lines = text.count("\n", start, end)
        after = text.find("\n", end) + 1 or len(text)
        column = len(text[text.rfind("\n", start, end) + 1 : end].encode("utf-8", "replace"))
        cuts.append(Cut(line, Span(start, after), line + lines, column))
        pieces += (text[kept:colon], "0", "\n" * text.count("\n", colon, end))
        kept = end
    if not cuts:
        return None
    return Outline("".join((*pieces, text[kept:])), tuple(cuts))


def _bodies(text: str, texts: _Texts) -> Iterator[tuple[int, int, int]]:
    """Yield, for each body to leave out, the start of the line with `def`, the end of the header and that of the body.

    One that lies in another is left out with it.
    """
    done = 0
    for match in _FUNCTION.finditer(text):
        start = text.rfind("\n", done, match.start()) + 1 or done
        before = _BEFORE.fullmatch(text, start, match.start())
        if before is None or match.start() < done or texts.around(start) is not None:
            continue
        colon = _end_of_header(text, match.end())
        if not colon:
            return  # what follows could hold as many more of the kind, each read to the limit
        alone = _ALONE.match(text, colon)
        if alone is None:
            continue
        below = _end_of_block(text, alone.end(), len(before[1]), texts)
        end = _end_of_code(text, alone.end(), below, texts)
        if end and REACHES_OUT.search(text, start, below) is None:
            yield start, colon, end
            done = end


def _end_of_header(text: str, position: int) -> int:
    """Return where the colon of a function's header ends; 0 where that cannot be told."""
    depth = 0
    limit = min(position + _HEADER_LIMIT, len(text))
    while (match := _IN_HEADER.match(text, position, limit)) is not None:
        position = match.end()
        if match[1] == ":":
            if depth == 0:
                return position
        else:
            depth += 1 if match[1] in "([{" else -1
    return 0


def _end_of_block(text: str, position: int, depth: int, texts: _Texts) -> int:
    """Return where the first line starts that is not deeper than a header's."""
    shallow = _shallow(depth)
    while (match := shallow.search(text, position - 1)) is not None:
        around = texts.around(match.end())
        if around is None:
            return match.end()
        position = around.end
    return len(text)


@lru_cache(maxsize=64)
def _shallow(depth: int) -> re.Pattern[str]:
    """Return what matches a line with something but a comment in it that is no deeper than so many blanks."""
    return re.compile(rf"\n(?= {{0,{depth}}}[^ \n#])")


def _end_of_code(text: str, start: int, end: int, texts: _Texts) -> int:
    """Return where the last statement of a block ends; 0 where there is none, or where that takes more than a look."""
    while end > start:
        first = text.rfind("\n", start, end) + 1 or start
        line = text[first:end].rstrip(" ")
        if line.endswith(("\\", ";")):
            return 0
        if line and "#" not in line:
            return first + len(line)
        if line and (not line.lstrip(" ").startswith("#") or texts.around(first) is not None):
            return 0
        end = first - 1
    return 0


@dataclass(frozen=True, slots=True)
class _Texts:
    """The texts in a module that may go over several lines."""

    starts: tuple[int, ...]
    spans: tuple[Span, ...]

    def around(self, position: int) -> Span | None:
        """Return the text that a position is in; one that starts there is not around it."""
        before = bisect.bisect_left(self.starts, position)
        if not before or self.spans[before - 1].end <= position:
            return None
        return self.spans[before - 1]


def _long_texts(text: str) -> _Texts | None:
    """Return the texts that may go over several lines; None where it is hard to tell what is in quotes."""
    spans: list[Span] = []
    position = 0
    while True:
        match = _UP_TO_LONG.match(text, position)
        position = position if match is None else match.end()
        if position == len(text):
            return _Texts(tuple(span.start for span in spans), tuple(spans))
        found = _LONG_TEXT.match(text, position)
        if found is None:
            return None
        spans.append(Span(position, found.end()))
        position = found.end()
