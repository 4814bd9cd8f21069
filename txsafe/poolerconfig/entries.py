"""What all readers of pooler files share: entries with their places, databases, and files read within bounds.

Messages name keys and places, never whole lines: these files hold passwords.
"""

from __future__ import annotations

import os
import re
import stat
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from txsafe.discovery import display_path
from txsafe.errors import ConfigError
from txsafe.watching import sought

if TYPE_CHECKING:
    from collections.abc import Mapping

MAX_BYTES = 1024 * 1024
MAX_DEPTH = 10
"""Of includes in includes: PgBouncer's own limit."""
MAX_FILES = 100
_ESCAPE = re.compile(rb"\\(n|r|t|x[0-9a-f]{2})")
_BYTES = {b"n": 10, b"r": 13, b"t": 9}


@dataclass(frozen=True, slots=True)
class Entry:
    """A key, its value, and where it stands."""

    key: str
    value: str
    path: str
    line: int

    def error(self, text: str) -> ConfigError:
        """Return an error that starts with the place."""
        return ConfigError(f"{self.path}:{self.line}: {text}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Database:
    """What clients connect to, with what is set for it, or for all."""

    name: str
    """`*` where the file names none."""
    mode: Entry | None = None
    settings: Mapping[str, Entry] = field(default_factory=dict)
    own: Mapping[str, Entry] = field(default_factory=dict)
    """What its own entry says besides."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PoolerFile:
    """A pooler's configuration, as far as it decides what happens to session state."""

    pooler: str
    path: str
    default_mode: str
    """Where the file sets none."""
    databases: tuple[Database, ...]
    users: tuple[Entry, ...] = ()
    """Users with a mode of their own: name and mode."""


def find_shown(shown: str) -> Path:
    """Return the file that `display_path` shows like this: bytes that are no UTF-8 appear as escapes there."""
    path = Path(shown)
    if path.exists() or "\\" not in shown:
        return path
    raw = _ESCAPE.sub(lambda found: bytes([_BYTES.get(found[1]) or int(found[1][1:], 16)]), shown.encode())
    return Path(os.fsdecode(raw))


class Budget:
    """Reads files, so many and no more."""

    def __init__(self) -> None:
        self._files = 0

    def read(self, path: Path, depth: int = 0) -> str:
        """Return a file's text; raise `ConfigError` where it cannot be read, is too large or included too deeply."""
        shown = display_path(path)
        sought(path)
        self._files += 1
        if depth > MAX_DEPTH or self._files > MAX_FILES:
            raise ConfigError(f"{shown}: too many files included, or in each other")
        try:
            # A pipe or a device might never end.
            if not stat.S_ISREG(path.stat().st_mode):
                raise ConfigError(f"{shown}: is no regular file")
            with path.open("rb") as stream:
                data = stream.read(MAX_BYTES + 1)
        except (OSError, ValueError) as error:
            raise ConfigError(f"{shown}: cannot be read: {getattr(error, 'strerror', None) or error}") from None
        if len(data) > MAX_BYTES:
            raise ConfigError(f"{shown}: larger than {MAX_BYTES:,} bytes")
        try:
            return data.decode("utf-8-sig")
        except UnicodeDecodeError as error:
            line = data.count(b"\n", 0, error.start) + 1
            raise ConfigError(f"{shown}:{line}: is not valid UTF-8") from None
