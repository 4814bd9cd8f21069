"""Bytes in, `SourceFile` out: which language a file is in, how it is encoded, where its lines start.

Python files are decoded as PEP 263 says, SQL files and settings as `psql` would meet them: UTF-8, a byte-order mark's
encoding, or else Windows-1252 and Latin-1, which old dumps use without saying so. What cannot be decoded is a
`SourceError` with its line.
"""

from __future__ import annotations

import codecs
import enum
import itertools
import os
import re
import stat

from txsafe.errors import SourceError
from txsafe.patterns import later
from txsafe.watching import saw, sought

TYPE_CHECKING = False  # see `txsafe.results`
if TYPE_CHECKING:
    from pathlib import Path

    from txsafe.model import SourceFile

PYTHON_SUFFIXES = (".py", ".pyi", ".pyw")
SQL_SUFFIXES = (".sql", ".psql", ".pgsql", ".sql.j2", ".sql.jinja", ".sql.jinja2")

_LINE_END = later(r"\r\n|\r|\n")
_LINE_END_BYTES = later(rb"\r\n|\r|\n")
_COOKIE = later(rb"[ \t\f]*#[^\r\n]*?coding[:=][ \t]*([-\w.]+)", re.ASCII)
_BLANK_OR_COMMENT = later(rb"[ \t\f]*(?:#[^\r\n]*)?(?:\r\n|\r|\n)")
_PYTHON_SHEBANG = later(rb"#![^\r\n]*python")

# The longer marks first: UTF-32's begins with UTF-16's.
_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)

# No source is written in these; some take quadratic time, and none gives its bytes back.
_NOT_FOR_SOURCE = frozenset({"punycode", "idna", "undefined", "unicode-escape", "raw-unicode-escape"})


class SettingsFormat(enum.StrEnum):
    """How a file of settings is written."""

    ENV = "env"
    INI = "ini"
    PROPERTIES = "properties"
    TOML = "toml"
    YAML = "yaml"


_SETTINGS_SUFFIXES = {
    ".env": SettingsFormat.ENV,
    ".envrc": SettingsFormat.ENV,
    ".ini": SettingsFormat.INI,
    ".properties": SettingsFormat.PROPERTIES,
    ".toml": SettingsFormat.TOML,
    ".yaml": SettingsFormat.YAML,
    ".yml": SettingsFormat.YAML,
}


class FileKind(enum.StrEnum):
    """The language that a file is read as."""

    PYTHON = "python"
    SQL = "sql"
    SETTINGS = "settings"
    """One of the formats of `SettingsFormat`."""


_PLAIN = frozenset({FileKind.SQL, FileKind.SETTINGS})
"""What declares no encoding of its own."""


def file_kind(name: str) -> FileKind | None:
    """Return what a file's name says that it is; None where it says nothing that is analysed."""
    lowered = name.lower()
    if lowered.endswith(PYTHON_SUFFIXES):
        return FileKind.PYTHON
    if lowered.endswith(SQL_SUFFIXES):
        return FileKind.SQL
    return None if settings_format(name) is None else FileKind.SETTINGS


def settings_format(name: str) -> SettingsFormat | None:
    """Return how a file is written whose name says that it may hold settings; `.env.production` counts, too."""
    base = name.rpartition("/")[2].lower()
    if base.startswith(".env."):
        return SettingsFormat.ENV
    return _SETTINGS_SUFFIXES.get(base[base.rfind(".") :] if "." in base else "")


def is_python_script(head: bytes) -> bool:
    """Say whether a file without a telling name starts with a `#!` line for Python."""
    return _PYTHON_SHEBANG.match(head) is not None


def read_source(path: Path, *, display: str, limit: int) -> SourceFile:
    """Read and decode one file of at most `limit` bytes.

    Raises `SourceError`: it cannot be read, is no regular file, is too large or cannot be decoded.
    """
    return decode(read_bytes(path, limit=limit), display)


def read_bytes(path: Path, *, limit: int) -> bytes:
    """Return the content of a regular file of at most `limit` bytes; never blocks on a pipe or a device.

    Raises `SourceError`: it cannot be read, is no regular file or is larger.
    """
    try:
        # O_NONBLOCK: opening a FIFO without a writer would wait for ever.
        descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
        with os.fdopen(descriptor, "rb") as file:
            if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                sought(path)
                raise SourceError("not a regular file")
            data = file.read(limit + 1)
    except (OSError, ValueError) as error:  # ValueError: a NUL in the name
        sought(path)
        raise SourceError(f"cannot be read: {_cause(error)}") from error
    saw(path)
    if len(data) > limit:
        raise SourceError(f"larger than max-file-size ({limit} bytes); not analysed")
    return data


def _cause(error: OSError | ValueError) -> str:
    return (error.strerror if isinstance(error, OSError) else None) or str(error)


def decode(data: bytes, path: str) -> SourceFile:
    """Decode the bytes of the file that is shown as `path`; its name says whether it is SQL, else it is Python.

    Raises `SourceError`: the bytes are not text in the encoding that they claim, or hold NUL.
    """
    encoding, bom = _sql_encoding(data) if file_kind(path) in _PLAIN else _python_encoding(data)
    mark = _mark(encoding) if bom else b""
    try:
        text = data[len(mark) :].decode(encoding)
    except UnicodeDecodeError as error:
        where = len(mark) + error.start
        raise SourceError(f"byte 0x{data[where]:02x} is not valid {encoding}", _line_of(data, where)) from error
    except UnicodeError as error:
        raise SourceError(f"not valid {encoding}: {error}") from error
    from txsafe.model import SourceFile  # most files are only searched, not decoded

    nul = text.find("\0")
    if nul >= 0:
        raise SourceError("holds a NUL character", len(_LINE_END.findall(text, 0, nul)) + 1)
    return SourceFile(path=path, text=text, encoding=encoding, bom=bom, line_starts=line_starts(text))


def encode(source: SourceFile, text: str) -> bytes:
    """Return the bytes of a changed text in the encoding and with the byte-order mark that the file had.

    Raises `SourceError`: the file's encoding cannot spell the text.
    """
    mark = _mark(source.encoding) if source.bom else b""
    try:
        return mark + text.encode(source.encoding)
    except UnicodeEncodeError as error:
        raise SourceError(f"{text[error.start]!r} cannot be written in {source.encoding}") from error


def line_starts(text: str) -> tuple[int, ...]:
    r"""Return the offset of each line; only `\r\n`, `\r` and `\n` end one, as in Python and PostgreSQL."""
    if "\r" in text:
        return (0, *(match.end() for match in _LINE_END.finditer(text)))
    return (0, *itertools.accumulate(len(line) + 1 for line in text.split("\n")[:-1]))


def _mark(encoding: str) -> bytes:
    return next(mark for mark, name in _MARKS if name == encoding)


def _line_of(data: bytes, offset: int) -> int:
    return len(_LINE_END_BYTES.findall(data, 0, offset)) + 1


def _python_encoding(data: bytes) -> tuple[str, bool]:
    """Follow PEP 263, <https://peps.python.org/pep-0263/>."""
    bom = data.startswith(codecs.BOM_UTF8)
    cookie, line = _find_cookie(data[3:] if bom else data)
    if cookie is None:
        return "utf-8", bom
    encoding = _known_encoding(cookie, line)
    if bom and encoding != "utf-8":
        raise SourceError(f"has a UTF-8 byte-order mark but claims to be {cookie}", line)
    return encoding, bom


def _find_cookie(data: bytes) -> tuple[str | None, int]:
    match = _COOKIE.match(data)
    if match is not None:
        return match[1].decode("ascii"), 1
    first = _BLANK_OR_COMMENT.match(data)
    match = _COOKIE.match(data, first.end()) if first is not None else None
    return (match[1].decode("ascii"), 2) if match is not None else (None, 0)


def _known_encoding(cookie: str, line: int) -> str:
    try:
        name = codecs.lookup(cookie).name.replace("_", "-")
        if name in _NOT_FOR_SOURCE or name.startswith(("utf-16", "utf-32")):
            raise SourceError(f"encoding {cookie!r} is not possible in a Python file", line)
        b" ".decode(cookie)  # refuses what is no text encoding, such as zlib
    except (LookupError, UnicodeError) as error:
        raise SourceError(f"unknown encoding {cookie!r}", line) from error
    return "utf-8" if name == "utf-8-sig" else name


def _sql_encoding(data: bytes) -> tuple[str, bool]:
    for mark, encoding in _MARKS:
        if data.startswith(mark):
            return encoding, True
    for encoding in ("utf-8", "cp1252"):
        try:
            data.decode(encoding)
        except UnicodeDecodeError:
            continue
        return encoding, False
    return "iso8859-1", False
