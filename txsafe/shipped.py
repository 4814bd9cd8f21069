# os.path is several times faster than pathlib, and this runs at every start.
# ruff: noqa: PTH105, PTH108, PTH116, PTH118, PTH120, PTH123
"""Where the shipped rules are; and what they come to, kept as Python keeps its compiled modules.

In: a name and the function that makes plain data from the rules. Out: that data, from `__pycache__` where it was made
from the same sources. It is a copy that can be deleted at any time; where it cannot be written, there is none.
`PYTHONPYCACHEPREFIX` counts as it does for modules; where `PYTHONDONTWRITEBYTECODE` forbids to compile those, no folder
is made, but one that the installer has made is used.
"""

from __future__ import annotations

import marshal
import os
import sys
import zlib
from contextlib import suppress

from txsafe import __version__
from txsafe.errors import CatalogError

TYPE_CHECKING = False  # see `txsafe.results`
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import TypeAlias

Plain: TypeAlias = "str | int | bytes | tuple[Plain, ...] | list[Plain] | dict[str, Plain] | None"
"""What `marshal` keeps without knowing any class."""

_PACKAGE = os.path.dirname(os.path.abspath(__file__))  # noqa: PTH100
_MAKERS = ("catalog", "profiles.py")
"""The modules that make what is kept: of the package, where a checkout may change them."""
_CHECKSUM_BYTES = 4


def rules_folder() -> str:
    """Return the folder of the shipped rules: inside the package where a wheel put them, beside it in a checkout."""
    inside = os.path.join(_PACKAGE, "_rules")
    for folder in (inside, os.path.join(os.path.dirname(_PACKAGE), "rules")):
        if os.path.isfile(os.path.join(folder, "postgresql.yaml")):  # noqa: PTH113
            return folder
    raise CatalogError(f"{inside}:0: the shipped rules are missing: install txsafe anew")


def kept(name: str, make: Callable[[], Plain]) -> Plain | None:
    """Return what `make` makes of the shipped rules, from an earlier run if there was one.

    None where nothing can be kept: to make all of it for one run would take longer than what that run needs.
    """
    folder = os.path.dirname(__spec__.cached or "")
    if not folder or (sys.dont_write_bytecode and not os.path.isdir(folder)):  # noqa: PTH112
        return None
    path = os.path.join(folder, f"{name}.{sys.implementation.cache_tag}.rules")
    sources = _stamp_sources(rules_folder())
    found = _read(path)
    if found is not None and found[0] == sources:
        return found[1]
    if not _can_be_written(folder):
        return None
    made = make()
    _write(path, (sources, made))
    return made


def _can_be_written(folder: str) -> bool:
    try:
        os.makedirs(folder, exist_ok=True)  # noqa: PTH103
    except OSError:
        return False
    return os.access(folder, os.W_OK)


def _stamp_sources(rules: str) -> bytes:
    """Return what changes when a source does, or is added or removed."""
    folders = (rules, *(os.path.join(_PACKAGE, maker) for maker in _MAKERS))
    return repr((__version__, rules, sorted(stamp for folder in folders for stamp in _stamps(folder)))).encode()


def _stamps(path: str) -> Iterator[tuple[str, int, int]]:
    if path.endswith(".py"):
        found = os.stat(path)
        yield path, found.st_size, found.st_mtime_ns
        return
    with os.scandir(path) as entries:
        for entry in entries:
            if entry.name.endswith((".yaml", ".py")):
                found = entry.stat()
                yield entry.path, found.st_size, found.st_mtime_ns
            elif "." not in entry.name and entry.name != "__pycache__" and entry.is_dir():
                yield from _stamps(entry.path)


def _read(path: str) -> tuple[bytes, Plain] | None:
    try:
        with open(path, "rb") as file:
            data = file.read()
        if zlib.crc32(data[_CHECKSUM_BYTES:]).to_bytes(_CHECKSUM_BYTES, "big") != data[:_CHECKSUM_BYTES]:
            return None
        sources, made = marshal.loads(data[_CHECKSUM_BYTES:])  # noqa: S302  # as trustworthy as the modules beside it
    except (OSError, EOFError, ValueError, TypeError):
        return None
    return sources, made


def _write(path: str, content: tuple[bytes, Plain]) -> None:
    data = marshal.dumps(content)
    own = f"{path}.{os.getpid()}"
    try:
        with open(own, "wb") as file:
            file.write(zlib.crc32(data).to_bytes(_CHECKSUM_BYTES, "big") + data)
        os.replace(own, path)
    except OSError:
        with suppress(OSError):
            os.unlink(own)
