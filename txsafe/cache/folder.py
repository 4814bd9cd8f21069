# os.path is several times faster than pathlib, and this is imported by runs that do nothing else.
# ruff: noqa: PTH103, PTH106, PTH108, PTH112, PTH114, PTH118, PTH123
"""Where results are kept: `.txsafe_cache` in the project's root, as ruff and mypy have theirs.

It says of itself that it is a cache (https://bford.info/cachedir/), so that backups pass over it, and that git is to
ignore it. Whatever fails here (a full or read-only disk, a folder of somebody else's) costs time and nothing else.
"""

from __future__ import annotations

import os
import time

NAME = ".txsafe_cache"
VERSION = "1"
"""Of what lies in the folder; another one is another folder, which the same `clean` removes."""
TAG = "CACHEDIR.TAG"
_SIGNATURE = "Signature: 8a477f597d28d172789f06886806bc55"
_FILES = {
    TAG: f"{_SIGNATURE}\n# This folder holds results of txsafe; it can be deleted at any time.\n",
    ".gitignore": "# Made by txsafe.\n*\n",
}
SETTLED_SECONDS = 0.02
"""How old a change must be to be told from one that comes now: clocks of file systems tick every 1 to 16 ms."""
COARSE_SECONDS = 2.1
"""The same where times have no fractions of a millisecond, as on FAT and some network file systems."""


def prepare(folder: str) -> Cache | None:
    """Make the folder where results are kept; None where that cannot be."""
    place = os.path.join(folder, VERSION)
    if os.path.isdir(place):
        return Cache(place)
    try:
        os.makedirs(place, exist_ok=True)
        for name, text in _FILES.items():
            with open(os.path.join(folder, name), "w", encoding="ascii") as file:
                file.write(text)
    except OSError:
        return None
    time.sleep(1.5 * SETTLED_SECONDS)  # so that the folder above does not look as if it were changing now
    return Cache(place, is_new=True)


class Cache:
    """Where a run keeps results. No dataclass: to load their module takes as long as to look at a thousand files."""

    def __init__(self, place: str, *, is_new: bool = False) -> None:
        self.place = place
        self.is_new = is_new
        """Nothing is kept there yet."""
        self.troubles: list[str] = []
        """What went wrong, in words, for who wants to know."""


def is_ours(folder: str) -> bool:
    """Return whether a folder says that it is a cache of txsafe."""
    if os.path.islink(folder):
        return False
    try:
        with open(os.path.join(folder, TAG), encoding="ascii") as file:
            return file.read(4096) == _FILES[TAG]
    except (OSError, ValueError):
        return False


def remove(folder: str) -> bool:
    """Delete a cache; return whether there was one. Nothing else is touched, whatever the path says."""
    if not is_ours(folder):
        return False
    for where, folders, files in os.walk(folder, topdown=False):
        for name in files:
            if os.path.join(where, name) != os.path.join(folder, TAG):
                forget(os.path.join(where, name))
        for name in folders:
            forget(os.path.join(where, name))
    forget(os.path.join(folder, TAG))  # last: what is interrupted can be done again
    forget(folder)
    return True


def forget(path: str) -> None:
    """Delete a file, a link or an empty folder, where that can be."""
    try:
        if os.path.isdir(path) and not os.path.islink(path):
            os.rmdir(path)
        else:
            os.unlink(path)
    except OSError:
        return
