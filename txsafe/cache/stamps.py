"""A path → what `stat` says of it, in short: the same stamp, the same content, as long as it had settled.

Size and time of the last change would do for a careful world. The inode tells a file that was moved into place, and
its change time one whose times were set (`touch -r`, `tar`, `rsync -t`). What changed a moment ago might change again
within one tick of the file system's clock and keep its stamp: it has not settled, and its stamp is not believed.
"""

from __future__ import annotations

import os

from txsafe.cache.folder import COARSE_SECONDS, SETTLED_SECONDS

Stamp = tuple[int, int, int, int]
"""Size, times of the last change of the content and of anything (nanoseconds), inode."""
ABSENT: Stamp = (-1, -1, -1, -1)
LARGEST_INODE = (1 << 63) - 1
"""Of those that are told apart: some file systems have larger ones, and SQLite has no room for them."""


def stamp(path: str | bytes) -> Stamp:
    """Return the stamp of what a path leads to; `ABSENT` where that is nothing."""
    try:
        found = os.stat(path)  # noqa: PTH116  # several times faster than pathlib
    except (OSError, ValueError):
        return ABSENT
    return found.st_size, found.st_mtime_ns, found.st_ctime_ns, found.st_ino & LARGEST_INODE


def is_settled(each: Stamp, now: float) -> bool:
    """Tell whether a stamp taken at `now` (seconds) or later is sure to change with the content."""
    newest = max(each[1], each[2])
    seconds = SETTLED_SECONDS if each[1] % 1_000_000 or each[2] % 1_000_000 else COARSE_SECONDS
    return newest < (now - seconds) * 1e9
