"""Reports of files, kept in a SQLite database: whole transactions, several runs at once, nothing half written.

Two tables: what stood at each path when it had a certain stamp, and what each content came to under the results' name.
All failures are told in words and end the use of the database, never the run.
"""

from __future__ import annotations

import os
import sqlite3
import time
import zlib
from contextlib import closing, suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from txsafe.cache.stamps import Stamp

FILE = "results.sqlite"
MOST_BYTES = 256 * 1024 * 1024
"""Of the database; the oldest half goes when it has more."""
_PATIENCE = 5.0
"""Seconds that a run waits for another one to finish writing."""
_LARGEST_REPORT = 64 * 1024 * 1024
"""Characters; more is not read, lest a small file fill the memory."""
_DAY = 86_400
_SCHEMA = """
PRAGMA auto_vacuum = FULL;
CREATE TABLE IF NOT EXISTS files (path BLOB PRIMARY KEY, size INT, mtime INT, ctime INT, inode INT, digest TEXT,
  day INT) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS results (name TEXT, path TEXT, digest TEXT, candidate INT, report BLOB, day INT,
  PRIMARY KEY (name, path, digest)) WITHOUT ROWID;
"""


@dataclass(frozen=True, slots=True)
class Result:
    """What a content came to."""

    candidate: bool
    """The gate let it in."""
    report: str | None = None
    """JSON; None where it was not analysed."""


_WITHOUT_REPORT = (Result(candidate=False), Result(candidate=True))
"""Most results are one of these."""


@dataclass(slots=True)
class Store:
    """One database; every method answers with nothing where it cannot be used."""

    folder: str
    troubles: list[str] = field(default_factory=list)
    """What went wrong, for who wants to know."""

    def known_files(self) -> dict[bytes, tuple[Stamp, str]]:
        """Return path → stamp and digest."""
        known: dict[bytes, tuple[Stamp, str]] = {}
        for row in self._read("SELECT path, size, mtime, ctime, inode, digest FROM files"):
            match row:
                case (bytes() as path, int() as size, int() as mtime, int() as ctime, int() as inode, str() as digest):
                    known[path] = (size, mtime, ctime, inode), digest
        return known

    def known_results(self, name: str) -> dict[tuple[str, str], Result]:
        """Return (shown path, digest) → result, of one name; damaged ones are left out."""
        known: dict[tuple[str, str], Result] = {}
        query = "SELECT path, digest, candidate, report FROM results WHERE name = ?"
        for row in self._read(query, name):
            match row:
                case (str() as path, str() as digest, int() as candidate, None):
                    known[path, digest] = _WITHOUT_REPORT[bool(candidate)]
                case (str() as path, str() as digest, int() as candidate, bytes() as packed) if text := _unpack(packed):
                    known[path, digest] = Result(bool(candidate), text)
                case _:
                    self.troubles.append("a kept result is damaged; it is made anew")
        return known

    def write(
        self,
        files: Iterable[tuple[bytes, Stamp, str]],
        results: Iterable[tuple[str, str, Result]],
        *,
        name: str,
        gone: Iterable[bytes] = (),
    ) -> None:
        """Add files and results, and forget files that are gone."""
        day = int(time.time()) // _DAY
        with self._troubled("cannot be written"), closing(self._connect()) as database:
            database.execute("BEGIN IMMEDIATE")
            database.executemany("DELETE FROM files WHERE path = ?", ((path,) for path in gone))
            database.executemany(
                "INSERT OR REPLACE INTO files VALUES (?, ?, ?, ?, ?, ?, ?)",
                ((path, *stamp, digest, day) for path, stamp, digest in files),
            )
            database.executemany(
                "INSERT OR REPLACE INTO results VALUES (?, ?, ?, ?, ?, ?)",
                ((name, path, digest, result.candidate, _pack(result.report), day) for path, digest, result in results),
            )
            database.execute("COMMIT")
            _shrink(database)

    def touch(self, name: str) -> None:
        """Take note that the results of a name are in use, once a day."""
        day = int(time.time()) // _DAY
        if list(self._read("SELECT 1 FROM results WHERE name = ? AND day < ? LIMIT 1", name, day)):
            with self._troubled("cannot be written"), closing(self._connect()) as database:
                database.execute("UPDATE results SET day = ? WHERE name = ?", (day, name))

    # ------------------------------------------------------------ the database

    def _read(self, query: str, *values: str | int) -> Iterator[tuple[object, ...]]:
        """Yield the rows one by one: all of a large tree's at once take as much memory as what is made of them."""
        with self._troubled("cannot be read"), closing(self._connect()) as database:
            yield from database.execute(query, values)

    def _connect(self) -> sqlite3.Connection:
        path = os.path.join(self.folder, FILE)  # noqa: PTH118
        database = sqlite3.connect(path, timeout=_PATIENCE, isolation_level=None)
        try:
            database.execute("PRAGMA trusted_schema = OFF")
            database.execute("PRAGMA synchronous = OFF")  # what a power failure breaks is made anew
            if not database.execute("SELECT 1 FROM sqlite_master WHERE name = 'results'").fetchall():
                database.executescript(_SCHEMA)
        except BaseException:
            database.close()
            raise
        return database

    def _troubled(self, what: str) -> _Trouble:
        return _Trouble(self, what)


@dataclass(slots=True)
class _Trouble:
    """Turns what goes wrong with the database into a note."""

    store: Store
    what: str

    def __enter__(self) -> None:
        return

    def __exit__(self, _kind: object, error: BaseException | None, _trace: object) -> bool:
        if not isinstance(error, sqlite3.Error | OSError | UnicodeDecodeError):
            return False
        self.store.troubles.append(f"{FILE}: {self.what}: {error}")
        damaged = isinstance(error, sqlite3.DatabaseError | UnicodeDecodeError)
        if damaged and not isinstance(error, sqlite3.OperationalError):
            for name in (FILE, f"{FILE}-journal"):  # it is no database, or a broken one
                with suppress(OSError):
                    os.unlink(os.path.join(self.store.folder, name))  # noqa: PTH108, PTH118
        return True


def _shrink(database: sqlite3.Connection) -> None:
    """Forget the older half of what is kept until the rest fits."""
    for _ in range(8):
        (pages,) = database.execute("PRAGMA page_count").fetchone()
        (size,) = database.execute("PRAGMA page_size").fetchone()
        if pages * size <= MOST_BYTES:
            return
        for table in ("results", "files"):
            (count,) = database.execute(f"SELECT count(*) FROM {table}").fetchone()  # noqa: S608  # names of our own
            key = "name, path, digest" if table == "results" else "path"
            database.execute(
                f"DELETE FROM {table} WHERE ({key}) IN"  # noqa: S608
                f" (SELECT {key} FROM {table} ORDER BY day, {key} LIMIT ?)",
                (count // 2 + 1,),
            )


def _pack(report: str | None) -> bytes | None:
    if report is None:
        return None
    data = report.encode("ascii")
    return zlib.crc32(data).to_bytes(4, "big") + zlib.compress(data, 1)


def _unpack(packed: bytes) -> str | None:
    try:
        data = zlib.decompressobj().decompress(packed[4:], _LARGEST_REPORT)
    except zlib.error:
        return None
    if zlib.crc32(data).to_bytes(4, "big") != packed[:4] or not data.isascii():
        return None
    return data.decode("ascii")
