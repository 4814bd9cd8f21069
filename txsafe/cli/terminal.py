"""What depends on where the output goes: colours, width, progress, pipes that close early."""

from __future__ import annotations

import os
import sys
import time
from contextlib import contextmanager

from txsafe.config import Color
from txsafe.watching import said

TYPE_CHECKING = False  # see `txsafe.results`
if TYPE_CHECKING:
    from collections.abc import Iterator

    from txsafe.config import Config

_QUIET_SECONDS = 1.0
"""Progress is shown from then on: shorter runs need none."""
_SECONDS_BETWEEN = 0.1
_WITHOUT_TERMINAL = 100


def wants_color(choice: Color) -> bool:
    """Decide on colours for standard output: the flag, then NO_COLOR, FORCE_COLOR, TERM, and whether it is a terminal.

    See <https://no-color.org> and <https://force-color.org>.
    """
    if choice is not Color.AUTO:
        return choice is Color.ALWAYS
    if os.environ.get("NO_COLOR"):
        return False
    if os.environ.get("FORCE_COLOR") or os.environ.get("CLICOLOR_FORCE", "0") != "0":
        return True
    return os.environ.get("TERM") != "dumb" and sys.stdout.isatty()


def terminal_width() -> int:
    """Return the columns of the terminal, or those that `COLUMNS` names; 100 where there is neither."""
    named = os.environ.get("COLUMNS", "")
    if named.isdecimal() and int(named):
        return int(named)
    try:
        return os.get_terminal_size(sys.__stdout__.fileno() if sys.__stdout__ else 1).columns or _WITHOUT_TERMINAL
    except (OSError, ValueError):  # ValueError: it is closed
        return _WITHOUT_TERMINAL


def write_output(text: str) -> None:
    """Write a report to standard output as UTF-8, or as the terminal's encoding has it; survive a closed pipe."""
    said(text)
    try:
        if sys.stdout.isatty():
            encoding = sys.stdout.encoding or "utf-8"
            sys.stdout.write(text.encode(encoding, "backslashreplace").decode(encoding))
            sys.stdout.flush()
        else:
            sys.stdout.flush()
            sys.stdout.buffer.write(text.encode("utf-8", "backslashreplace"))
            sys.stdout.buffer.flush()
    except BrokenPipeError:
        discard_output()


def discard_output() -> None:
    """Send what is left for standard output nowhere: its reader has gone, which is no failure of ours."""
    devnull = os.open(os.devnull, os.O_WRONLY)
    os.dup2(devnull, sys.stdout.fileno())
    os.close(devnull)


@contextmanager
def shown_progress(config: Config) -> Iterator[Progress | None]:
    """Yield what shows progress where somebody watches, and clear it afterwards."""
    progress = Progress() if sys.stderr.isatty() and not config.quiet else None
    try:
        yield progress
    finally:
        if progress is not None:
            progress.clear()


class Progress:
    """A line on standard error that counts files, or what `noun` says, on terminals and in long runs only."""

    def __init__(self, noun: str = "files") -> None:
        self.noun = noun
        self.started = time.monotonic()
        self.shown = 0.0

    def __call__(self, done: int, total: int) -> None:
        """Show the count if it is time to."""
        now = time.monotonic()
        if now - self.started < _QUIET_SECONDS or now - self.shown < _SECONDS_BETWEEN:
            return
        self.shown = now
        sys.stderr.write(f"\r\x1b[K{done}/{total} {self.noun}")
        sys.stderr.flush()

    def clear(self) -> None:
        """Remove the line."""
        if self.shown:
            sys.stderr.write("\r\x1b[K")
            sys.stderr.flush()
