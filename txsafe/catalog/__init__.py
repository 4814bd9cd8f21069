"""`rules/**/*.yaml` come in, a `Catalog` goes out: rules, poolers, drivers and facts about the server.

A file's kind is the folder it stands in (`features`, `poolers`, `drivers`, `libraries`); a single file that a user
names is told by its keys. Users' files come after the shipped ones, and one with the id of a shipped one replaces it.
"""

from __future__ import annotations

import enum
import functools
import os
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING

from txsafe.catalog.compiled import read_shipped
from txsafe.catalog.document import MappingNode, Node, Reader, read_document
from txsafe.catalog.drivers import Drivers, decode_drivers
from txsafe.catalog.poolers import Poolers
from txsafe.catalog.rules import Rule, read_id, read_rule
from txsafe.catalog.server import ServerFacts, read_server_facts
from txsafe.errors import CatalogError, ConfigError, did_you_mean
from txsafe.shipped import rules_folder
from txsafe.watching import sought

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

__all__ = ["Catalog", "find_rules_directory", "load_catalog"]


class _Kind(enum.StrEnum):
    """The folder of a file."""

    FEATURES = "features"
    POOLERS = "poolers"
    DRIVERS = "drivers"
    LIBRARIES = "libraries"


@dataclass(frozen=True, slots=True, kw_only=True)
class Catalog:
    """All that is known, as data."""

    rules: Mapping[str, Rule]
    """By id, in the order of ids."""
    poolers: Poolers
    """By id, in the order of ids; presets among them."""
    drivers: Drivers
    server: ServerFacts

    def find_rule(self, name: str) -> Rule:
        """Return a rule; raise `ConfigError` with the nearest one for an unknown name."""
        rule = self.rules.get(name)
        if rule is None:
            hint = did_you_mean(name, self.rules)
            raise ConfigError(f"unknown rule {name!r}{hint}; `txsafe rules` lists them")
        return rule


def find_rules_directory() -> Path:
    """Return the shipped rules: inside the package where a wheel put them, beside it in a checkout."""
    return Path(rules_folder())


def load_catalog(rule_paths: Sequence[Path] = ()) -> Catalog:
    """Read the shipped rules and the user's; raise `CatalogError` with the place of the first fault.

    Shipped poolers are read when they are asked for, the user's at once, so that a fault in them does not hide. What
    is shipped alone is read once per process.
    """
    return _read_catalog(rule_paths) if rule_paths else _read_shipped()


@functools.cache
def _read_shipped() -> Catalog:
    return _read_catalog(())


def _read_catalog(rule_paths: Sequence[Path]) -> Catalog:
    shipped = find_rules_directory()
    users = [_with_kind(kind, read_document(file, path)) for kind, file, path in _list_users(rule_paths)]
    own = tuple(_list_directory(shipped, Path("rules")))
    server = shipped / "postgresql.yaml", "rules/postgresql.yaml"
    read = partial(read_shipped, listed=((server, *((file, path) for _, file, path in own))))
    documents: dict[_Kind, list[Node]] = {kind: [] for kind in _Kind}
    poolers: dict[str, Callable[[], Node]] = {}
    for kind, file, path in own:
        if kind is _Kind.POOLERS:
            poolers[file.stem] = partial(read, file, path)
        else:
            documents[kind].append(read(file, path))
    _refuse_duplicates(users)
    for kind, document in users:
        documents[kind].append(document)
    return Catalog(
        rules=_read_rules(documents[_Kind.FEATURES]),
        poolers=_read_poolers(poolers, documents[_Kind.POOLERS]),
        drivers=decode_drivers((*documents[_Kind.DRIVERS], *documents[_Kind.LIBRARIES])),
        server=read_server_facts(read(*server)),
    )


def _read_rules(documents: Iterable[Node]) -> Mapping[str, Rule]:
    rules = {rule.id: rule for rule in map(read_rule, documents)}
    return MappingProxyType(dict(sorted(rules.items())))


def _read_poolers(shipped: Mapping[str, Callable[[], Node]], users: Iterable[Node]) -> Poolers:
    own = {read_id(Reader(document, "a pooler")): document for document in users}
    poolers = Poolers({**shipped, **{name: partial(_same, document) for name, document in own.items()}})
    for name in own:
        poolers[name]
    return poolers


def _same(document: Node) -> Node:
    return document


def _list_directory(directory: Path, shown: Path) -> Iterator[tuple[_Kind, Path, str]]:
    for kind in _Kind:
        sought(directory / kind)
        for file in sorted((directory / kind).glob("*.yaml")):
            yield kind, file, (shown / kind / file.name).as_posix()


def _list_users(paths: Iterable[Path]) -> Iterator[tuple[_Kind | None, Path, str]]:
    for path in paths:
        sought(path)
        if path.is_dir():
            yield from _list_users_directory(path)
        elif path.is_file():
            kind = _Kind(path.parent.name) if path.parent.name in list(_Kind) else None
            yield kind, path, _shown(path)
        else:
            raise CatalogError(f"{_shown(path)}:0: no such file or directory (from `rule-paths`)")


def _list_users_directory(path: Path) -> Iterator[tuple[_Kind | None, Path, str]]:
    strays = sorted(path.glob("*.yaml"))
    found = [*_list_directory(path, Path(_shown(path))), *((None, file, _shown(file)) for file in strays)]
    if not found:
        raise CatalogError(f"{_shown(path)}:0: holds no rule: *.yaml in {', '.join(_Kind)} (from `rule-paths`)")
    yield from found


def _shown(path: Path) -> str:
    relative = os.path.relpath(path)
    return path.as_posix() if relative.startswith("..") else Path(relative).as_posix()


def _with_kind(kind: _Kind | None, document: Node) -> tuple[_Kind, Node]:
    """Tell what a file is that stands in none of the three folders."""
    if kind is not None:
        return kind, document
    keys = document.entries.keys() if isinstance(document, MappingNode) else ()
    if "variants" in keys:
        return _Kind.FEATURES, document
    if "capabilities" in keys or "based-on" in keys:
        return _Kind.POOLERS, document
    if "needs" in keys:
        return _Kind.LIBRARIES, document
    if "types" in keys or "functions" in keys:
        return _Kind.DRIVERS, document
    raise document.error("neither a rule ('variants') nor a pooler ('capabilities') nor a driver ('types')")


def _refuse_duplicates(documents: Iterable[tuple[_Kind, Node]]) -> None:
    seen: dict[tuple[_Kind, str], Node] = {}
    for kind, document in documents:
        identifier = document.entries.get("id") if isinstance(document, MappingNode) else None
        text = getattr(identifier, "text", None)
        if text is None or identifier is None:
            continue
        first = seen.setdefault((kind, text), document)
        if first is not document:
            raise identifier.error(f"{text!r} is declared twice, first in {first.path}")
