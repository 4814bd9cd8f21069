"""Writes a file in one step: a reader, or a run that is interrupted, never meets half of it."""

from __future__ import annotations

import os
import stat
import tempfile
from contextlib import suppress
from typing import TYPE_CHECKING

from txsafe.errors import ConfigError, SourceError
from txsafe.source import read_bytes
from txsafe.watching import spoil, wrote

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

_NEW_FILE_MODE = 0o666


def write_atomically(path: Path, data: bytes) -> None:
    """Replace a file's content, keeping its mode; what is no regular file (a pipe, `/dev/stdout`) is written to.

    Raises `ConfigError` where the file cannot be written.
    """
    try:
        target = path.resolve()
        if target.exists() and not target.is_file():
            spoil()
            target.write_bytes(data)
        else:
            _replace(target, data)
            wrote(target, data)
    except (OSError, RuntimeError) as error:  # RuntimeError: a loop of symbolic links
        raise ConfigError(f"{path}: cannot be written: {getattr(error, 'strerror', None) or error}") from error


def replace_content(path: Path, data: bytes, *, expected: bytes, within: Iterable[Path]) -> str | None:
    """Replace what a file holds; return why it was left alone, None where it was not.

    It is left alone where it no longer holds what is `expected`, cannot be written, or is a link to a file outside of
    the folders `within`.
    """
    try:
        target = path.resolve(strict=True)
        if not any(target.is_relative_to(folder.resolve()) for folder in within):
            return "it is a link out of the tree"
        if not os.access(target, os.W_OK):
            return "it cannot be written: Permission denied"
        if read_bytes(target, limit=len(expected)) != expected:
            return "it has changed meanwhile"
        _replace(target, data)
    except SourceError:  # larger than it was, or gone
        return "it has changed meanwhile"
    except (OSError, RuntimeError) as error:  # RuntimeError: a loop of symbolic links
        return f"it cannot be written: {getattr(error, 'strerror', None) or error}"
    return None


def _replace(target: Path, data: bytes) -> None:
    mode = stat.S_IMODE(target.stat().st_mode) if target.exists() else _NEW_FILE_MODE & ~_umask()
    descriptor, name = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.")
    temporary = target.parent / name
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
        temporary.chmod(mode)
        temporary.replace(target)
    except BaseException:
        with suppress(OSError):
            temporary.unlink()
        raise


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
