"""A pooler's own configuration file comes in; the profile that it makes, and what is wrong with it, go out."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from txsafe.discovery import display_path
from txsafe.errors import ConfigError
from txsafe.poolerconfig.entries import Budget, PoolerFile

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["PoolerFile", "read_pooler_file"]

_NAMES = {
    "pgbouncer": "pgbouncer",
    "odyssey": "odyssey",
    "pgcat": "pgcat",
    "pgdog": "pgdog",
    "pgagroal": "pgagroal",
    "pgpool": "pgpool-ii",
}
"""Part of a file's name → pooler."""
_MARKS = (
    ("pgbouncer", re.compile(r"^[ \t]*\[pgbouncer\]", re.MULTILINE | re.IGNORECASE)),
    ("pgagroal", re.compile(r"^[ \t]*\[pgagroal\]", re.MULTILINE | re.IGNORECASE)),
    ("pgcat", re.compile(r"^[ \t]*\[pools\.", re.MULTILINE)),
    ("pgdog", re.compile(r"^[ \t]*\[\[databases\]\]", re.MULTILINE)),
    ("odyssey", re.compile(r"^[ \t]*storage\s+\"", re.MULTILINE)),
    ("pgpool-ii", re.compile(r"^[ \t]*backend_hostname0\b", re.MULTILINE)),
)
"""What stands in files of another name."""


def read_pooler_file(path: Path) -> PoolerFile:
    """Read a pooler's configuration file, and those that it includes.

    Raises `ConfigError`, with the place where there is one.
    """
    match _tell_pooler(path):
        case "pgbouncer":
            from txsafe.poolerconfig.ini import read_pgbouncer as read
        case "pgagroal":
            from txsafe.poolerconfig.ini import read_pgagroal as read
        case "pgpool-ii":
            from txsafe.poolerconfig.ini import read_pgpool as read
        case "odyssey":
            from txsafe.poolerconfig.odyssey import read_odyssey as read
        case "pgcat":
            from txsafe.poolerconfig.toml import read_pgcat as read
        case _:
            from txsafe.poolerconfig.toml import read_pgdog as read
    return read(path)


def _tell_pooler(path: Path) -> str:
    text = Budget().read(path)
    marked = (pooler for pooler, mark in _MARKS if mark.search(text))
    named = (pooler for part, pooler in _NAMES.items() if part in path.name.lower())
    found = next(marked, None) or next(named, None)
    if found is None:
        raise ConfigError(f"{display_path(path)}: cannot be told to be a file of {', '.join(_NAMES.values())}")
    return found
