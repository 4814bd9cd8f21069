"""`rules/postgresql.yaml` comes in as a `Node`, `ServerFacts` go out: what depends on the server's version."""

from __future__ import annotations

from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING

from txsafe.catalog.document import Node, Reader, read_text

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerFacts:
    """What depends on PostgreSQL's major version."""

    oldest_supported: int
    newest_known: int
    reported: Mapping[str, int]
    """Parameter, lower-case → first major that reports a change of it to the client (GUC_REPORT)."""
    reserved: Mapping[str, int] = field(default_factory=dict)
    """Parameter → connections that it keeps from ordinary clients if nobody sets it."""
    stable_functions: frozenset[str] = frozenset()
    """Functions that change nothing and give the same again within a statement: those of `pg_proc.provolatile` i or s
    that do not ask for the time."""

    def reports(self, parameter: str, version: int) -> bool:
        """Tell whether a server of this version tells clients when the parameter changes."""
        since = self.reported.get(parameter)
        return since is not None and since <= version


def read_server_facts(document: Node) -> ServerFacts:
    """Decode the file; raise `CatalogError` with the place of the first fault."""
    reader = Reader(document, "the server's facts")
    facts = ServerFacts(
        oldest_supported=_read_major(reader.required_node("oldest-supported")),
        newest_known=_read_major(reader.required_node("newest-known")),
        reported=MappingProxyType({name.lower(): _read_major(node) for name, node in reader.entries("reported")}),
        reserved=MappingProxyType({name: _read_number(node) for name, node in reader.entries("reserved-connections")}),
        stable_functions=frozenset(" ".join(reader.texts("stable-functions")).split()),
    )
    if not reader.texts("references"):
        raise reader.error("'references' must name at least one source")
    reader.finish()
    return facts


def _read_major(node: Node) -> int:
    text = read_text(node, "a version")
    if not (text.isascii() and text.isdigit() and len(text) < 3):
        raise node.error(f"{text!r} is no major version")
    return int(text)


def _read_number(node: Node) -> int:
    text = read_text(node, "a number")
    if not (text.isascii() and text.isdigit() and len(text) < 5):
        raise node.error(f"{text!r} is no number of connections")
    return int(text)
