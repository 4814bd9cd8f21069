"""Lines of `key = value`, in sections or without: PgBouncer's, pgagroal's and Pgpool-II's files."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from txsafe.discovery import display_path
from txsafe.poolerconfig.entries import Budget, Database, Entry, PoolerFile

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

_SECTION = re.compile(r"\[([^\]]*)\]")
_ENTRY = re.compile(r"(\"(?:[^\"]|\"\")*\"|[^=\s]+)\s*(?:=\s*|\s+)(.*)")
_WORD = re.compile(r"(?<![\w.])([\w.]++)\s*+=\s*+('(?:[^']|'')*+'|\S++)")


@dataclass(frozen=True, slots=True)
class _Line:
    section: str
    entry: Entry


def _read_lines(path: Path, budget: Budget, *, depth: int = 0, section: str = "") -> Iterator[_Line]:
    """Give the entries of a file and of those that it includes; a section goes on over the end of an include."""
    for number, raw in enumerate(budget.read(path, depth).splitlines(), start=1):
        line = raw.strip()
        if not line or line[0] in "#;":
            continue
        if line.lower().startswith("%include"):
            for included in _read_lines(path.parent / line[8:].strip(), budget, depth=depth + 1, section=section):
                section = included.section
                yield included
        elif found := _SECTION.fullmatch(line):
            section = found[1].strip().lower()
        elif found := _ENTRY.fullmatch(line):
            key, value = found.groups()
            yield _Line(section, Entry(_unquote(key, '"'), value.strip(), display_path(path), number))


def _unquote(text: str, quote: str) -> str:
    if len(text) > 1 and text[0] == text[-1] == quote:
        return text[1:-1].replace(quote * 2, quote)
    return text


def _words(entry: Entry) -> Mapping[str, Entry]:
    """Return the parts of a connection string: `host=… pool_mode=session`."""
    return {
        key.lower(): Entry(key.lower(), _unquote(value, "'"), entry.path, entry.line)
        for key, value in _WORD.findall(entry.value)
    }


def read_pgbouncer(path: Path) -> PoolerFile:
    """Read `pgbouncer.ini`; a user's `pool_mode` wins over a database's, that over the general one."""
    settings: dict[str, Entry] = {}
    databases: dict[str, Mapping[str, Entry]] = {}
    users: dict[str, Entry] = {}
    for line in _read_lines(path, Budget()):
        entry = line.entry
        match line.section:
            case "pgbouncer":
                settings[entry.key.lower()] = entry
            case "databases":
                databases[entry.key] = _words(entry)
            case "users":
                if mode := _words(entry).get("pool_mode"):
                    users[entry.key] = Entry(entry.key, mode.value.lower(), entry.path, entry.line)
            case _:
                pass
    general = settings.pop("pool_mode", None)
    return PoolerFile(
        pooler="pgbouncer",
        path=display_path(path),
        default_mode="session",
        databases=tuple(
            Database(name=name, mode=_pgbouncer_mode(words, users) or general, settings=settings, own=words)
            for name, words in (databases or {"*": {}}).items()
        ),
        users=tuple(users.values()),
    )


def _pgbouncer_mode(words: Mapping[str, Entry], users: Mapping[str, Entry]) -> Entry | None:
    """Return what a database says, or the user whom all its clients become."""
    forced = words.get("user")
    if forced is not None and forced.value in users:
        return users[forced.value]
    return words.get("pool_mode")


def read_pgagroal(path: Path) -> PoolerFile:
    """Read `pgagroal.conf`; any pipeline but `transaction` keeps a connection for a session."""
    settings = {
        line.entry.key.lower(): line.entry for line in _read_lines(path, Budget()) if line.section == "pgagroal"
    }
    pipeline = settings.pop("pipeline", None)
    mode = None
    if pipeline is not None:
        value = "transaction" if pipeline.value.lower() == "transaction" else "session"
        mode = Entry("pipeline", value, pipeline.path, pipeline.line)
    database = Database(name="*", mode=mode, settings=settings)
    return PoolerFile(pooler="pgagroal", path=display_path(path), default_mode="session", databases=(database,))


def read_pgpool(path: Path) -> PoolerFile:
    """Read `pgpool.conf`, which knows no modes; a value may be quoted and followed by a comment."""
    settings = {}
    for line in _read_lines(path, Budget()):
        entry = line.entry
        quoted = re.match(r"'((?:[^'\\]|''|\\.)*)'", entry.value)
        value = quoted[1].replace("''", "'") if quoted else entry.value.partition("#")[0].strip()
        settings[entry.key.lower()] = Entry(entry.key, value, entry.path, entry.line)
    database = Database(name="*", settings=settings)
    return PoolerFile(pooler="pgpool-ii", path=display_path(path), default_mode="session", databases=(database,))
