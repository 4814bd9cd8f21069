"""YAML text comes in, a tree of `Node`s goes out: strings, lists and mappings that know their line.

Rules, poolers and drivers are all read through this module, so that they fail alike:
`rules/features/x.yaml:7: unknown key 'requries'; did you mean 'requires'?`.

The tree is built from PyYAML's event stream and not from `yaml.compose`: composing recurses in C and takes the
interpreter down on deeply nested input (seen with PyYAML 6.0 and 200,000 brackets), it accepts duplicate keys, and it
expands aliases, of which a "billion laughs" file is made. Every scalar stays a string, because YAML 1.1 reads `off` as
false and `12:30:45` as 45045.
"""

from __future__ import annotations

import difflib
import enum
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, TypeVar

from txsafe.errors import CatalogError, did_you_mean
from txsafe.watching import sought

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    import yaml

MAX_BYTES = 1_000_000
"""A rule file has some thousand; without aliases this also bounds the number of nodes."""
MAX_DEPTH = 32

_Word = TypeVar("_Word", bound=enum.StrEnum)


@dataclass(frozen=True, slots=True)
class Node:
    """A value of a document and where it stands."""

    path: str
    line: int
    """From 1."""

    def error(self, message: str) -> CatalogError:
        """Return, not raise, the error `path:line: message`."""
        return CatalogError(f"{self.path}:{self.line}: {message}")


@dataclass(frozen=True, slots=True)
class TextNode(Node):
    """A scalar, as a string."""

    text: str


@dataclass(frozen=True, slots=True)
class ListNode(Node):
    """A sequence."""

    items: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class MappingNode(Node):
    """A mapping in the order of the file."""

    entries: Mapping[str, Node]
    lines: Mapping[str, int]
    """The line of each key."""


_KINDS: Mapping[type[Node], str] = MappingProxyType(
    {TextNode: "a string", ListNode: "a list", MappingNode: "a mapping"}
)


class Reader:
    """Takes the keys of one mapping, each at most once asked for by name; `finish` refuses the rest."""

    __slots__ = ("_asked", "_node")

    def __init__(self, node: Node, what: str = "this") -> None:
        """Raise `CatalogError` if the node is no mapping; `what` is how messages call it."""
        if not isinstance(node, MappingNode):
            raise node.error(f"{what} must be a mapping, not {_KINDS[type(node)]}")
        self._node = node
        self._asked: set[str] = set()

    @property
    def path(self) -> str:
        """The file's path, as messages show it."""
        return self._node.path

    @property
    def line(self) -> int:
        """The line on which the mapping starts."""
        return self._node.line

    @property
    def keys(self) -> tuple[str, ...]:
        """All keys that the file has here, known or not."""
        return tuple(self._node.entries)

    def __contains__(self, key: str) -> bool:
        return key in self._node.entries

    def error(self, message: str, key: str | None = None) -> CatalogError:
        """Return the error `path:line: message`, at the key's line where one is given."""
        line = self._node.lines.get(key, self._node.line) if key is not None else self._node.line
        return CatalogError(f"{self._node.path}:{line}: {message}")

    def missing(self, key: str, where: str = "") -> CatalogError:
        """Return the error for a key that must be there, or for what looks like its misspelling."""
        unasked = [found for found in self._node.entries if found not in self._asked]
        for found in difflib.get_close_matches(key, unasked, n=1, cutoff=0.75):
            return self.error(f"unknown key {found!r}; did you mean {key!r}?", found)
        return self.error(f"{key!r} is missing{where}")

    def node(self, key: str) -> Node | None:
        """Return the value of an optional key."""
        self._asked.add(key)
        return self._node.entries.get(key)

    def required_node(self, key: str) -> Node:
        """Return the value of a key, or raise."""
        node = self.node(key)
        if node is None:
            raise self.missing(key)
        return node

    def text(self, key: str) -> str:
        """Return a required string."""
        return read_text(self.required_node(key), repr(key))

    def optional_text(self, key: str, default: str = "") -> str:
        """Return an optional string."""
        node = self.node(key)
        return default if node is None else read_text(node, repr(key))

    def word(self, key: str, words: type[_Word]) -> _Word:
        """Return a required word of an enumeration."""
        return read_word(self.required_node(key), words)

    def optional_word(self, key: str, words: type[_Word]) -> _Word | None:
        """Return an optional word of an enumeration."""
        node = self.node(key)
        return None if node is None else read_word(node, words)

    def flag(self, key: str) -> bool:
        """Return an optional `yes` or `no`; `no` where it is missing."""
        return self.optional_flag(key) is True

    def optional_flag(self, key: str) -> bool | None:
        """Return an optional `yes` or `no`."""
        node = self.node(key)
        if node is None:
            return None
        text = read_text(node, repr(key))
        if text not in {"yes", "no"}:
            raise node.error(f"{key!r} must be yes or no, not {text!r}")
        return text == "yes"

    def texts(self, key: str) -> tuple[str, ...]:
        """Return an optional list of strings; one string is a list of one."""
        return tuple(read_text(node, f"an item of {key!r}") for node in self.nodes(key))

    def words(self, key: str, words: type[_Word]) -> tuple[_Word, ...]:
        """Return an optional list of words of an enumeration; one word is a list of one."""
        return tuple(read_word(node, words) for node in self.nodes(key))

    def nodes(self, key: str) -> tuple[Node, ...]:
        """Return the items of an optional list; anything else than a list is a list of one."""
        match self.node(key):
            case None:
                return ()
            case ListNode(items=items):
                return items
            case node:
                return (node,)

    def reader(self, key: str) -> Reader:
        """Return a reader of a required mapping."""
        return Reader(self.required_node(key), repr(key))

    def optional_reader(self, key: str) -> Reader | None:
        """Return a reader of an optional mapping."""
        node = self.node(key)
        return None if node is None else Reader(node, repr(key))

    def readers(self, key: str) -> tuple[Reader, ...]:
        """Return readers of an optional list of mappings; one mapping is a list of one."""
        return tuple(Reader(node, f"an item of {key!r}") for node in self.nodes(key))

    def entries(self, key: str) -> tuple[tuple[str, Node], ...]:
        """Return the pairs of an optional mapping whose keys the author chooses."""
        node = self.node(key)
        if node is None:
            return ()
        if not isinstance(node, MappingNode):
            raise node.error(f"{key!r} must be a mapping, not {_KINDS[type(node)]}")
        return tuple(node.entries.items())

    def text_map(self, key: str) -> Mapping[str, str]:
        """Return an optional mapping from names to strings."""
        return MappingProxyType({name: read_text(node, repr(name)) for name, node in self.entries(key)})

    def list_map(self, key: str) -> Mapping[str, tuple[str, ...]]:
        """Return an optional mapping from names to lists of strings; one string is a list of one."""
        return MappingProxyType({name: read_texts(node, repr(name)) for name, node in self.entries(key)})

    def finish(self) -> None:
        """Raise if the mapping has a key that nobody asked for."""
        for key in self._node.entries:
            if key not in self._asked:
                raise self.error(f"unknown key {key!r}{did_you_mean(key, sorted(self._asked))}", key)


def read_text(node: Node, what: str = "this") -> str:
    """Return a string, or raise."""
    if not isinstance(node, TextNode):
        raise node.error(f"{what} must be a string, not {_KINDS[type(node)]}")
    return node.text


def read_texts(node: Node, what: str = "this") -> tuple[str, ...]:
    """Return a list of strings, or one string as a list of one, or raise."""
    items = node.items if isinstance(node, ListNode) else (node,)
    return tuple(read_text(item, what) for item in items)


def read_word(node: Node, words: type[_Word]) -> _Word:
    """Return a word of an enumeration, or raise with the nearest one."""
    text = read_text(node)
    try:
        return words(text)
    except ValueError:
        known = [word.value for word in words]
        fault = f"{text!r} is none of {', '.join(known)}{did_you_mean(text, known)}"
        raise node.error(fault) from None


# ---------------------------------------------------------------- decoding


def read_document(file: Path, path: str) -> Node:
    """Read and decode one YAML file; `path` is what messages call it."""
    sought(file)
    try:
        with file.open("rb") as stream:
            data = stream.read(MAX_BYTES + 1)
    except OSError as error:
        raise CatalogError(f"{path}:0: cannot be read: {error.strerror}") from None
    if len(data) > MAX_BYTES:
        raise CatalogError(f"{path}:0: larger than {MAX_BYTES:,} bytes")
    return parse_document(data, path)


def parse_document(data: bytes | str, path: str) -> Node:
    """Decode one YAML document, which must not be empty; raise `CatalogError` with the line of the first fault."""
    import yaml

    loader: yaml.CBaseLoader | yaml.BaseLoader = getattr(yaml, "CBaseLoader", yaml.BaseLoader)(data)
    try:
        return _TreeBuilder(path).build(iter(loader.get_event, None))
    except yaml.MarkedYAMLError as error:
        line = 0 if error.problem_mark is None else error.problem_mark.line + 1
        raise CatalogError(f"{path}:{line}: not YAML: {error.problem}") from None
    except yaml.YAMLError as error:
        raise CatalogError(f"{path}:0: not YAML: {str(error).splitlines()[0]}") from None
    finally:
        loader.dispose()


@dataclass(slots=True)
class _Open:
    """A list or mapping whose end has not been seen."""

    line: int
    is_mapping: bool
    items: list[Node] = field(default_factory=list)
    """Of a mapping: key, value, key, value …"""


class _TreeBuilder:
    """Turns events into nodes with a stack of its own, so that nesting costs no recursion."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._stack: list[_Open] = []
        self._documents = _Open(0, is_mapping=False)

    def build(self, events: Iterable[yaml.Event]) -> Node:
        from yaml import CollectionEndEvent, DocumentStartEvent, NodeEvent, ScalarEvent, StreamEndEvent

        items = self._documents.items
        # All of the catalogue comes through here when txsafe starts; `match` with class patterns takes twice as long.
        for event in events:
            if isinstance(event, NodeEvent):
                if event.anchor is not None:
                    raise self._fault(event, "anchors and aliases are not supported")
                if isinstance(event, ScalarEvent):
                    items.append(TextNode(self._path, _line(event), event.value))
                else:
                    items = self._open(event)
            elif isinstance(event, CollectionEndEvent):
                items = self._close()
            elif isinstance(event, DocumentStartEvent) and items:
                raise self._fault(event, "a second document; one file holds one")
            elif isinstance(event, StreamEndEvent):
                break
        if not items:
            raise CatalogError(f"{self._path}:0: the file is empty")
        return items[0]

    def _fault(self, event: yaml.Event, message: str) -> CatalogError:
        return CatalogError(f"{self._path}:{_line(event)}: {message}")

    def _open(self, event: yaml.Event) -> list[Node]:
        """Start a list or mapping; return where its items go."""
        if len(self._stack) == MAX_DEPTH:
            raise self._fault(event, f"nested deeper than {MAX_DEPTH}")
        opened = _Open(_line(event), is_mapping=type(event).__name__ == "MappingStartEvent")
        self._stack.append(opened)
        return opened.items

    def _close(self) -> list[Node]:
        """End the innermost list or mapping; return where the items after it go."""
        done = self._stack.pop()
        node = self._mapping(done) if done.is_mapping else ListNode(self._path, done.line, tuple(done.items))
        items = (self._stack[-1] if self._stack else self._documents).items
        items.append(node)
        return items

    def _mapping(self, done: _Open) -> MappingNode:
        entries: dict[str, Node] = {}
        lines: dict[str, int] = {}
        pairs = iter(done.items)
        for key, value in zip(pairs, pairs, strict=True):
            name = read_text(key, "a key")
            if name in entries:
                raise key.error(f"duplicate key {name!r}, first on line {lines[name]}")
            entries[name] = value
            lines[name] = key.line
        return MappingNode(self._path, done.line, MappingProxyType(entries), MappingProxyType(lines))


def _line(event: yaml.Event) -> int:
    return 0 if event.start_mark is None else event.start_mark.line + 1
