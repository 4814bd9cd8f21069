"""Paths and a configuration come in, what a project says of its connections goes out: pools, services, variables."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from txsafe.budget.deployment import MAX_BYTES, is_deployment_file, read_deployment
from txsafe.budget.pools import Pool, find_pools, is_aside, pool_pattern, without_replaced
from txsafe.catalog import find_rules_directory
from txsafe.catalog.processes import load_processes
from txsafe.discovery import find_named, read_input
from txsafe.errors import SourceError
from txsafe.project import Project
from txsafe.source import FileKind, decode, read_source

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from txsafe.budget.commands import Service
    from txsafe.budget.figures import Figure
    from txsafe.catalog import Catalog
    from txsafe.config import Config
    from txsafe.discovery import FileInput
    from txsafe.model import SourceFile


@dataclass(frozen=True, slots=True, kw_only=True)
class Survey:
    """What the files of a project say."""

    pools: tuple[Pool, ...]
    services: tuple[Service, ...]


def survey(paths: Sequence[str], files: Iterable[FileInput], config: Config, catalog: Catalog) -> Survey:
    """Return what code and deployment files say; `files` are those to analyse, `paths` where the others are looked for.

    A file that cannot be read or parsed says nothing here: the analysis names it.
    """
    named = [file for file in find_named(paths, config, is_deployment_file) if not _is_aside(file, config)]
    deployment = read_deployment(_read_all(named), load_processes(find_rules_directory()))
    pools = without_replaced((*_find_all(files, config, catalog, deployment.variables), *deployment.pools))
    return Survey(pools=pools, services=deployment.services)


def _is_aside(file: FileInput, config: Config) -> bool:
    """Tell by the part of its path below the project's root; where that lies says nothing."""
    path = os.path.relpath(file.path, config.root)
    return is_aside((file.display if path.startswith("..") else path).replace(os.sep, "/"))


def _read_all(files: Iterable[FileInput]) -> Iterator[SourceFile]:
    for file in files:
        try:
            yield read_source(file.path, display=file.display, limit=MAX_BYTES)
        except SourceError:
            continue


def _find_all(
    files: Iterable[FileInput], config: Config, catalog: Catalog, variables: Mapping[str, Figure]
) -> Iterator[Pool]:
    drivers = catalog.drivers
    pattern = pool_pattern(drivers)
    reserved = frozenset(name.partition(".")[0] for name in (*drivers.imports, *drivers.foreign))
    project = Project(config.root, reserved=reserved)
    for file in files:
        if file.kind is not FileKind.PYTHON or _is_aside(file, config):
            continue
        try:
            data = read_input(file, limit=config.max_file_size)
            if pattern.search(data) is None:
                continue
            module = project.open(Path(file.path), decode(data, file.display))
            yield from find_pools(module, drivers, variables=variables, sources=project.source)
        except (SourceError, RecursionError):
            continue
