# os.path is several times faster than pathlib, and this runs for every entry of every folder.
# ruff: noqa: PTH100, PTH109, PTH110, PTH112, PTH114, PTH116, PTH123
"""Paths in, files to read out: what a run looks at, what it passes over, and what it could not look at.

Folders are walked with `.gitignore` and the excludes of the configuration; symbolic links to folders are not followed,
so that no walk runs in circles. A path that was named is read whatever the excludes say, unless `force-exclude` is set.
"""

from __future__ import annotations

import os
import stat
import sys
from dataclasses import dataclass
from pathlib import Path

from txsafe.errors import SourceError
from txsafe.gate import may_hold_settings, may_matter
from txsafe.globs import Globs
from txsafe.results import FileError
from txsafe.source import FileKind, file_kind, is_python_script, read_bytes
from txsafe.watching import is_file, is_there, sought

TYPE_CHECKING = False  # see `txsafe.results`
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from txsafe.config import Config

__all__ = [
    "EXCLUDED", "Discovery", "FileInput", "FileKind", "Skipped", "display_path", "find_files", "find_named",
    "is_excluded", "may_matter", "read_input",
]  # fmt: skip

EXCLUDED = "excluded"
"""Why something was passed over: the configuration says so."""
LARGEST_SETTINGS = 1_000_000
"""Bytes of a settings file; what has more is data."""
_SNIFFED = 256
"""Bytes read of a file without a telling name: enough for a `#!` line."""


@dataclass(frozen=True, slots=True)
class FileInput:
    """One file to analyse."""

    path: Path
    display: str
    """How it is shown; see `display_path`."""
    data: bytes | None = None
    """The content where it does not come from `path` (standard input)."""

    @property
    def kind(self) -> FileKind:
        """What it is read as: a file whose name says nothing is here because it was found to be Python."""
        return file_kind(self.display) or FileKind.PYTHON


@dataclass(frozen=True, slots=True)
class Skipped:
    """A path that was passed over on purpose."""

    display: str
    reason: str
    named: bool = False
    """It was given on the command line."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Discovery:
    """What the paths of a run come to."""

    files: tuple[FileInput, ...] = ()
    """Sorted by how they are shown, each once."""
    errors: tuple[FileError, ...] = ()
    """What could not be looked at."""
    missing: tuple[FileError, ...] = ()
    """Named paths that do not exist: the user's mistake, not the file's."""
    skipped: tuple[Skipped, ...] = ()


def read_input(file: FileInput, *, limit: int) -> bytes:
    """Return a file's bytes; raises `SourceError` where it cannot be read or has more than `limit`."""
    return file.data if file.data is not None else read_bytes(file.path, limit=limit)


def display_path(path: str | os.PathLike[str]) -> str:
    """Return how a path is shown: posix, relative to the working directory when below it, else absolute.

    Bytes that are no UTF-8 and control characters appear as escapes, so that a file's name can break no report.
    """
    absolute = os.path.abspath(path)
    here = os.getcwd()
    inside = os.path.relpath(absolute, here) if _is_below(absolute, here) else absolute
    readable = os.fsencode(inside).decode("utf-8", "backslashreplace")
    if not readable.isprintable():
        readable = "".join(c if c.isprintable() else c.encode("unicode-escape").decode("ascii") for c in readable)
    return readable.replace(os.sep, "/")


def _is_below(path: str, folder: str) -> bool:
    return path == folder or path.startswith(folder.rstrip(os.sep) + os.sep)


def find_files(paths: Sequence[str], config: Config, *, most_folders: int = sys.maxsize) -> Discovery:
    """Return what to analyse for the paths of a command line; after `most_folders` a walk ends without a word."""
    walk = _Walk(config, includes=Globs.of(config.include), most_folders=most_folders)
    for path in paths:
        walk.add(os.path.abspath(path))
    return walk.discovery()


def find_named(paths: Sequence[str], config: Config, accepts: Callable[[str], bool]) -> tuple[FileInput, ...]:
    """Return the files below some folders whose names are accepted, whatever language they are in; see `find_files`."""
    walk = _Walk(config, includes=Globs.of(()), accepts=accepts)
    for path in paths:
        if os.path.isdir(path):
            walk.add(os.path.abspath(path))
    return walk.discovery().files


def _is_analysed(name: str) -> bool:
    return file_kind(name) is not None


class _Walk:
    """One discovery under way: collects; every path that is a file lands in `found` once."""

    def __init__(
        self,
        config: Config,
        *,
        includes: Globs,
        accepts: Callable[[str], bool] = _is_analysed,
        most_folders: int = sys.maxsize,
    ) -> None:
        self.config = config
        self.excludes = _excludes(config)
        self.includes = includes
        self.accepts = accepts
        """What the name of a file in a folder must be like."""
        self.most_folders = most_folders
        self.found: dict[str, str] = {}
        """Display → path."""
        self.links: dict[str, str] = {}
        """Found symbolic links: display → the file that they stand for."""
        self.errors: list[FileError] = []
        self.missing: list[FileError] = []
        self.skipped: list[Skipped] = []

    def discovery(self) -> Discovery:
        # To find out where a path leads costs more than all the rest, and few trees have links to files.
        found = self.found.items() if self.links else ()
        targets = {os.path.realpath(path) for display, path in found if display not in self.links}
        files = [
            FileInput(Path(path), display)
            for display, path in sorted(self.found.items())
            if self.links.get(display) not in targets
        ]
        return Discovery(
            files=tuple(files),
            errors=tuple(sorted(set(self.errors), key=lambda error: error.path)),
            missing=tuple(self.missing),
            skipped=tuple(self.skipped),
        )

    def add(self, path: str) -> None:
        """Take in a path that was named."""
        sought(path)
        try:
            mode = os.stat(path).st_mode
        except (OSError, ValueError) as error:
            self._refuse_named(path, error)
            return
        is_folder = stat.S_ISDIR(mode)
        if self.config.force_exclude and is_excluded(path, self.config):
            self._skip(path, EXCLUDED, named=True)
        elif is_folder:
            self._walk_folder(path)
        elif not stat.S_ISREG(mode):
            self._fail(path, "not a regular file")
        else:
            self._add_named_file(path)

    def _refuse_named(self, path: str, error: OSError | ValueError) -> None:
        if os.path.islink(path):
            self._fail(path, "broken symbolic link")
        elif isinstance(error, PermissionError):
            self._fail(path, "cannot be read: Permission denied")
        else:
            self.missing.append(FileError(path=display_path(path), line=0, message="no such file or folder"))

    def _add_named_file(self, path: str) -> None:
        if file_kind(path) is None and not self._is_included(path) and not _starts_like_python(path):
            self._skip(path, "neither Python nor SQL nor settings", named=True)
            return
        self.found[display_path(path)] = path

    def _walk_folder(self, root: str) -> None:
        ignores = _ancestor_ignores(root) if self.config.respect_gitignore else ()
        pending: list[tuple[str, tuple[Globs, ...]]] = [(root, ignores)]
        while pending and self.most_folders > 0:
            self.most_folders -= 1
            folder, ignores = pending.pop()
            sought(folder)
            try:
                with os.scandir(folder) as entries:
                    listed = list(entries)
            except OSError as error:
                self._fail(folder, f"cannot be read: {error.strerror}")
                continue
            names = {entry.name for entry in listed}
            if "pyvenv.cfg" in names and folder != root:
                self._skip(folder, "a virtual environment")
                continue
            if self.config.respect_gitignore and ".gitignore" in names:
                ignores = (*ignores, _read_ignores(folder))
            pending += [(entry.path, ignores) for entry in listed if self._is_folder_to_walk(entry, ignores)]
            self._add_files(listed, ignores)

    def _is_folder_to_walk(self, entry: os.DirEntry[str], ignores: Iterable[Globs]) -> bool:
        if not _is_folder(entry):
            return False
        if self.excludes.match(entry.path, root=self.config.root, is_folder=True):
            self._skip(entry.path, EXCLUDED)
            return False
        if _is_ignored(entry.path, ignores, is_folder=True):
            self._skip(entry.path, "ignored by git")
            return False
        if entry.is_symlink():
            sought(entry.path)
            self._skip(entry.path, "a symbolic link to a folder")
            return False
        return True

    def _add_files(self, entries: Iterable[os.DirEntry[str]], ignores: Iterable[Globs]) -> None:
        for entry in entries:
            if not self.accepts(entry.name) and not self._is_included(entry.path):
                continue
            if _is_folder(entry) or self._is_passed_over(entry.path, ignores):
                continue
            unasked = self.accepts is _is_analysed and not self._is_included(entry.path)
            if unasked and file_kind(entry.name) is FileKind.SETTINGS:
                self._add_settings(entry)
                continue
            self._add_walked_file(entry)

    def _add_settings(self, entry: os.DirEntry[str]) -> None:
        """Take a settings file only if it speaks of PostgreSQL: most are about other things."""
        try:
            data = read_bytes(Path(entry.path), limit=LARGEST_SETTINGS)
        except SourceError as error:
            self._skip(entry.path, f"a settings file: {error}")
            return
        if may_hold_settings(data):
            self._add_walked_file(entry)

    def _add_walked_file(self, entry: os.DirEntry[str]) -> None:
        if not entry.is_symlink():
            if entry.is_file():
                self.found[display_path(entry.path)] = entry.path
            else:
                self._fail(entry.path, "not a regular file")
        elif is_file(entry.path):
            display = display_path(entry.path)
            self.found.setdefault(display, entry.path)
            self.links[display] = os.path.realpath(entry.path)
        elif not entry.name.startswith(".#"):  # Emacs marks a file that is being edited with such a link
            self._fail(entry.path, "not a regular file" if os.path.exists(entry.path) else "broken symbolic link")

    def _is_passed_over(self, path: str, ignores: Iterable[Globs]) -> bool:
        if self.excludes.match(path, root=self.config.root, is_folder=False):
            self._skip(path, EXCLUDED)
            return True
        if _is_ignored(path, ignores, is_folder=False):
            self._skip(path, "ignored by git")
            return True
        return False

    def _is_included(self, path: str) -> bool:
        return bool(self.includes.match(path, root=self.config.root, is_folder=False))

    def _skip(self, path: str, reason: str, *, named: bool = False) -> None:
        self.skipped.append(Skipped(display_path(path), reason, named))

    def _fail(self, path: str, message: str) -> None:
        self.errors.append(FileError(path=display_path(path), line=0, message=message))


def is_excluded(path: str, config: Config) -> bool:
    """Say whether a path, or a folder below the project's root that it lies in, is excluded."""
    excludes = _excludes(config)
    absolute = os.path.abspath(path)
    if excludes.match(absolute, root=config.root, is_folder=os.path.isdir(absolute)):
        return True
    parents = (parent for parent in Path(absolute).parents if parent != config.root)
    below = (parent for parent in parents if parent.is_relative_to(config.root))
    return any(excludes.match(str(parent), root=config.root, is_folder=True) for parent in below)


def _excludes(config: Config) -> Globs:
    return Globs.of((*config.exclude, *config.extend_exclude))


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:  # a link to itself, or through a folder that cannot be read
        return False


def _starts_like_python(path: str) -> bool:
    try:
        with open(path, "rb") as file:
            return is_python_script(file.read(_SNIFFED))
    except OSError:
        return True  # let reading it say what is wrong


def _is_ignored(path: str, ignores: Iterable[Globs], *, is_folder: bool) -> bool:
    """Ask the nearest `.gitignore` first: it may take back what one above it says."""
    for globs in reversed(tuple(ignores)):
        verdict = globs.match(path, root=globs.folder, is_folder=is_folder)
        if verdict is not None:
            return verdict
    return False


def _ancestor_ignores(folder: str) -> tuple[Globs, ...]:
    """Return the `.gitignore` files between a repository's root and the parent of a folder; outside of one, none."""
    chain: list[Path] = []
    for candidate in (Path(folder), *Path(folder).parents):
        chain.append(candidate)
        if is_there(candidate / ".git"):
            exclude = candidate / ".git" / "info" / "exclude"
            above = [_read_ignores(str(parent)) for parent in reversed(chain[1:])]
            return (Globs.read(exclude, folder=candidate), *above)
    return ()


def _read_ignores(folder: str) -> Globs:
    return Globs.read(Path(folder, ".gitignore"), folder=Path(folder))
