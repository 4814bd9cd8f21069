"""Pieces of a log come in as text, of any size; the records in it go out, each found once, in constant memory.

A record begins at the start of a line with what its format's pattern matches, and ends where that ends. What no
pattern matches is passed over. Where a record is looked for depends on the text alone, never on where it was cut into
pieces: at most `WINDOW` characters from its beginning on.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import re
    from collections.abc import Iterator

WINDOW = 1_000_000
"""Characters of one record that are looked at: a statement that is longer is cut."""


class Scanner:
    """Finds the records of one log."""

    def __init__(self, record: re.Pattern[str], start: re.Pattern[str], *, window: int = WINDOW) -> None:
        self._record = record
        self._start = start
        self._window = window
        self._buffer = ""
        self._line = 1
        """Of the buffer's first character."""
        self._at_line_start = True
        self.unread = 0
        """Beginnings of records that no record followed."""

    def feed(self, text: str, *, final: bool = False) -> Iterator[tuple[int, re.Match[str]]]:
        """Yield line and match of each record that is complete now; `final` tells that nothing follows."""
        buffer = self._buffer = self._buffer + text
        position = counted = 0
        last = len(buffer) - 1
        while position < len(buffer):
            if not self._at_line_start:
                following = buffer.find("\n", position)
                position = len(buffer) if following < 0 else following + 1
                self._at_line_start = following >= 0
                continue
            found = self._record.match(buffer, position, position + self._window)
            # What follows a line end decides whether a record goes on.
            complete = final or (found is not None and found.end() < last)
            if not complete and not self._is_sure(position):
                break
            self._at_line_start = False
            if found is None:
                self.unread += self._start.match(buffer, position) is not None
                continue
            self._line += buffer.count("\n", counted, position)
            counted = position
            yield self._line, found
            position = max(found.end(), position + 1)
        self._line += buffer.count("\n", counted, position)
        self._buffer = buffer[position:]

    def _is_sure(self, position: int) -> bool:
        """Tell whether more text would change nothing about what begins here and is not complete."""
        buffer = self._buffer
        if len(buffer) - position > self._window + 1:
            return True
        return buffer.find("\n", position) >= 0 and self._start.match(buffer, position) is None
