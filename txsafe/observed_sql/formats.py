"""A log's bytes → `Entry`s: stderr with any prefix, csvlog and jsonlog, compressed or not, told by their beginning.

<https://www.postgresql.org/docs/current/runtime-config-logging.html>. Memory does not grow with the file; bytes that
are no UTF-8 become replacement characters; what is no record of a statement is passed over.
"""

from __future__ import annotations

import codecs
import enum
import itertools
import json
import re
from typing import TYPE_CHECKING

from txsafe.errors import ConfigError
from txsafe.observed_sql.entries import Client, Entry
from txsafe.observed_sql.prefix import compile_prefix, detect_prefix
from txsafe.observed_sql.scanning import Scanner

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import BinaryIO

PIECE = 1 << 20
"""Bytes that are read at a time."""
SAMPLE = 1 << 18
"""Characters that a format is told by."""


class LogFormat(enum.StrEnum):
    """How a server writes its log."""

    STDERR = "stderr"
    CSV = "csvlog"
    JSON = "jsonlog"


_STAMP = r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3} [^,\n]{1,32}"
_FIELD = r"(?:\"[^\"]*+(?:\"\"[^\"]*+)*+\"|[^,\"\n]*+)"
_QUOTED = r"[^\"]*+(?:\"\"[^\"]*+)*+"
_CSV_START = re.compile(rf"{_STAMP},")
# Columns: https://www.postgresql.org/docs/current/runtime-config-logging.html#RUNTIME-CONFIG-LOGGING-CSVLOG
_CSV = re.compile(
    rf"{_STAMP},(?P<user>{_FIELD}),(?P<database>{_FIELD}),\d*+,{_FIELD},(?P<session>[0-9a-f.]*+),\d*+,{_FIELD},{_FIELD},"
    rf"(?P<virtual>{_FIELD}),(?P<transaction>{_FIELD}),(?P<severity>[A-Z0-9]*+),[0-9A-Z]*+,"
    rf"(?:\"(?:duration: [\d.]++ ms  )?+(?:statement|execute (?:fetch from )?+(?P<name>[^:\"\n]{{0,200}}+)): "
    rf"(?P<sql>{_QUOTED})\""
    rf"|{_FIELD}),(?:{_FIELD},){{8}}(?P<application>{_FIELD})(?:,{_FIELD}){{0,8}}+(?=\r?\n|\Z)"
)
_JSON_SIGN = re.compile(r"^\{\"timestamp\"", re.MULTILINE)
_JSON_START = re.compile(r"\{")
_JSON = re.compile(r"\{[^\n]*+")
_STDERR_START = re.compile(r"[^\t\n]")
_MESSAGE = re.compile(
    r"(?:duration: [\d.]++ ms  )?+(?:statement|execute (?:fetch from )?+(?P<name>[^:\n]{0,200}+)): (?P<sql>.*)",
    re.DOTALL,
)
_UNNAMED = "<unnamed>"
_UNKNOWN = "[unknown]"
"""What a prefix says instead of an empty name."""
_NO_TRANSACTION = "/0"


class LogReader:
    """Reads one log; what was seen of it is kept beside."""

    def __init__(self, *, prefix: str | None = None, piece: int = PIECE) -> None:
        self._prefix = prefix
        self._piece = piece
        self.format: LogFormat | None = None
        self.prefix: str | None = None
        """The `log_line_prefix` that was given or found, of a log on stderr."""
        self.bytes = 0
        self.statements = 0
        self.unread = 0
        """Beginnings of records that could not be read."""
        self.has_sessions = False
        """Some entry says its session and its transaction."""

    def entries(self, stream: BinaryIO) -> Iterator[Entry]:
        """Yield the statements of a log that is open; raise `ConfigError` where it is no log of PostgreSQL.

        Compressed ones are told by their first bytes. What ends in the middle is read up to there.
        """
        texts = self._decoded(stream)
        sample = ""
        for text in texts:
            sample += text
            if len(sample) >= SAMPLE:
                break
        decode, scanner = self._choose(sample)
        ends: tuple[str | None, ...] = (None,)
        for piece in itertools.chain((sample,), texts, ends):
            for line, found in scanner.feed(piece or "", final=piece is None):
                entry = decode(line, found)
                if entry is not None:
                    self.statements += 1
                    self.has_sessions = self.has_sessions or (entry.session != "" and entry.transaction != "")
                    yield entry
        self.unread += scanner.unread

    def _decoded(self, stream: BinaryIO) -> Iterator[str]:
        decoder = codecs.getincrementaldecoder("utf-8")("replace")
        for data in _pieces(stream, self._piece):
            self.bytes += len(data)
            yield decoder.decode(data)
        yield decoder.decode(b"", final=True)

    def _choose(self, sample: str) -> tuple[_Decode, Scanner]:
        sample = sample[:SAMPLE]
        if self._prefix is None and _count(_CSV, sample):
            self.format = LogFormat.CSV
            return _decode_csv, Scanner(_CSV, _CSV_START)
        if self._prefix is None and _JSON_SIGN.search(sample):
            self.format = LogFormat.JSON
            return _decode_json, Scanner(_JSON, _JSON_START)
        self.format = LogFormat.STDERR
        self.prefix = self._prefix if self._prefix is not None else detect_prefix(sample)
        if self.prefix is None:
            if not sample.strip():
                self.prefix = ""
            else:
                raise ConfigError("no PostgreSQL log that could be told; if it is one, say its --log-line-prefix")
        pattern = compile_prefix(self.prefix)
        return _line_decoder(pattern), Scanner(pattern, _STDERR_START)


if TYPE_CHECKING:
    from collections.abc import Callable

    _Decode = Callable[[int, re.Match[str]], Entry | None]


def _pieces(stream: BinaryIO, size: int) -> Iterator[bytes]:
    first = stream.read(size)
    if first.startswith(b"\x1f\x8b"):
        yield from _decompressed(first, stream, size)
        return
    while first:
        yield first
        first = stream.read(size)


def _decompressed(first: bytes, stream: BinaryIO, size: int) -> Iterator[bytes]:
    """Yield what gzip has packed, member by member; a damaged end is the end."""
    import zlib

    data = first
    unpacker = zlib.decompressobj(wbits=31)
    while data:
        try:
            piece = unpacker.decompress(data, size)
        except zlib.error:
            return
        if piece:
            yield piece
        if unpacker.eof:
            data = unpacker.unused_data or stream.read(size)
            unpacker = zlib.decompressobj(wbits=31)
        else:
            data = unpacker.unconsumed_tail or stream.read(size)


def _count(pattern: re.Pattern[str], sample: str) -> int:
    lines = re.finditer(r"^", sample, re.MULTILINE)
    return sum(pattern.match(sample, line.start()) is not None for line, _ in zip(lines, range(200), strict=False))


def _line_decoder(pattern: re.Pattern[str]) -> _Decode:
    """Return what makes entries of a prefix's matches; parts that the prefix does not have are empty."""
    wanted = ("sql", "severity", "name", "application", "user", "database", "session", "virtual", "transaction")
    session_parts = ("pid", "start") if {"pid", "start"} <= pattern.groupindex.keys() else ()
    present = tuple(name for name in wanted if name in pattern.groupindex)
    absent = dict.fromkeys(wanted)

    def decode(line: int, found: re.Match[str]) -> Entry | None:
        if found["sql"] is None or found["severity"] != "LOG":
            return None
        part = {**absent, **dict(zip(present, found.group(*present), strict=True))}
        session = part["session"] or ""
        if not session and session_parts:
            session = "@".join(found[each] or "" for each in session_parts)
        sql = (part["sql"] or "").replace("\n\t", "\n").rstrip("\r")
        client = Client(_known(part["application"]), _known(part["user"]), _known(part["database"]))
        transaction = _transaction(part["virtual"] or "", part["transaction"] or "", line)
        return Entry(line, sql, _name(part["name"]), client, session, transaction)

    return decode


def _decode_csv(line: int, found: re.Match[str]) -> Entry | None:
    sql = found["sql"]
    if sql is None or found["severity"] != "LOG":
        return None
    client = Client(_unquote(found["application"]), _unquote(found["user"]), _unquote(found["database"]))
    transaction = _transaction(found["virtual"], found["transaction"], line)
    name = _name(found["name"])
    return Entry(line, sql.replace('""', '"'), name, client, found["session"], transaction)


def _decode_json(line: int, found: re.Match[str]) -> Entry | None:
    try:
        record = json.loads(found[0])
    except (ValueError, RecursionError):
        return None
    if not isinstance(record, dict) or record.get("error_severity") != "LOG":
        return None
    message = _MESSAGE.match(_text(record, "message"))
    if message is None:
        return None
    client = Client(_text(record, "application_name"), _text(record, "user"), _text(record, "dbname"))
    transaction = _transaction(_text(record, "vxid"), _text(record, "txid"), line)
    return Entry(line, message["sql"], _name(message["name"]), client, _text(record, "session_id"), transaction)


def _known(name: str | None) -> str:
    return "" if name is None or name == _UNKNOWN else name


def _text(record: dict[str, object], key: str) -> str:
    value = record.get(key)
    return str(value) if isinstance(value, str | int) else ""


def _unquote(text: str) -> str:
    return text[1:-1].replace('""', '"') if text.startswith('"') else text


def _name(text: str | None) -> str:
    """Return the statement's name, of `name/portal`."""
    if text is None or text == _UNNAMED or text.startswith(f"{_UNNAMED}/"):
        return ""
    return text.partition("/")[0]


def _transaction(virtual: str, permanent: str, line: int) -> str:
    """Return what tells a session's transactions apart.

    After its end, as in the line that says how long a statement took, a transaction has the local number 0: then the
    statement was a transaction of its own.
    """
    if virtual and not virtual.endswith(_NO_TRANSACTION):
        return virtual
    if virtual:
        return f"line {line}"
    return permanent if permanent not in {"", "0"} else ""
