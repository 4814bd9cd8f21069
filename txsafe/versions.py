"""A project's lock files and requirements → which versions of drivers its program runs with.

In: the folder of a file. Out: package → `PackageVersion`, from the nearest folder above that says something. Exact
versions come from `[tool.txsafe.versions]`, lock files and pins; a lower bound says which version it is at least.
"""

from __future__ import annotations

import hashlib
import os
import re
from dataclasses import dataclass, field, replace
from functools import cached_property
from types import MappingProxyType
from typing import TYPE_CHECKING

from txsafe.catalog.conditions import version_fits
from txsafe.discovery import display_path
from txsafe.errors import SourceError
from txsafe.settings import read_settings
from txsafe.source import decode, read_bytes
from txsafe.watching import is_there, sought

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path

    from txsafe.catalog.drivers import Drivers
    from txsafe.config import Config
    from txsafe.model import SourceFile
    from txsafe.settings import Setting

OVERRIDES = "[tool.txsafe.versions]"
MAX_BYTES = 20_000_000
"""Of one file: the largest lock files have some megabytes."""
_REPOSITORY_MARKS = (".git", ".hg", ".svn", ".jj")
_LOCKS = ("uv.lock", "poetry.lock", "pdm.lock", "pylock.toml")
_PIPENV_LOCK = "Pipfile.lock"
_MANIFEST = "pyproject.toml"
_REQUIREMENTS = re.compile(r"(?:requirements|constraints)[\w.-]*\.(?:txt|in)", re.IGNORECASE)
_REQUIREMENTS_FOLDER = "requirements"
_LOCKED = re.compile(r"^\[\[packages?\]\]\r?\nname = \"([^\"\n]+)\"\r?\nversion = \"([^\"\n]+)\"", re.MULTILINE)
_PIPENV_LOCKED = re.compile(r"\"([\w.-]+)\": \{[^{}]*?\"version\": \"==([^\"\n]+)\"")
_REQUIREMENT = re.compile(r"[ \t]*([A-Za-z0-9][\w.-]*)[ \t]*(?:\[([^\]\n]*)\])?[ \t]*\(?([^;#\n)]*)")
_BOUND = re.compile(r"(===|==|>=|~=|\^|~|>|<=|<|!=)?[ \t]*v?([0-9][\w.!+-]*?)(\.\*)?(?=[ \t]*(?:,|$|[ \t]))")
_NUMBERS = re.compile(r"\d+(?:\.\d+)*")
_UPWARDS = re.compile(r">=? ?[\d.]+")


@dataclass(frozen=True, slots=True, kw_only=True)
class PackageVersion:
    """What is known of the version of one package."""

    package: str
    version: str
    is_exact: bool
    """Otherwise it is the oldest one that is allowed."""
    origin: str
    """Where it is said: `uv.lock:12`; empty where nobody says it."""

    def explain(self) -> str:
        """Return how the version is known, as a part of a sentence."""
        if self.is_exact:
            return f"{self.package} {self.version}, {self.origin}"
        if self.origin:
            return f"{self.package} {self.version} is assumed, the oldest that {self.origin} allows"
        return f"{self.package} {self.version} is assumed, no version was found; set it in {OVERRIDES}"

    def is_within(self, wanted: str) -> bool:
        """Tell whether the version is in a range such as `>=1.20,<1.24`."""
        return version_fits(self.version, wanted)

    def is_surely_within(self, wanted: str) -> bool:
        """Tell whether every version that it may be is in a range."""
        return self.is_within(wanted) and (self.is_exact or (bool(self.origin) and bool(_UPWARDS.fullmatch(wanted))))


@dataclass(slots=True, kw_only=True)
class Versions:
    """The versions of a run's packages, by folder; what was read is kept."""

    root: Path
    """No folder above it is looked at."""
    overrides: Mapping[str, str] = field(default_factory=dict)
    """What the user says, whatever the files do."""
    _known: dict[Path, _Known] = field(default_factory=dict)

    def of(self, folder: Path) -> Mapping[str, PackageVersion]:
        """Return what is known of the packages that a file in a folder is run with."""
        return self._found(folder).packages

    def digest(self, folder: Path) -> str:
        """Return what tells the answer for a folder from any other."""
        return self._found(folder).digest

    def _found(self, folder: Path) -> _Known:
        chain: list[Path] = []
        known: _Known | None = None
        for candidate in (folder, *folder.parents):
            if candidate in self._known:
                known = self._known[candidate]
                break
            chain.append(candidate)
            if candidate == self.root or any(map(is_there, (candidate / mark for mark in _REPOSITORY_MARKS))):
                break
        said = self._said()
        known = known or _Known(MappingProxyType(said))
        for candidate in reversed(chain):
            found = {name: version for name, version in _read_folder(candidate).items() if name not in said}
            known = _Known(MappingProxyType({**known.packages, **found})) if found else known
            self._known[candidate] = known
        return known

    def _said(self) -> dict[str, PackageVersion]:
        """Return what the user says."""
        return {
            normalize(name): PackageVersion(package=normalize(name), version=version, is_exact=True, origin=OVERRIDES)
            for name, version in self.overrides.items()
        }


@dataclass(frozen=True)
class _Known:
    """The versions for some folders, most of which say nothing of their own."""

    packages: Mapping[str, PackageVersion]

    @cached_property
    def digest(self) -> str:
        """What tells them from any others; of some hundred packages it takes a millisecond."""
        said = repr(sorted(self.packages.items())).encode("utf-8", "backslashreplace")
        return hashlib.blake2b(said, digest_size=16).hexdigest()


def find_version(package: str, known: Mapping[str, PackageVersion], drivers: Drivers) -> PackageVersion:
    """Return the version of a package that decides: what is known, else what another brings along, else what counts."""
    found = known.get(package)
    if found is not None:
        return found
    for bundle in drivers.bundles:
        carrier = known.get(bundle.carrier)
        if bundle.package == package and carrier is not None and carrier.is_surely_within(bundle.versions):
            origin = f"which {bundle.carrier} {carrier.version} brings along, {carrier.origin}"
            return PackageVersion(package=package, version=bundle.version, is_exact=True, origin=origin)
    return PackageVersion(package=package, version=drivers.packages[package], is_exact=False, origin="")


def list_versions(config: Config, drivers: Drivers) -> tuple[PackageVersion, ...]:
    """Return the versions, in the project's root, of the packages that decide (with what is assumed of each)."""
    known = Versions(root=config.root.absolute(), overrides=config.versions).of(config.root.absolute())
    return tuple(find_version(package, known, drivers) for package in sorted(drivers.packages))


def normalize(name: str) -> str:
    """Return a package's name as PEP 503 spells it."""
    return re.sub(r"[-_.]+", "-", name).lower()


def _read_folder(folder: Path) -> Mapping[str, PackageVersion]:
    """Return what the files of one folder say: exact versions before lower bounds, the oldest of several."""
    found: dict[str, PackageVersion] = {}
    for version in _list_versions(folder):
        known = found.get(version.package)
        if known is None or _counts_more(version, known):
            found[version.package] = version
    return found


def _counts_more(version: PackageVersion, known: PackageVersion) -> bool:
    if version.is_exact != known.is_exact:
        return version.is_exact
    return version_fits(version.version, f"<{known.version}")


def _list_versions(folder: Path) -> Iterator[PackageVersion]:
    sought(folder)
    try:
        names = sorted(os.listdir(folder))  # noqa: PTH208 - names are enough, of thousands of files
    except OSError:
        return
    for name in names:
        path = folder / name
        if name in _LOCKS:
            yield from _matches(path, _LOCKED)
        elif name == _PIPENV_LOCK:
            yield from _matches(path, _PIPENV_LOCKED)
        elif name == _MANIFEST:
            yield from _read_manifest(path)
        elif _REQUIREMENTS.fullmatch(name):
            yield from _read_requirements(path)
        elif name == _REQUIREMENTS_FOLDER and path.is_dir():
            sought(path)
            for file in sorted(path.glob("*.txt")):
                yield from _read_requirements(file)


def _read(path: Path) -> SourceFile | None:
    """Return a file, None where it cannot be read: versions are then not known."""
    try:
        return decode(read_bytes(path, limit=MAX_BYTES), f"{path.name}.sql")
    except SourceError:
        return None


def _matches(path: Path, pattern: re.Pattern[str]) -> Iterator[PackageVersion]:
    source = _read(path)
    if source is None:
        return
    shown = display_path(path)
    for found in pattern.finditer(source.text):
        numbers = _NUMBERS.match(found[2])
        if numbers is not None:
            origin = f"{shown}:{source.position(found.start()).line}"
            yield PackageVersion(package=normalize(found[1]), version=numbers[0], is_exact=True, origin=origin)


def _read_requirements(path: Path) -> Iterator[PackageVersion]:
    source = _read(path)
    shown = display_path(path)
    for number, line in enumerate([] if source is None else source.text.splitlines(), start=1):
        yield from _read_requirement(line, f"{shown}:{number}")


def _read_requirement(text: str, origin: str) -> Iterator[PackageVersion]:
    found = _REQUIREMENT.match(text[:1000])
    if found is not None:
        yield from _bounded(found[1], found[3], origin)
        for extra in filter(None, map(str.strip, (found[2] or "").split(","))):
            yield from _bounded(f"{found[1]}-{extra}", found[3], origin)  # psycopg[binary] brings psycopg-binary


def _bounded(name: str, specifier: str, origin: str) -> Iterator[PackageVersion]:
    """Yield what a list of bounds says: `==1.2`, or the lower one of `>=1.2,<2`."""
    for sign, version, rest in _BOUND.findall(specifier.strip()):
        numbers = _NUMBERS.match(version)
        if numbers is None or sign in {"<", "<=", "!="}:
            continue
        is_exact = sign in {"==", "==="} and not rest
        yield PackageVersion(package=normalize(name), version=numbers[0], is_exact=is_exact, origin=origin)
        return


def _read_manifest(path: Path) -> Iterator[PackageVersion]:
    source = _read(path)
    if source is None:
        return
    shown = display_path(path)
    for setting in read_settings(replace(source, path=path.name)):
        origin = f"{shown}:{source.position(setting.span.start).line}"
        yield from _of_setting(setting, origin)


def _of_setting(setting: Setting, origin: str) -> Iterable[PackageVersion]:
    """Return what an entry of `pyproject.toml` says: PEP 621 and PEP 735 lists, Poetry's tables."""
    match setting.key:
        case ("project", "dependencies") | ("project", "optional-dependencies", _) | ("dependency-groups", _):
            return _read_requirement(setting.value, origin)
        case ("tool", "poetry", *_, "dependencies", name) | ("tool", "poetry", *_, "dependencies", name, "version"):
            return _bounded(name, setting.value if setting.value[:1] in "=<>~^!" else f"=={setting.value}", origin)
        case _:
            return ()
