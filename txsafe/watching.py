"""What one run looks at and says, noted as it happens, so that a later one can tell whether it would say the same.

Whoever opens a file, lists a folder or asks whether something is there notes it here; whoever does what cannot be done
again by repeating the output (a note on standard error, standard input, git) spoils the watch. Nothing is kept where
nobody watches.
"""

from __future__ import annotations

import os
from contextlib import contextmanager
from contextvars import ContextVar

TYPE_CHECKING = False  # see `txsafe.results`
if TYPE_CHECKING:
    from collections.abc import Iterator


class Watch:
    """What was noted so far."""

    def __init__(self) -> None:
        self.seen: set[str] = set()
        """Paths of files and folders that were there."""
        self.sought: set[str] = set()
        """Paths that were asked for, there or not."""
        self.output: list[str] = []
        """What went to standard output."""
        self.written: dict[str, bytes] = {}
        """Regular files that were written, and what they hold now."""
        self.spoiled = False
        """The run has done more than to look and to write."""


_WATCH: ContextVar[Watch | None] = ContextVar("watch", default=None)


@contextmanager
def watching() -> Iterator[Watch]:
    """Note all that this context looks at."""
    watch = Watch()
    token = _WATCH.set(watch)
    try:
        yield watch
    finally:
        _WATCH.reset(token)


def saw(path: str | os.PathLike[str]) -> None:
    """Note a file that was read or a folder that was listed."""
    watch = _WATCH.get()
    if watch is not None:
        watch.seen.add(str(path))


def sought(path: str | os.PathLike[str]) -> None:
    """Note a path that was asked for, whether it is there or not."""
    watch = _WATCH.get()
    if watch is not None:
        watch.sought.add(str(path))


def said(text: str) -> None:
    """Note what is written to standard output."""
    watch = _WATCH.get()
    if watch is not None:
        watch.output.append(text)


def wrote(path: str | os.PathLike[str], data: bytes) -> None:
    """Note a file that was given a content."""
    watch = _WATCH.get()
    if watch is not None:
        watch.written[str(path)] = data


def spoil() -> None:
    """Note that something is done that a repeated output would not do."""
    watch = _WATCH.get()
    if watch is not None:
        watch.spoiled = True


def is_file(path: str) -> bool:
    """Return whether a regular file is at a path, and note the question."""
    sought(path)
    return os.path.isfile(path)  # noqa: PTH113  # several times faster than pathlib


def is_there(path: str | os.PathLike[str]) -> bool:
    """Return whether something is at a path, and note the question."""
    sought(path)
    return os.path.exists(path)  # noqa: PTH110  # several times faster than pathlib
