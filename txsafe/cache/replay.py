# os.path is several times faster than pathlib; this is all that a run of which nothing has changed imports.
# ruff: noqa: PTH100, PTH103, PTH105, PTH109, PTH110, PTH114, PTH118, PTH120, PTH123
# ruff: noqa: PTH208
"""A command line in; its output and exit status out, where an earlier run saw the same things and did nothing else.

A run leaves a record: its command line and circumstances, every path that it looked at (`watching`) with its stamp,
what it wrote to standard output and to files, its exit status. Where all stamps are still the same and the files still
hold what was written, it would say the same again. What was not there is looked for only where the stamp of the folder
above would not tell that it is there now.
"""

from __future__ import annotations

import os
import struct
import sys
import time
import zlib

from txsafe.cache.folder import NAME, VERSION, forget, is_ours
from txsafe.cache.stamps import ABSENT, LARGEST_INODE, is_settled, stamp

TYPE_CHECKING = False  # `typing` takes as long to load as a thousand files to look at
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from txsafe.watching import Watch

_MAGIC = b"txsafe-run-2"
_RUNS = "runs"
MOST_RUNS = 64
"""Records that are kept; the oldest goes."""
MOST_BYTES = 32_000_000
"""Of one record."""
ENVIRONMENT = (
    "CLICOLOR_FORCE", "COLUMNS", "FORCE_COLOR", "GITHUB_ACTIONS", "LINES", "NO_COLOR", "PYTHONIOENCODING",
    "PYTHONUTF8", "SOURCE_DATE_EPOCH", "TERM", "TXSAFE_CACHE_DIR", "TXSAFE_NO_CACHE",
    "_TXSAFE_COMPLETE",
)  # fmt: skip
"""Variables that a run looks at."""
_CACHE_FLAG = "--cache-dir"
_CONFIG_FLAG = "--config"
_CONFIG_FILES = ("txsafe.toml", "pyproject.toml")
_CACHE_KEY = b"cache-dir"
_LARGEST_CONFIG = 1_000_000
"""Bytes."""
_REPOSITORY_MARKS = (".git", ".hg", ".svn", ".jj")
_DAY = 86_400
_STAMP = struct.Struct("<4q")
_SUMMARY = struct.Struct("<3Q")
"""Of a content: its length and two sums over it."""
_PARTS = 7


def replay(arguments: Sequence[str]) -> int | None:
    """Say what an earlier run said, and return its exit status; None where that has to be found out."""
    if "--no-cache" in arguments or os.environ.get("TXSAFE_NO_CACHE"):
        return None
    try:
        circumstances = _describe(arguments)
        for folder in _find_folders(arguments):
            found = _read(os.path.join(folder, VERSION, _RUNS, _name(circumstances)), circumstances)
            if found is not None:
                status, output = found
                _write(output)
                return status
    except (OSError, ValueError, OverflowError, struct.error):
        return None
    return None


def record(place: str, arguments: Sequence[str], watch: Watch, *, status: int, started: float) -> None:
    """Keep what a run did, if it can be repeated by saying it again; `started` is when it began to look (seconds)."""
    stamps = {path: stamp(path) for path in sorted(watch.seen | watch.sought)}
    there = {path: found for path, found in stamps.items() if found != ABSENT}
    if not watch.seen <= there.keys() or not all(is_settled(found, started) for found in there.values()):
        return
    absent = sorted({_first_absent(path) for path in stamps.keys() - there.keys()})
    circumstances = _describe(arguments)
    parts = (
        circumstances,
        _join(there),
        b"".join(_STAMP.pack(*found) for found in there.values()),
        _join(path for path in absent if os.path.dirname(path) not in there or os.path.islink(path)),
        "".join(watch.output).encode("utf-8", "surrogatepass"),
        b"\0".join(map(os.fsencode, watch.written)),
        b"".join(map(_summarize, watch.written.values())),
    )
    folder = os.path.join(place, _RUNS)
    try:
        os.makedirs(folder, exist_ok=True)
        _keep(os.path.join(folder, _name(circumstances)), _pack(status, parts))
        _forget_oldest(folder)
    except OSError:
        return


def _first_absent(path: str) -> str:
    """Return the outermost part of a path that is not there: the rest cannot come before it."""
    above = os.path.dirname(path)
    while above not in {path, ""} and not os.path.lexists(above):
        path, above = above, os.path.dirname(above)
    return path


def _join(paths: Iterable[str]) -> bytes:
    here = os.path.join(os.getcwd(), "")
    return b"\0".join(os.fsencode(path.removeprefix(here) or ".") for path in paths)  # a short way is walked sooner


def _split(paths: bytes) -> list[bytes]:
    return paths.split(b"\0") if paths else []


def _describe(arguments: Sequence[str]) -> bytes:
    """Return all that a run depends on beside what it looks at."""
    stdout = sys.stdout
    is_terminal = stdout is not None and stdout.isatty()
    parts = (
        *arguments,
        os.getcwd(),
        str(getattr(os, "getuid", int)()),  # who may read what
        *(f"{name}={os.environ.get(name)}" for name in ENVIRONMENT),
        f"{is_terminal} {stdout.encoding if is_terminal else ''} {_columns() if is_terminal else ''}",
        sys.version,
        os.path.abspath(__file__),
        str(int(time.time()) // _DAY),  # a suppression may expire
    )
    return "\0".join(parts).encode("utf-8", "surrogateescape")


def _columns() -> int:
    try:
        return os.get_terminal_size(sys.__stdout__.fileno() if sys.__stdout__ else 1).columns
    except OSError:
        return 0


def _name(circumstances: bytes) -> str:
    return f"{zlib.crc32(circumstances):08x}{zlib.adler32(circumstances):08x}"


def _find_folders(arguments: Sequence[str]) -> Iterator[str]:
    """Yield the folders where a record may lie: what was named, else from the first path and from here upwards."""
    named = os.environ.get("TXSAFE_CACHE_DIR")
    for number, argument in enumerate(arguments):
        if argument == _CACHE_FLAG and number + 1 < len(arguments):
            named = arguments[number + 1]
        elif argument.startswith(f"{_CACHE_FLAG}="):
            named = argument.partition("=")[2]
    if named is not None:
        yield named
        return
    for number, argument in enumerate(arguments[:-1]):
        if argument == _CONFIG_FLAG:
            yield from _find_configured(arguments[number + 1])
    first = next((each for each in arguments if not each.startswith("-") and os.path.exists(each)), ".")
    for start in dict.fromkeys((os.path.abspath(first), os.getcwd())):
        folder = start
        while True:
            cache = os.path.join(folder, NAME)
            if is_ours(cache):
                yield cache
            for name in _CONFIG_FILES:
                yield from _find_configured(os.path.join(folder, name))
            above = os.path.dirname(folder)
            if above == folder or any(os.path.exists(os.path.join(folder, mark)) for mark in _REPOSITORY_MARKS):
                break
            folder = above


def _find_configured(file: str) -> Iterator[str]:
    """Yield what a configuration file seems to name as the cache's folder; a record there speaks for itself.

    `tomllib` takes as long to load as two thousand files to look at.
    """
    try:
        with open(file, "rb") as stream:
            data = stream.read(_LARGEST_CONFIG)
    except OSError:
        return
    for line in data.splitlines() if _CACHE_KEY in data else ():
        key, _, value = line.partition(b"=")
        value = value.strip()
        if key.strip(b" \t\"'").endswith(_CACHE_KEY) and value[:1] in {b'"', b"'"}:
            named = value[1:].partition(value[:1])[0]
            yield os.path.join(os.path.dirname(os.path.abspath(file)), os.fsdecode(named))


# ---------------------------------------------------------------- a record


def _pack(status: int, parts: Sequence[bytes]) -> bytes:
    body = b"".join(parts)
    numbers = (zlib.crc32(body), status, *map(len, parts))
    return b" ".join((_MAGIC, *(str(number).encode() for number in numbers))) + b"\n" + body


def _unpack(data: bytes) -> tuple[int, list[bytes]] | None:
    head, _, body = data.partition(b"\n")
    magic, *numbers = head.split(b" ")
    if magic != _MAGIC or len(numbers) != 2 + _PARTS:
        return None
    checksum, status, *lengths = map(int, numbers)
    if zlib.crc32(body) != checksum or sum(lengths) != len(body) or min(lengths) < 0:
        return None
    parts = []
    start = 0
    for length in lengths:
        parts.append(body[start : start + length])
        start += length
    return status, parts


def _read(path: str, circumstances: bytes) -> tuple[int, str] | None:
    try:
        with open(path, "rb") as file:
            data = file.read(MOST_BYTES + 1)
    except OSError:
        return None
    unpacked = _unpack(data)
    if unpacked is None:
        return None
    status, (known, paths, stamps, absent, output, written, summaries) = unpacked
    if known != circumstances or not _are_unchanged(_split(paths), stamps):
        return None
    if any(stamp(path) != ABSENT for path in _split(absent)):
        return None
    return (status, output.decode("utf-8", "surrogatepass")) if _are_there(written, summaries) else None


def _are_unchanged(paths: Sequence[bytes], stamps: bytes) -> bool:
    if len(stamps) != _STAMP.size * len(paths):
        return False
    look = os.stat  # written out: this loop is most of what a run takes of which nothing has changed
    for path, (size, mtime, ctime, inode) in zip(paths, _STAMP.iter_unpack(stamps), strict=True):
        found = look(path)
        if found.st_mtime_ns != mtime or found.st_ctime_ns != ctime or found.st_size != size:
            return False
        if found.st_ino & LARGEST_INODE != inode:
            return False
    return True


def _are_there(written: bytes, summaries: bytes) -> bool:
    """Tell whether the reports that the run wrote to files still stand there."""
    for path, known in zip(_split(written), _SUMMARY.iter_unpack(summaries), strict=True):
        with open(path, "rb") as file:
            if _summarize(file.read()) != _SUMMARY.pack(*known):
                return False
    return True


def _summarize(data: bytes) -> bytes:
    return _SUMMARY.pack(len(data), zlib.crc32(data), zlib.adler32(data))


def _keep(path: str, data: bytes) -> None:
    if len(data) > MOST_BYTES:
        return
    own = f"{path}.{os.getpid()}"
    try:
        with open(own, "wb") as file:
            file.write(data)
        os.replace(own, path)
    except OSError:
        forget(own)
        raise


def _forget_oldest(folder: str) -> None:
    paths = [os.path.join(folder, name) for name in os.listdir(folder)]
    if len(paths) > MOST_RUNS:
        paths.sort(key=lambda path: stamp(path)[1])
        for path in paths[: len(paths) - MOST_RUNS]:
            forget(path)


def _write(text: str) -> None:
    """Write as `cli.terminal.write_output` does."""
    stdout = sys.stdout
    try:
        if stdout.isatty():
            encoding = stdout.encoding or "utf-8"
            stdout.write(text.encode(encoding, "backslashreplace").decode(encoding))
            stdout.flush()
        else:
            stdout.buffer.write(text.encode("utf-8", "backslashreplace"))
            stdout.buffer.flush()
    except BrokenPipeError:
        devnull = os.open(os.devnull, os.O_WRONLY)
        os.dup2(devnull, stdout.fileno())
        os.close(devnull)
