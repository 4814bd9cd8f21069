"""`rules/processes.yaml` comes in, `Program`s go out: what starts processes, and what says how many."""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING

from txsafe.catalog.document import Reader, read_document

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Count:
    """What says how many processes or threads there are, in the order in which it counts."""

    options: tuple[str, ...] = ()
    settings: tuple[str, ...] = ()
    variable: str | None = None
    default: int | None = None
    """None where it depends on the machine."""
    note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Program:
    """A program that starts processes."""

    name: str
    command: str | None
    """The word that must follow its name."""
    configuration: tuple[str, ...]
    processes: Count
    threads: Count
    reference: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ForeignPool:
    """A pool of another language, which a settings file describes."""

    name: str
    within: str
    keys: tuple[str, ...]
    default: int
    reference: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Processes:
    """The whole file."""

    programs: Mapping[str, Program]
    """By every one of their names."""
    pools: tuple[ForeignPool, ...]


def load_processes(directory: Path) -> Processes:
    """Read the file; raise `CatalogError` with the place of the first fault."""
    reader = Reader(read_document(directory / "processes.yaml", "rules/processes.yaml"), "the programs")
    pools = tuple(_read_pool(name, Reader(node, name)) for name, node in reader.entries("pools"))
    programs: dict[str, Program] = {}
    for name, node in reader.entries("programs"):
        one = Reader(node, name)
        program = Program(
            name=name,
            command=one.optional_text("command") or None,
            configuration=one.texts("configuration"),
            processes=_read_count(one.reader("processes")),
            threads=_read_count(one.reader("threads")),
            reference=one.text("reference"),
        )
        programs.update(dict.fromkeys((name, *one.texts("also")), program))
        one.finish()
    reader.finish()
    return Processes(programs=MappingProxyType(programs), pools=pools)


def _read_pool(name: str, reader: Reader) -> ForeignPool:
    default = reader.text("default")
    if not (default.isascii() and default.isdigit()):
        raise reader.error(f"{default!r} is no number", "default")
    pool = ForeignPool(
        name=name,
        within=reader.text("within"),
        keys=reader.texts("keys"),
        default=int(default),
        reference=reader.text("reference"),
    )
    reader.finish()
    return pool


def _read_count(reader: Reader) -> Count:
    default = reader.optional_text("default")
    if default and not (default.isascii() and default.isdigit()):
        raise reader.error(f"{default!r} is no number", "default")
    count = Count(
        options=reader.texts("options"),
        settings=reader.texts("settings"),
        variable=reader.optional_text("variable") or None,
        default=int(default) if default else None,
        note=reader.optional_text("note"),
    )
    reader.finish()
    return count
