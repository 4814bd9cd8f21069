# os.path is several times faster than pathlib, and imports are looked up by the thousand.
# ruff: noqa: PTH100, PTH112, PTH118, PTH120, PTH122, PTH208
"""Dotted module names in, parsed files out: the rest of the program, loaded where an import is followed.

A root is a folder that imports start from: the one above a file's topmost `__init__.py`, every folder above that up to
the project's, and a `src` in each; then the roots of the other packages of a run, where only one of them has the name.
Nothing is loaded before it is asked for; how much one file may ask for is bounded, and links out of the tree are not
followed. The way back, from a name to the files that hold it, is a search of bytes (`mentions`) in the tree of the run.

This is the one door to the rest of the program. Whatever is asked is noted with its answer (`Project.consulted`), and
`Project.answer` asks it again: so is known whether a report from an earlier run would still be the same.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import os
from collections import OrderedDict
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Generic, TypeVar

from txsafe.discovery import display_path
from txsafe.errors import SourceError
from txsafe.mentions import Found, Mentions
from txsafe.model import NO_FACTS, Asked, Consulted
from txsafe.python.scopes import Bodies, Module, References
from txsafe.source import decode, read_bytes
from txsafe.versions import PackageVersion, Versions
from txsafe.watching import is_file, is_there, sought

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence

    from txsafe.discovery import FileInput
    from txsafe.model import Question, SourceFile

_T = TypeVar("_T")

MODULES_PER_FILE = 200
"""Other modules that the analysis of one file may look into."""
TEXT_PER_FILE = 3_000_000
"""Code points of other modules that the analysis of one file may look into."""
BYTES_PER_MODULE = 300_000
"""A larger file that is imported is generated code."""
NODES_KEPT = 140_000
"""Of parsed modules that a process keeps for the next files, at some 600 bytes each; outlines of 12 MB of Python."""
MANY_FILES = 50
"""A run of more files is over a whole program, or what its user takes for one; one of fewer is a commit's."""
REFERRING = 24
"""Files that are parsed to see who refers to one name; a name in more of them is an everyday word."""
_INIT = "__init__.py"
_PROJECT_MARKS = (".git", ".hg", ".svn", ".jj", "pyproject.toml", "txsafe.toml", "setup.py", "setup.cfg")
"""What only the top folder of a project has."""
_ABOVE = 12
"""Folders above a package that are taken for roots."""
_SEPARATOR = "\0"
_OUTSIDE = "outside"
"""Instead of the content of a file that is out of bounds."""
_TOO_MANY = "many"


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

    contents: Mapping[str, bytes] = field(default_factory=dict, compare=False)
    """What files (absolute) hold instead of what is on disk."""

    @classmethod
    def of(cls, paths: Sequence[str], top: Path, *, contents: Mapping[str, bytes] | None = None) -> Program:
        """Return the folders for some files (absolute) and the root that their configuration gives."""
        files = tuple(paths) if len(paths) >= MANY_FILES else ()
        return cls(_roots_of(paths), _tree_of(paths, os.path.abspath(top)), files, contents or {})


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
    return any(is_there(os.path.join(folder, mark)) for mark in _PROJECT_MARKS)


def _no_files(_program: Program) -> tuple[FileInput, ...]:
    return ()


@dataclass(slots=True)
class _Spent:
    """What the analysis of one file has looked into."""

    paths: dict[str, int] = field(default_factory=dict)
    """Files, with the size of their texts; that of the file itself does not count."""
    answers: dict[Question, str] = field(default_factory=dict)
    """What was asked, with the answer."""
    modules: dict[tuple[_View, str], Module | None] = field(default_factory=dict)
    """What was found behind dotted names."""
    sources: dict[str, SourceFile] = field(default_factory=dict)
    """Texts, by the paths that they are shown by."""
    texts: dict[str, SourceFile | None] = field(default_factory=dict)
    """Those of files that are no Python, by path."""

    def affords(self, more: Mapping[str, int]) -> bool:
        """Take files into account, unless that is too much."""
        new = {path: size for path, size in more.items() if path not in self.paths}
        if len(self.paths) + len(new) > MODULES_PER_FILE:
            return False
        if sum(self.paths.values()) + sum(new.values()) > TEXT_PER_FILE:
            return False
        self.paths |= new
        return True


@dataclass(frozen=True, slots=True)
class _Fact(Generic[_T]):
    """What was found out about a file, whoever asked, and what was looked into for that."""

    answer: _T
    spent: _Spent
    modules: Mapping[str, Module | None]


class Project:
    """The modules of one program, each parsed once."""

    def __init__(
        self,
        top: Path,
        *,
        program: Program | None = None,
        reserved: frozenset[str] = frozenset(),
        files: Callable[[Program], Iterable[FileInput]] = _no_files,
        versions: Mapping[str, str] = NO_FACTS,
    ) -> None:
        program = program or Program()
        self._versions = Versions(root=top.absolute(), overrides=versions)
        self._mentions = Mentions(lambda: files(program))
        self._top = os.path.realpath(top)
        self._roots = program.roots
        self._instead = program.contents
        self._reserved = reserved
        self._modules: OrderedDict[str, Module | None] = OrderedDict()
        self._views: dict[tuple[str, str], _View] = {}
        self._folders: dict[str, frozenset[str]] = {}
        self._spent = _Spent()
        self._opened: Module | None = None
        self._unasked: str | None = None
        """The path of the same, where no other file had asked for it."""
        self._faults: dict[str, str] = {}
        """Why files cannot be parsed."""
        self._sizes: dict[str, int] = {}
        """Nodes of the modules that are kept, as of the last file that used them."""
        self._contents: dict[str, str] = {}
        """What files hold, or why they were not read, in short."""
        self._identities: dict[str, tuple[str, str]] = {}

    def open(self, path: Path, source: SourceFile) -> Module:
        """Return the module of a file to analyse, and forget what was found out for the one before.

        Raises:
            SourceError: where the file cannot be parsed.

        """
        self.begin()
        absolute = os.path.abspath(path)
        known = self._modules.get(absolute)
        if known is None or known.source != source:
            known = self._parsed(absolute, source, Bodies.OPEN)
            self._modules[absolute] = known
            self._unasked = absolute
        self._modules.move_to_end(absolute)
        self._spent.paths[absolute] = 0
        self._spent.sources[source.path] = source
        self._note_identity(absolute)
        self._opened = known
        return known.open_all()

    def source(self, display: str) -> SourceFile | None:
        """Return the text behind a shown path, where this file's analysis has looked into it."""
        return self._spent.sources.get(display)

    def hold(self, path: Path, data: bytes) -> None:
        """Take note of what the file that is opened next holds: others may look into it."""
        self._contents[os.path.abspath(path)] = digest(data)

    def versions(self, folder: Path) -> Mapping[str, PackageVersion]:
        """Return what is known of the packages that a file in a folder is run with."""
        found = self._versions.of(folder)
        self.note(Asked.VERSIONS, "", str(folder), self._versions.digest(folder))
        return found

    def consulted(self) -> Consulted:
        """Return what the analysis of the file that was opened last has asked for."""
        return Consulted(answers=tuple(sorted((*asked, answer) for asked, answer in self._spent.answers.items())))

    def note(self, kind: Asked, bounds: str, subject: str, answer: str) -> None:
        """Take note of a question and its answer."""
        self._spent.answers[kind.value, bounds, subject] = answer

    def answer(self, question: Question, contents: Callable[[str], str] | None = None) -> str:
        """Return what a question would be answered now; `contents` may know what files hold without reading them."""
        kind, bounds, subject = question
        match Asked(kind):
            case Asked.CONTENT:
                is_inside = _is_below(os.path.realpath(subject), bounds)
                found = (contents or _read_content)(subject) if is_inside else _OUTSIDE
            case Asked.IDENTITY:
                found = _SEPARATOR.join(self._identity(subject))
            case Asked.MODULE:
                found = self._view(*bounds.split(_SEPARATOR)).find(subject) or ""
            case Asked.FOLDER:
                found = self._view(*bounds.split(_SEPARATOR)).find_folder(subject) or ""
            case Asked.WORD:
                found = _digest_of_found(self._referring(subject, bounds.split(_SEPARATOR) if bounds else ()))
            case Asked.DAY:
                found = today().isoformat()
            case Asked.VERSIONS:
                found = self._versions.digest(Path(subject))
        return found

    def begin(self) -> None:
        """Forget what was found out for the file before."""
        self._forget_oldest()
        self._spent = _Spent()

    def _forget_oldest(self) -> None:
        """Forget what was found out for the last file, on which no answer may depend, and the oldest modules.

        The last file itself is the first to go, unless another had asked for it.
        """
        self._forget(self._spent.paths)
        if self._unasked is not None:  # few files are imported after all, and this one has all its bodies
            self._modules.move_to_end(self._unasked, last=False)
            self._unasked = None
        kept = sum(self._sizes.values())
        while kept > NODES_KEPT:
            path, module = self._modules.popitem(last=False)
            kept -= self._sizes.pop(path, 0)
            if module is not None:
                module.forget()

    def _forget(self, paths: Iterable[str]) -> None:
        """Forget what was found out about modules for one file or fact."""
        for path in paths:
            module = self._modules.get(path)
            if module is not None:
                module.memory.clear()
                self._sizes[path] = len(module.parents)

    def _parsed(self, path: str, source: SourceFile, bodies: Bodies) -> Module:
        root, name = self._identity(path)
        top = self._top if _is_below(os.path.realpath(path), self._top) else os.path.realpath(root)
        return Module.of(source, name=name, project=self._view(root, top), bodies=bodies)

    def _view(self, root: str, top: str) -> _View:
        view = self._views.get((root, top))
        if view is None:
            view = self._views[root, top] = _View(self, root, top)
        return view

    def _identity(self, path: str) -> tuple[str, str]:
        """Return the root that a file's own package stands in, and the file's dotted name."""
        known = self._identities.get(path)
        if known is None:
            known = self._identities[path] = self._identify(path)
        return known

    def _identify(self, path: str) -> tuple[str, str]:
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
            sought(folder)
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
        self._note_content(path, top)
        self._note_identity(path)
        if module is None or not self._afford(path, module.source):
            return None
        self._spent.sources[module.source.path] = module.source
        return module

    def fault(self, path: str) -> str | None:
        """Return why a file is not looked into, though it is there."""
        if self._modules.get(path, self) is None:
            return self._faults.get(path, "it lies outside of the tree")
        return None if path in self._spent.paths else "too much is imported"

    @property
    def found(self) -> dict[tuple[_View, str], Module | None]:
        """What the analysis of this file has found behind dotted names, as each view sees them."""
        return self._spent.modules

    def is_described(self, first: str) -> bool:
        """Return whether a top-level name is one of a driver or a library that is described."""
        return first in self._reserved

    def text_file(self, path: str, top: str) -> SourceFile | None:
        """Return a file that the program reads; None where it is out of bounds or cannot be decoded."""
        absolute = os.path.abspath(path)
        texts = self._spent.texts
        if absolute not in texts:
            texts[absolute] = self._read_text(absolute, top)
        source = texts[absolute]
        self._note_content(absolute, top)
        if source is None or not self._afford(absolute, source):
            return None
        self._spent.sources[source.path] = source
        return source

    def _note_content(self, path: str, top: str) -> None:
        self.note(Asked.CONTENT, top, path, self._contents.get(path, _OUTSIDE))

    def _note_identity(self, path: str) -> None:
        self.note(Asked.IDENTITY, "", path, _SEPARATOR.join(self._identity(path)))

    def _read_text(self, path: str, top: str) -> SourceFile | None:
        try:
            return self._source_of(path, top)
        except SourceError:
            return None

    def _source_of(self, path: str, top: str) -> SourceFile | None:
        """Return what a file holds; None where it lies outside of the tree."""
        if not _is_below(os.path.realpath(path), top):
            self._contents[path] = _OUTSIDE
            return None
        try:
            data = self._instead.get(path) or read_bytes(Path(path), limit=BYTES_PER_MODULE)
        except SourceError as error:
            self._contents[path] = str(error)
            raise
        self._contents[path] = digest(data)
        return decode(data, display_path(path))

    def references(self, name: str, beside: Sequence[str], top: str) -> References:
        """Return the files of the run's tree that hold a name, parsed; see `scopes.Project`."""
        found = self._referring(name)
        self.note(Asked.WORD, "", name, _digest_of_found(found))
        if len(found.paths) > REFERRING and beside:
            found = self._referring(name, beside)
            self.note(Asked.WORD, _SEPARATOR.join(beside), name, _digest_of_found(found))
        if len(found.paths) > REFERRING:  # an everyday word: a part of the answer is not worth the parses
            return References((), complete=False)
        loaded = [self.load(path, top) for path in found.paths]
        complete = found.complete and None not in loaded
        return References(tuple(module for module in loaded if module is not None), complete=complete)

    def _referring(self, name: str, beside: Sequence[str] = ()) -> Found:
        return self._mentions.beside(name, beside) if beside else self._mentions.of(name)

    def _read(self, path: str, top: str) -> Module | None:
        try:
            source = self._source_of(path, top)
            return None if source is None else self._parsed(path, source, Bodies.CLOSED)
        except SourceError as error:
            self._faults[path] = str(error)
            return None

    def _afford(self, path: str, source: SourceFile) -> bool:
        if path in self._spent.paths:
            return True
        return len(source.text) <= BYTES_PER_MODULE and self._spent.affords({path: len(source.text)})

    # ------------------------------------------------------------ what several files ask

    def shared(self, home: Module, question: Hashable, find: Callable[[], _T]) -> _T:
        """Return what is found out about a file other than the one under analysis; see `scopes.Project`."""
        if home is self._opened:
            return find()
        fact = home.facts.get(question)
        if not isinstance(fact, _Fact) or not self._is_current(fact):
            fact = home.facts[question] = self._find_apart(find)
        return fact.answer if self._charge(fact) else find()

    def _find_apart(self, find: Callable[[], _T]) -> _Fact[_T]:
        """Find something out as if nothing else had been asked, so that it is the same for whoever asks."""
        spent = self._spent
        remembered = [(module, module.memory) for module in self._modules.values() if module is not None]
        for module, _ in remembered:
            module.memory = {}
        apart = self._spent = _Spent()
        try:
            answer = find()
        finally:
            self._forget(apart.paths)
            for module, memory in remembered:
                module.memory = memory
            self._spent = spent
        return _Fact(answer, apart, {path: self._modules.get(path) for path in apart.paths})

    def _is_current(self, fact: _Fact[_T]) -> bool:
        """Return whether the trees that a fact was found in are those that others are compared with."""
        return all(self._modules.get(path) is module for path, module in fact.modules.items())

    def _charge(self, fact: _Fact[_T]) -> bool:
        """Count what a fact was found in as looked into for this file, unless that is too much."""
        if not self._spent.affords(fact.spent.paths):
            return False
        self._spent.answers |= fact.spent.answers
        self._spent.sources |= fact.spent.sources
        for path, module in fact.modules.items():
            if module is not None:
                self._modules.move_to_end(path)
        return True


class _View:
    """The project as the files below one root see it."""

    def __init__(self, project: Project, root: str, top: str) -> None:
        self._project = project
        self._roots = tuple(_own_roots(root, top))
        self._top = top
        self._bounds = f"{root}{_SEPARATOR}{top}"
        self._paths: dict[str, str | None] = {}
        self._having: dict[str, tuple[str, ...]] = {}

    def module(self, name: str) -> Module | None:
        """Return the module of a dotted name, None where it is not part of the project."""
        found = self._project.found
        question = (self, name)
        if question not in found:
            path = self.find(name)
            self._project.note(Asked.MODULE, self._bounds, name, path or "")
            found[question] = None if path is None else self._project.load(path, self._top)
        return found[question]

    def find(self, name: str) -> str | None:
        """Return the file of a dotted name."""
        if name not in self._paths:
            self._paths[name] = self._find(name)
        return self._paths[name]

    def text_file(self, path: str) -> SourceFile | None:
        """Return a file that is no Python; see `scopes.Project`."""
        return self._project.text_file(path, self._top)

    def folder(self, package: str) -> str | None:
        """Return the folder of a package; see `scopes.Project`."""
        found = self.find_folder(package)
        self._project.note(Asked.FOLDER, self._bounds, package, found or "")
        return found

    def find_folder(self, package: str) -> str | None:
        """Return the folder of a package, unnoted."""
        parts = package.split(".")
        if not all(part.isidentifier() for part in parts):
            return None
        folders = [os.path.join(root, *parts) for root in self._roots_with(parts[0])]
        for folder in folders:
            sought(folder)
        return next((display_path(folder) for folder in folders if os.path.isdir(folder)), None)

    def shared(self, home: Module, question: Hashable, find: Callable[[], _T]) -> _T:
        """Return what is found out about a file, once for all that ask; see `scopes.Project`."""
        return self._project.shared(home, question, find)

    def references(self, name: str, *, beside: Sequence[str] = ()) -> References:
        """Return the files that hold a name, parsed."""
        return self._project.references(name, beside, self._top)

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
            if is_file(package := os.path.join(base, _INIT)):
                return package
            if not stands_in and is_file(file := base + ".py"):
                return file
        return None

    def _roots_with(self, first: str) -> tuple[str, ...]:
        found = self._having.get(first)
        if found is None:
            own = tuple(root for root in self._roots if self._project.has(root, first))
            found = self._having[first] = own or self._project.others(first, self._roots)
        return found


def today() -> dt.date:
    """Return the day that decides whether a suppression has expired."""
    return dt.datetime.now(tz=dt.UTC).date()


def digest(data: bytes) -> str:
    """Return what tells a content from any other."""
    return hashlib.blake2b(data, digest_size=16).hexdigest()


def _read_content(path: str) -> str:
    try:
        return digest(read_bytes(Path(path), limit=BYTES_PER_MODULE))
    except SourceError as error:
        return str(error)


def _digest_of_found(found: Found) -> str:
    if len(found.paths) > REFERRING:
        return _TOO_MANY
    return digest(_SEPARATOR.join((str(found.complete), *found.paths)).encode("utf-8", "surrogateescape"))


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
