"""The documents of the shipped rules, from what is kept of them where there is that: YAML takes ten times as long.

In: a rule file's path. Out: the same `Node` as from the file itself, lines and all, so that whoever reads it reads the
same and tells faults alike. The files remain the only source; see `txsafe.shipped`.
"""

from __future__ import annotations

import marshal
from functools import lru_cache
from types import MappingProxyType
from typing import TYPE_CHECKING, TypeAlias

from txsafe.catalog.document import ListNode, MappingNode, Node, TextNode, read_document
from txsafe.shipped import kept, rules_folder
from txsafe.watching import sought

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from txsafe.shipped import Plain

Packed: TypeAlias = "tuple[int, str | list[Packed]] | tuple[int, tuple[str, ...], tuple[int, ...], list[Packed]]"
"""A line with a text or a list; or with the keys of a mapping, their lines and their values."""
_NAME = "documents"


def read_shipped(file: Path, path: str, listed: Iterable[tuple[Path, str]]) -> Node:
    """Return the document of a shipped file; `path` is what messages call it, `listed` are all that are to be kept."""
    packed = _list_kept(rules_folder(), tuple(listed)).get(path)
    if packed is None:
        return read_document(file, path)
    sought(file)
    return unpack(marshal.loads(packed), path)  # noqa: S302  # see `txsafe.shipped`


@lru_cache(maxsize=1)
def _list_kept(_folder: str, listed: tuple[tuple[Path, str], ...]) -> Mapping[str, bytes]:
    """Return what is kept by path, each by itself: of the poolers, most are never looked at."""

    def make() -> Plain:
        return {path: marshal.dumps(pack(read_document(file, path))) for file, path in listed}

    found = kept(_NAME, make)
    if not isinstance(found, dict):
        return {}
    return {path: packed for path, packed in found.items() if isinstance(packed, bytes)}


def pack(node: Node) -> Packed:
    """Return a node as plain data."""
    match node:
        case TextNode(line=line, text=text):
            return (line, text)
        case ListNode(line=line, items=items):
            return (line, [pack(item) for item in items])
        case MappingNode(line=line, entries=entries, lines=lines):
            return (line, tuple(entries), tuple(lines.values()), [pack(value) for value in entries.values()])
    raise TypeError(type(node).__name__)


def unpack(packed: Packed, path: str) -> Node:
    """Return the node that was packed. All rules come through here when txsafe starts; `match` takes twice as long."""
    if len(packed) == 2:
        line, content = packed
        if isinstance(content, str):
            return TextNode(path, line, content)
        return ListNode(path, line, tuple([unpack(item, path) for item in content]))
    line, keys, lines, values = packed
    entries = dict(zip(keys, [unpack(value, path) for value in values], strict=True))
    return MappingNode(path, line, MappingProxyType(entries), MappingProxyType(dict(zip(keys, lines, strict=True))))
