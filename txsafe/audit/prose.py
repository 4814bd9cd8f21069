"""The Markdown of rules' explanations comes in, elements go out: paragraphs, lists, fences, code and bold."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from txsafe.audit.elements import Element, Node, element, preformatted, text_with_code

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_BOLD = re.compile(r"\*\*([^*]+)\*\*")
_BLOCK = re.compile(r"\n\s*\n")
_FENCE = re.compile(r"```\w*\n(.*?)\n```", re.DOTALL)
_ITEM = re.compile(r"^- ", re.MULTILINE)


def read_prose(markdown: str) -> Iterator[Element]:
    """Give the blocks of an explanation; what is not understood stays text."""
    for number, part in enumerate(_FENCE.split(markdown)):
        if number % 2:
            yield preformatted(part)
        else:
            yield from _read_blocks(part)


def _read_blocks(text: str) -> Iterator[Element]:
    for block in _BLOCK.split(text):
        lead, *items = _ITEM.split(block.strip())
        if lead.strip():
            yield element("p", *_inline(lead))
        if items:
            yield element("ul", *(element("li", *_inline(item)) for item in items))


def _inline(text: str) -> Iterator[Node]:
    joined = " ".join(text.split())
    for number, part in enumerate(_BOLD.split(joined)):
        if number % 2:
            yield element("strong", *text_with_code(part))
        else:
            yield from text_with_code(part)


def list_references(references: Iterable[str]) -> Element:
    """Return links to what an explanation rests on; what is no address stays text."""
    return element("ul", *(element("li", link(reference)) for reference in references))


def link(address: str) -> Node:
    """Return a link, or the text where it is no address: no other scheme than https may be followed from a report."""
    if not address.startswith("https://"):
        return address
    return element("a", address, href=address, rel="noreferrer")
