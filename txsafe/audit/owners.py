"""A CODEOWNERS file and paths come in, the paths' owners go out: the last pattern that fits counts.

A pattern is one of `.gitignore`, but for `!` and `[…]`, which neither platform knows: such a line says nothing. A
pattern without owners takes its files from everybody. GitLab's headings (`[Docs][2] @team`) give their owners to the
patterns below them that name none.

https://docs.github.com/en/repositories/managing-your-repositorys-settings-and-features/customizing-your-repository/about-code-owners
https://docs.gitlab.com/user/project/codeowners/reference/
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from txsafe.errors import SourceError
from txsafe.source import read_bytes

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from pathspec import PathSpec
    from pathspec.pattern import Pattern

PLACES = (".github/CODEOWNERS", ".gitlab/CODEOWNERS", "CODEOWNERS", "docs/CODEOWNERS")
"""Below the project's root; the first that is there counts."""
MAX_BYTES = 3 * 1024 * 1024
"""GitHub does not load a larger one."""
_HEADING = re.compile(r"\^?\[[^\]]+\](?:\[\d+\])?")
_WORD = re.compile(r"(?:[^\s\\]|\\.)+")
_COMMENT = re.compile(r"(?:^|\s)#.*")


@dataclass(frozen=True, slots=True)
class CodeOwners:
    """What a CODEOWNERS file says."""

    path: str
    spec: PathSpec[Pattern]
    """Of all patterns, in order."""
    owners: Sequence[tuple[str, ...]]
    """Of each pattern."""

    def find(self, path: str) -> tuple[str, ...]:
        """Return the owners of a path that is relative to the project's root."""
        index = self.spec.check_file(path).index
        return () if index is None else self.owners[index]


def read_owners(root: Path) -> CodeOwners | None:
    """Return what the project's CODEOWNERS says; None where there is none, or none that can be read."""
    for place in PLACES:
        file = root / place
        if file.is_file():
            try:
                data = read_bytes(file, limit=MAX_BYTES)
            except SourceError:
                return None
            return parse_owners(data.decode("utf-8", "replace"), path=place)
    return None


def parse_owners(text: str, *, path: str = "CODEOWNERS") -> CodeOwners:
    """Return what the text of a CODEOWNERS file says."""
    from pathspec import PathSpec

    lines = tuple(_list_lines(text))
    spec = PathSpec.from_lines("gitignore", (pattern for pattern, _ in lines))
    return CodeOwners(path=path, spec=spec, owners=tuple(owners for _, owners in lines))


def _list_lines(text: str) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Give each pattern and its owners."""
    fallback: tuple[str, ...] = ()
    for raw in text.removeprefix("\ufeff").splitlines():
        line = _COMMENT.sub("", raw).strip()
        heading = _HEADING.match(line)
        if heading is not None:
            fallback = tuple(_WORD.findall(line[heading.end() :]))
            continue
        words = _WORD.findall(line)
        if words and _is_pattern(words[0]):
            yield words[0], tuple(words[1:]) or fallback


def _is_pattern(word: str) -> bool:
    """Tell whether a word is a pattern on both platforms, and one that gitignore rules can read."""
    if word.startswith("!") or "[" in word:
        return False
    from pathspec import PathSpec

    try:
        PathSpec.from_lines("gitignore", [word])
    except ValueError:
        return False
    return True
