# os.path is several times faster than pathlib, and this runs for every entry of every folder.
# ruff: noqa: PTH100, PTH119
"""gitignore patterns in, whether a path matches out.

Plain names, which most excludes are, are looked up in a set; only for the rest is `pathspec` imported.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from txsafe.errors import ConfigError
from txsafe.patterns import later
from txsafe.watching import sought

TYPE_CHECKING = False  # see `txsafe.results`
if TYPE_CHECKING:
    from collections.abc import Iterable

    from pathspec import GitIgnoreSpec

_PLAIN_NAME = later(r"[^*?\[\]!#/\\\s]+")


@dataclass(frozen=True, slots=True)
class Globs:
    """Some patterns; of those that fit a path the last one counts."""

    names: frozenset[str] = frozenset()
    """Where all patterns are plain names."""
    spec: GitIgnoreSpec | None = None
    folder: Path = Path()
    """Where the file of patterns lies."""

    @classmethod
    @lru_cache(maxsize=64)
    def of(cls, patterns: tuple[str, ...]) -> Globs:
        """Return the patterns of an option; raises `ConfigError` where one makes no sense."""
        try:
            return cls._compile(patterns, Path())
        except ValueError as error:
            raise ConfigError(f"not a gitignore pattern: {error}") from error

    @classmethod
    def read(cls, file: Path, *, folder: Path) -> Globs:
        """Return the patterns of a `.gitignore`; none where it cannot be read, as for git."""
        sought(file)
        try:
            text = file.read_bytes().decode("utf-8", "surrogateescape")
        except OSError:
            return cls(folder=folder)
        lines = (line.rstrip("\r") for line in text.removeprefix("\ufeff").split("\n"))
        return cls._compile(tuple(filter(_is_pattern, lines)), folder)

    @classmethod
    def _compile(cls, patterns: tuple[str, ...], folder: Path) -> Globs:
        if all(_PLAIN_NAME.fullmatch(pattern) for pattern in patterns):
            return cls(names=frozenset(patterns), folder=folder)
        from pathspec import GitIgnoreSpec

        return cls(spec=GitIgnoreSpec.from_lines(patterns), folder=folder)

    def match(self, path: str, *, root: Path, is_folder: bool) -> bool | None:
        """Return True for a match, False where a `!` pattern takes one back, None where nothing fits.

        Paths outside of `root` are matched by their full name.
        """
        if self.spec is None:
            return True if self.names and os.path.basename(path) in self.names else None
        prefix = f"{root}{os.sep}"
        relative = path.removeprefix(prefix).lstrip(os.sep).replace(os.sep, "/")
        return self.spec.check_file(f"{relative}/" if is_folder else relative).include


def _is_pattern(line: str) -> bool:
    """Say whether git would take a line for a pattern; it passes over others without a word."""
    if not line or line.startswith("#"):
        return False
    if _PLAIN_NAME.fullmatch(line):
        return True
    from pathspec import GitIgnoreSpec

    try:
        GitIgnoreSpec.from_lines([line])
    except ValueError:
        return False
    return True


def matching(patterns: Iterable[str], path: str, *, root: Path) -> bool:
    """Say whether a file's path matches some patterns of an option; `path` may be relative to the working directory."""
    return bool(Globs.of(tuple(patterns)).match(os.path.abspath(path), root=root, is_folder=False))
