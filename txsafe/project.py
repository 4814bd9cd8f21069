# os.path is several times faster than pathlib, and imports are looked up by the thousand.
# ruff: noqa: PTH100, PTH110, PTH112, PTH113, PTH118, PTH120, PTH122, PTH208
"""Dotted module names in, parsed files out: the rest of the program, loaded where an import is followed.

A root is a folder that imports start from: the one above a file's topmost `__init__.py`, every folder above that up to
the project's, and a `src` in each; then the roots of the other packages of a run, where only one of them has the name.
Nothing is loaded before it is asked for; how much one file may ask for is bounded, and links out of the tree are not
followed. The way back, from a name to the files that hold it, is a search of bytes (`mentions`) in the tree of the run.
"""

from __future__ import annotations

import gc
import os
from collections import OrderedDict
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from txsafe.discovery import display_path
from txsafe.errors import SourceError
from txsafe.mentions import Mentions
from txsafe.model import Consulted
from txsafe.python.scopes import Bodies, Module, References
from txsafe.source import read_source

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from txsafe.discovery import FileInput
    from txsafe.model import SourceFile

MODULES_PER_FILE = 200
"""Other modules that the analysis of one file may look into."""
TEXT_PER_FILE = 3_000_000
"""Code points of other modules that the analysis of one file may look into."""
BYTES_PER_MODULE = 300_000
"""A larger file that is imported is generated code."""
NODES_KEPT = 120_000
"""Of parsed modules that a process keeps for the next files, at some 600 bytes each; outlines of 10 MB of Python."""
NODES_OF_GARBAGE = 200_000
"""Made since the last garbage collection: what hangs together in cycles, as trees with parents do, waits for it."""
MANY_FILES = 50
"""A run of more files is over a whole program, or what its user takes for one; one of fewer is a commit's."""
REFERRING = 24
"""Files that are parsed to see who refers to one name; a name in more of them is an everyday word."""
_INIT = "__init__.py"
_PROJECT_MARKS = (".git", ".hg", ".svn", ".jj", "pyproject.toml", "txsafe.toml", "setup.py", "setup.cfg")
"""What only the top folder of a project has."""
_ABOVE = 12
"""Folders above a package that are taken for roots."""


@dataclass(frozen=True, slots=True)
class Program:
    """The folders of the program that some files belong to."""

    roots: tuple[str, ...] = ()
    """Those that hold its topmost packages, sorted."""
    tree: str = ""
    """The one that holds everything: the project's root, where that is one and holds the files, else the folder that
    they have in common; empty where that would be a whole disk."""

    files: tuple[str, ...] = ()
    """The files of the run where they are many, and so the program itself; else it is looked for in the tree."""

    @classmethod
    def of(cls, paths: Sequence[str], top: Path) -> Program:
        """Return the folders for some files (absolute) and the root that their configuration gives."""
        files = tuple(paths) if len(paths) >= MANY_FILES else ()
        return cls(_roots_of(paths), _tree_of(paths, os.path.abspath(top)), files)


def _roots_of(paths: Iterable[str]) -> tuple[str, ...]:
    packages = {os.path.dirname(path) for path in paths if path.endswith(os.sep + _INIT)}
    return tuple(sorted({os.path.dirname(folder) for folder in packages} - packages))


def _tree_of(paths: Sequence[str], top: str) -> str:
    if paths and _is_project(top) and all(_is_below(path, top) for path in paths):
        return top
    try:
        common = os.path.commonpath([os.path.dirname(path) for path in paths])
    except ValueError:  # there are none, or they lie on several drives
        return ""
    return "" if os.path.dirname(common) == common else common


def _is_project(folder: str) -> bool:
    return any(os.path.exists(os.path.join(folder, mark)) for mark in _PROJECT_MARKS)


def _no_files(_program: Program) -> tuple[FileInput, ...]:
    return ()


@dataclass(slots=True)
class _Spent:
    """What the analysis of one file has looked into."""

    paths: set[str] = field(default_factory=set)
    text: int = 0
    modules: dict[str, str | None] = field(default_factory=dict)
    """Names that were looked up → their files."""
    words: set[str] = field(default_factory=set)


class Project:
    """The modules of one program, each parsed once."""

    def __init__(
        self,
        top: Path,
        *,
        program: Program | None = None,
        reserved: frozenset[str] = frozenset(),
        files: Callable[[Program], Iterable[FileInput]] = _no_files,
    ) -> None:
        program = program or Program()
        self._mentions = Mentions(lambda: files(program))
        self._top = os.path.realpath(top)
        self._roots = program.roots
        self._reserved = reserved
        self._modules: OrderedDict[str, Module | None] = OrderedDict()
        self._views: dict[tuple[str, str], _View] = {}
        self._folders: dict[str, frozenset[str]] = {}
        self._spent = _Spent()
        self._sources: dict[str, SourceFile] = {}
        self._faults: dict[str, str] = {}
        """Why files cannot be parsed."""
        self._sizes: dict[str, int] = {}
        """Nodes of the modules that are kept, as of the last file that used them."""
        self._texts: dict[str, SourceFile | None] = {}
        self._made = 0

    def open(self, path: Path, source: SourceFile) -> Module:
        """Return the module of a file to analyse, and forget what was found out for the one before.

        Raises:
            SourceError: where the file cannot be parsed.

        """
        self._begin()
        absolute = os.path.abspath(path)
        known = self._modules.get(absolute)
        if known is None or known.source != source:
            known = self._parsed(absolute, source, Bodies.OPEN)
            self._modules[absolute] = known
        self._modules.move_to_end(absolute)
        self._spent.paths.add(absolute)
        self._sources[source.path] = source
        return known.open_all()

    def source(self, display: str) -> SourceFile | None:
        """Return the text behind a shown path, where this file's analysis has looked into it."""
        return self._sources.get(display)

    def consulted(self) -> Consulted:
        """Return what the analysis of the file that was opened last has asked for."""
        spent = self._spent
        return Consulted(modules=tuple(sorted(spent.modules.items())), words=tuple(sorted(spent.words)))

    def note(self, name: str, path: str | None) -> None:
        """Take note that a module was asked for."""
        self._spent.modules[name] = path

    def _begin(self) -> None:
        self._forget_oldest()
        self._spent = _Spent()
        self._sources = {}
        self._texts = {}

    def _forget_oldest(self) -> None:
        """Forget what was found out for the last file, on which no answer may depend, and the oldest modules."""
        for path in self._spent.paths:
            module = self._modules.get(path)
            if module is not None:
                module.memory.clear()
                self._made += len(module.parents) - self._sizes.get(path, 0)
                self._sizes[path] = len(module.parents)
        kept = sum(self._sizes.values())
        while kept > NODES_KEPT:
            path, _ = self._modules.popitem(last=False)
            kept -= self._sizes.pop(path, 0)
        if self._made > NODES_OF_GARBAGE:
            self._made = 0
            gc.collect()

    def _parsed(self, path: str, source: SourceFile, bodies: Bodies) -> Module:
        root, name = self._identity(path)
        top = self._top if _is_below(os.path.realpath(path), self._top) else os.path.realpath(root)
        view = self._views.get((root, top))
        if view is None:
            view = self._views[root, top] = _View(self, tuple(_own_roots(root, top)), top)
        return Module.of(source, name=name, project=view, bodies=bodies)

    def _identity(self, path: str) -> tuple[str, str]:
        """Return the root that a file's own package stands in, and the file's dotted name."""
        folder, file = os.path.split(path)
        names = [] if file == _INIT else [os.path.splitext(file)[0]]
        while _INIT in self.entries(folder) and os.path.dirname(folder) != folder:
            folder, name = os.path.split(folder)
            names.append(name)
        if (
            file != _INIT and len(names) == 1 and names[0] in self._reserved
        ):  # a stand-in, or a migration's `alembic.py`
            return folder, ""
        return folder, ".".join(reversed(names))

    # ------------------------------------------------------------ for the views

    def entries(self, folder: str) -> frozenset[str]:
        """Return the names in a folder; empty where it cannot be read."""
        found = self._folders.get(folder)
        if found is None:
            try:
                found = frozenset(os.listdir(folder))
            except (OSError, ValueError):
                found = frozenset()
            self._folders[folder] = found
        return found

    def others(self, first: str, own: Iterable[str]) -> tuple[str, ...]:
        """Return the root of another package of the run that has a name, where there is only one."""
        having = [root for root in self._roots if root not in own and self.has(root, first)]
        return tuple(having) if len(having) == 1 else ()

    def has(self, root: str, first: str) -> bool:
        """Return whether a module or package of that name stands in a root."""
        entries = self.entries(root)
        return first in entries or f"{first}.py" in entries

    def load(self, path: str, top: str) -> Module | None:
        """Return the module in a file; None where the file is out of bounds or cannot be parsed."""
        if path not in self._modules:
            self._modules[path] = self._read(path, top)
        module = self._modules[path]
        self._modules.move_to_end(path)
        if module is None or not self._afford(path, module.source):
            return None
        self._sources[module.source.path] = module.source
        return module

    def fault(self, path: str) -> str | None:
        """Return why a file is not looked into, though it is there."""
        if self._modules.get(path, self) is None:
            return self._faults.get(path, "it lies outside of the tree")
        return None if path in self._spent.paths else "too much is imported"

    def is_described(self, first: str) -> bool:
        """Return whether a top-level name is one of a driver or a library that is described."""
        return first in self._reserved

    def text_file(self, path: str, top: str) -> SourceFile | None:
        """Return a file that the program reads; None where it is out of bounds or cannot be decoded."""
        absolute = os.path.abspath(path)
        if absolute not in self._texts:
            self._texts[absolute] = self._read_text(absolute, top)
        source = self._texts[absolute]
        if source is None or not self._afford(absolute, source):
            return None
        self._sources[source.path] = source
        return source

    def _read_text(self, path: str, top: str) -> SourceFile | None:
        if not _is_below(os.path.realpath(path), top) or not os.path.isfile(path):
            return None
        try:
            return read_source(Path(path), display=display_path(path), limit=BYTES_PER_MODULE)
        except SourceError:
            return None

    def references(self, name: str, top: str) -> References:
        """Return the files of the run's tree that hold a name, parsed; see `scopes.Project`."""
        self._spent.words.add(name)
        found = self._mentions.of(name)
        if len(found.paths) > REFERRING:  # an everyday word: a part of the answer is not worth the parses
            return References((), complete=False)
        loaded = [self.load(path, top) for path in found.paths]
        complete = found.complete and None not in loaded
        return References(tuple(module for module in loaded if module is not None), complete=complete)

    def _read(self, path: str, top: str) -> Module | None:
        if not _is_below(os.path.realpath(path), top):
            return None
        try:
            source = read_source(Path(path), display=display_path(path), limit=BYTES_PER_MODULE)
            return self._parsed(path, source, Bodies.CLOSED)
        except SourceError as error:
            self._faults[path] = str(error)
            return None

    def _afford(self, path: str, source: SourceFile) -> bool:
        spent = self._spent
        if path in spent.paths:
            return True
        if len(source.text) > BYTES_PER_MODULE:
            return False
        if len(spent.paths) >= MODULES_PER_FILE or spent.text + len(source.text) > TEXT_PER_FILE:
            return False
        spent.paths.add(path)
        spent.text += len(source.text)
        return True


class _View:
    """The project as the files below one root see it."""

    def __init__(self, project: Project, roots: tuple[str, ...], top: str) -> None:
        self._project = project
        self._roots = roots
        self._top = top
        self._paths: dict[str, str | None] = {}
        self._having: dict[str, tuple[str, ...]] = {}

    def module(self, name: str) -> Module | None:
        """Return the module of a dotted name, None where it is not part of the project."""
        if name not in self._paths:
            self._paths[name] = self._find(name)
        path = self._paths[name]
        self._project.note(name, path)
        return None if path is None else self._project.load(path, self._top)

    def text_file(self, path: str) -> SourceFile | None:
        """Return a file that is no Python; see `scopes.Project`."""
        found = self._project.text_file(path, self._top)
        self._project.note(path, None if found is None else os.path.abspath(path))
        return found

    def folder(self, package: str) -> str | None:
        """Return the folder of a package; see `scopes.Project`."""
        parts = package.split(".")
        if not all(part.isidentifier() for part in parts):
            return None
        folders = (os.path.join(root, *parts) for root in self._roots_with(parts[0]))
        return next((display_path(folder) for folder in folders if os.path.isdir(folder)), None)

    def references(self, name: str) -> References:
        """Return the files that hold a name, parsed."""
        return self._project.references(name, self._top)

    def fault(self, name: str) -> str | None:
        """Return why a module that is there was not loaded; None for one that was, or is not there."""
        path = self._paths.get(name)
        return None if path is None else self._project.fault(path)

    def _find(self, name: str) -> str | None:
        parts = name.split(".")
        if not all(part.isidentifier() for part in parts):
            return None
        stands_in = self._project.is_described(name)  # a file called like a driver, whose own source is a package
        for root in self._roots_with(parts[0]):
            base = os.path.join(root, *parts)
            if os.path.isfile(package := os.path.join(base, _INIT)):
                return package
            if not stands_in and os.path.isfile(file := base + ".py"):
                return file
        return None

    def _roots_with(self, first: str) -> tuple[str, ...]:
        found = self._having.get(first)
        if found is None:
            own = tuple(root for root in self._roots if self._project.has(root, first))
            found = self._having[first] = own or self._project.others(first, self._roots)
        return found


def _own_roots(root: str, top: str) -> Iterator[str]:
    """Yield the root of a package and the folders above it within the tree, with a `src` in each."""
    for _ in range(_ABOVE):
        yield root
        yield os.path.join(root, "src")
        above = os.path.dirname(root)
        if above == root or not _is_below(os.path.realpath(above), top):
            return
        root = above


def _is_below(path: str, folder: str) -> bool:
    return path == folder or path.startswith(folder.rstrip(os.sep) + os.sep)
