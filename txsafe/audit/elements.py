"""HTML as values: elements and texts come in, markup goes out in which no text can be taken for markup.

There is no way to put a string into a page unescaped but `Verbatim`, which is for the style sheet and the script of
this package. Texts come from files that anyone may have written: invisible and control characters are spelled out.
"""

from __future__ import annotations

import html
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from txsafe.report.escaping import escape, escape_block

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

_VOID = frozenset({"br", "hr", "img", "input", "link", "meta", "rect"})
_CODE = re.compile(r"`([^`]+)`")


@dataclass(frozen=True, slots=True)
class Verbatim:
    """A style sheet or script of our own."""

    text: str


@dataclass(frozen=True, slots=True)
class Element:
    """A tag, its attributes, and what stands in it."""

    tag: str
    attributes: Mapping[str, str]
    children: tuple[Node, ...]


Node: TypeAlias = "Element | Verbatim | str | None"


def element(tag: str, *children: Node, **attributes: str | bool | None) -> Element:
    """Return an element. `class_` and `for_` lose their underscore, others become hyphens; False and None drop out."""
    kept = {
        name.rstrip("_").replace("_", "-"): value if isinstance(value, str) else ""
        for name, value in attributes.items()
        if value is True or isinstance(value, str)
    }
    return Element(tag, kept, children)


def text_with_code(text: str) -> Iterator[Node]:
    """Give prose in which what stands between backticks is code."""
    for number, part in enumerate(_CODE.split(text)):
        if part:
            yield element("code", part) if number % 2 else part


def preformatted(text: str, *, class_: str = "") -> Element:
    """Return lines that keep their breaks."""
    lines = escape_block(text)
    inner = [node for line in lines for node in (line, Verbatim("\n"))]
    return element("pre", element("code", *inner[:-1]), class_=class_ or None, tabindex="0")


def render_nodes(nodes: Iterable[Node]) -> str:
    """Return the markup."""
    parts: list[str] = []
    for node in nodes:
        _render(node, parts)
    return "".join(parts)


def _render(node: Node, parts: list[str]) -> None:
    match node:
        case None:
            return
        case str():
            parts.append(html.escape(escape(node)))
        case Verbatim():
            parts.append(node.text)
        case Element():
            attributes = "".join(f' {name}="{_quote(text)}"' for name, text in node.attributes.items())
            parts.append(f"<{node.tag}{attributes}>")
            for child in node.children:
                _render(child, parts)
            if node.tag not in _VOID:
                parts.append(f"</{node.tag}>")


def _quote(text: str) -> str:
    return html.escape(escape(text), quote=True)
