"""`odyssey.conf`: blocks in braces, a user's route in a database's block."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from txsafe.discovery import display_path
from txsafe.poolerconfig.entries import Budget, Database, Entry, PoolerFile

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_TOKEN = re.compile(
    r"(?P<skip>[ \t\r\f\v]+|#[^\n]*)|(?P<newline>\n)|(?P<string>\"[^\"\n]*\")|(?P<brace>[{}])|(?P<word>[^\s{}\"#]+)|."
)
_ROUTES = frozenset({"user", "group"})


class _Reader:
    """Goes through the tokens once; a statement is what stands on a line before a brace or its end."""

    def __init__(self) -> None:
        self.databases: list[Database] = []
        self._budget = Budget()
        self._blocks: list[tuple[str, ...]] = []
        self._general: dict[str, Entry] = {}
        self._own: dict[str, Entry] = {}

    def read(self, path: Path, depth: int = 0) -> None:
        """Read a file and what it includes."""
        for statement, line, ends_with in _list_statements(self._budget.read(path, depth)):
            if len(statement) > 1 and statement[0] == "include" and not self._blocks:
                self.read(path.parent / statement[1], depth + 1)
                continue
            if ends_with == "{":
                self._open(statement)
                continue
            self._take(statement, display_path(path), line)
            if ends_with == "}":
                self._close()

    def _open(self, statement: tuple[str, ...]) -> None:
        self._blocks.append(statement or ("",))
        if len(self._blocks) == 2 and self._blocks[1][0] in _ROUTES:
            self._own = {}

    def _take(self, statement: tuple[str, ...], path: str, line: int) -> None:
        if len(statement) < 2:
            return
        entry = Entry(statement[0], statement[1], path, line)
        if not self._blocks:
            self._general[entry.key] = entry
        elif self._in_route():
            self._own[entry.key] = entry

    def _close(self) -> None:
        if self._in_route():
            settings = {**self._general, **self._own}
            names = [block[1] if len(block) > 1 else "*" for block in self._blocks]
            name = "/".join("*" if name == "default" else name for name in names)
            self.databases.append(
                Database(name=name.removesuffix("/*"), mode=settings.pop("pool", None), settings=settings)
            )
        if self._blocks:
            self._blocks.pop()

    def _in_route(self) -> bool:
        return len(self._blocks) == 2 and self._blocks[0][0] == "database" and self._blocks[1][0] in _ROUTES


def _list_statements(text: str) -> Iterator[tuple[tuple[str, ...], int, str]]:
    """Give words, the line they stand on, and the brace that ends them, if one does."""
    words: list[str] = []
    line = 1
    started = 1
    for token in _TOKEN.finditer(text):
        kind = token.lastgroup
        if kind in {"word", "string"}:
            started = started if words else line
            words.append(token[0].strip('"'))
        elif kind == "brace" or (kind == "newline" and len(words) > 1):
            # A block's name may stand on the line above its brace.
            if kind == "newline" and _brace_follows(text, token.end()):
                line += 1
                continue
            yield tuple(words), started, token[0] if kind == "brace" else ""
            words = []
        if kind == "newline":
            line += 1


_BLANK_THEN_BRACE = re.compile(r"\s*+\{")


def _brace_follows(text: str, start: int) -> bool:
    return _BLANK_THEN_BRACE.match(text, start) is not None


def read_odyssey(path: Path) -> PoolerFile:
    """Read `odyssey.conf`: one database per route, `default` as `*`, a user's after a slash."""
    reader = _Reader()
    reader.read(path)
    databases = tuple(reader.databases) or (Database(name="*"),)
    return PoolerFile(pooler="odyssey", path=display_path(path), default_mode="session", databases=databases)
