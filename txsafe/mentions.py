"""Words in, the Python files of a tree that hold them out: who may import a module or call a function, unparsed.

A tree is read once, when first asked about, and searched as one run of bytes: 30 MB take about 10 ms for each word.
What does not fit into the bounds is passed over, and said to be.
"""

# os.path is several times faster than pathlib, and this runs for every file of a tree.
# ruff: noqa: PTH100
from __future__ import annotations

import bisect
import os
import re
from dataclasses import dataclass
from itertools import accumulate
from typing import TYPE_CHECKING

from txsafe.discovery import read_input
from txsafe.errors import SourceError
from txsafe.source import FileKind

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from txsafe.discovery import FileInput

MOST_BYTES = 64_000_000
"""Of one tree that is searched; the largest projects on the package index have half as much Python."""
MOST_BYTES_OF_FILE = 300_000
"""A larger file is generated code."""
_SEPARATOR = b"\0"
_WORD = re.compile(rb"[A-Za-z0-9_\x80-\xff]")


@dataclass(frozen=True, slots=True)
class Found:
    """The files that hold a word."""

    paths: tuple[str, ...]
    """Absolute, sorted."""
    complete: bool
    """No file of the tree was left out."""


class Mentions:
    """Answers which files of a tree hold a word."""

    def __init__(self, files: Callable[[], Iterable[FileInput]]) -> None:
        self._files = files
        self._paths: list[str] | None = None
        self._ends: list[int] = []
        self._text = b""
        self._complete = True
        self._known: dict[str, Found] = {}

    def of(self, word: str) -> Found:
        """Return the files that hold a word (an identifier), each as a whole word."""
        found = self._known.get(word)
        if found is None:
            if self._paths is None:
                self._paths = self._read()
            paths = tuple(self._search(word.encode("utf-8", "replace"), self._paths)) if word else ()
            found = self._known[word] = Found(paths, self._complete)
        return found

    def beside(self, word: str, others: Iterable[str]) -> Found:
        """Return the files that hold a word and one of some others; who refers by other ways is out of sight."""
        found = self.of(word).paths
        wanted = [other.encode("utf-8", "replace") for other in others if other]
        paths = tuple(path for path in found if any(self._holds(path, other) for other in wanted))
        return Found(paths, complete=False)

    def _holds(self, path: str, word: bytes) -> bool:
        """Return whether one of the files holds a word."""
        number = bisect.bisect_left(self._paths or (), path)
        position = self._ends[number - 1] if number else 0
        while (position := self._text.find(word, position, self._ends[number])) >= 0:
            end = position + len(word)
            if not self._is_part(position - 1) and not self._is_part(end):
                return True
            position = end
        return False

    def _read(self) -> list[str]:
        contents: dict[str, bytes] = {}
        left = MOST_BYTES
        for file in self._files():
            if file.kind is not FileKind.PYTHON:
                continue
            try:
                data = read_input(file, limit=MOST_BYTES_OF_FILE)
            except SourceError:
                self._complete = False
                continue
            if len(data) > left:
                self._complete = False
                break
            left -= len(data)
            contents[os.path.abspath(file.path)] = data
        paths = sorted(contents)
        self._ends = list(accumulate(len(contents[path]) + len(_SEPARATOR) for path in paths))
        self._text = _SEPARATOR.join(contents[path] for path in paths)
        return paths

    def _search(self, word: bytes, paths: list[str]) -> list[str]:
        """Return the paths of the files with a word; after a hit the search goes on in the next file."""
        found = []
        position = self._text.find(word)
        while position >= 0:
            end = position + len(word)
            if self._is_part(position - 1) or self._is_part(end):
                position = self._text.find(word, end)
                continue
            number = bisect.bisect_right(self._ends, position)
            found.append(paths[number])
            position = self._text.find(word, self._ends[number])
        return found

    def _is_part(self, position: int) -> bool:
        """Return whether a byte belongs to a longer word."""
        return 0 <= position < len(self._text) and _WORD.match(self._text, position) is not None
