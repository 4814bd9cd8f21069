# os.path is several times faster than pathlib, and this looks at hundreds of files.
# ruff: noqa: PTH100, PTH109, PTH116, PTH118, PTH120
"""A configuration and an installation in, the name of all results that they have in common out.

An option counts unless it is listed as one that only concerns what is shown, so that a new option cannot be forgotten.
"""

from __future__ import annotations

import hashlib
import importlib.util
import os
import sys
from dataclasses import fields
from typing import TYPE_CHECKING

from txsafe import __version__
from txsafe.watching import saw, sought

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from txsafe.config import Config
    from txsafe.model import Keeps, Profile

ONLY_SHOWN = frozenset(
    {
        "select", "ignore", "per_file_ignores", "severity", "fail_on", "min_confidence", "require_full_coverage",
        "exit_zero", "baseline", "since", "force_exclude", "format", "output_file", "output", "statistics", "color",
        "cache", "cache_dir", "jobs", "quiet", "verbose", "pooler_config", "pooler_database", "file",
    }
)  # fmt: skip
"""Options that do not reach the analysis of a file; what a pooler's own file says has become profile and settings."""
_PARSERS = ("libcst", "sqlglot")


def name_results(config: Config, *, profile: Profile, keeps: Keeps) -> str:
    """Return what tells the results of these circumstances from those of others."""
    counted = [(item.name, _plain(getattr(config, item.name))) for item in fields(config)]
    parts = (
        [pair for pair in counted if pair[0] not in ONLY_SHOWN],
        (profile.name, profile.pooler, profile.version, profile.mode, sorted(profile.settings.items())),
        keeps.name,
        sorted(_hashed(config.rule_paths)),
        sorted(_hashed(config.profile_files)),
        os.getcwd(),
        (sys.version, sys.platform),
        [_installed(parser) for parser in _PARSERS],
        name_installation(),
    )
    return hashlib.blake2b(repr(parts).encode("utf-8", "backslashreplace"), digest_size=16).hexdigest()


def _plain(value: object) -> object:
    """Return what has the same `repr` whenever it is equal."""
    return sorted(value.items()) if hasattr(value, "items") else value


def _hashed(paths: Iterable[Path]) -> Iterator[tuple[str, str]]:
    for path in paths:
        sought(path)
        for file in sorted(path.rglob("*.yaml")) if path.is_dir() else [path]:
            sought(file.parent)
            sought(file)
            try:
                yield str(file), hashlib.blake2b(file.read_bytes()).hexdigest()
            except OSError as error:
                yield str(file), str(error.strerror)


def _installed(package: str) -> tuple[object, ...]:
    """Return what changes when another version of a package is installed."""
    found = importlib.util.find_spec(package)
    if found is None or found.origin is None:
        return (package,)
    return package, found.origin, *_size_and_time(os.path.join(os.path.dirname(found.origin), "_version.py"))


def _size_and_time(path: str) -> tuple[int, int]:
    sought(path)
    try:
        found = os.stat(path)
    except OSError:
        return 0, 0
    return found.st_size, found.st_mtime_ns


def name_installation() -> str:
    """Return what changes when txsafe or its rules do, be it by a line in a checkout."""
    seen = [(path, *_size_and_time(path)) for path in list_installation()]
    return hashlib.blake2b(repr((__version__, seen)).encode("utf-8", "backslashreplace"), digest_size=16).hexdigest()


def list_installation() -> list[str]:
    """Return the files that txsafe is made of, sorted."""
    package = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    found: list[str] = []
    for folder in (package, os.path.join(os.path.dirname(package), "rules")):
        for where, folders, files in os.walk(folder):
            folders[:] = [name for name in folders if name != "__pycache__"]
            if not any(name.endswith(".py") for name in files):
                saw(where)  # rules are what is there; a new module counts where another names it, which changes then
            found += (os.path.join(where, name) for name in files if name.endswith((".py", ".yaml")))
    return sorted(found)
