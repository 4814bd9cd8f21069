"""Blocks of a section come in, plain text for a terminal goes out: prose wrapped, tables aligned, no colours."""

from __future__ import annotations

import textwrap
from typing import TYPE_CHECKING, assert_never

from txsafe.audit.section import Align, Bars, Bullets, Folded, Listing, Paragraph, Steps, Table
from txsafe.report.escaping import escape, escape_block

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from txsafe.audit.section import Block, Item


def render_blocks(blocks: Iterable[Block], *, width: int) -> str:
    """Render blocks with an empty line between them."""
    return "\n".join("".join(f"{line}\n" for line in _show(block, width)) for block in blocks)


def _show(block: Block, width: int) -> Iterator[str]:
    match block:
        case Paragraph():
            yield from _wrap(block.text, width)
        case Table():
            heads = [column.head for column in block.columns]
            rights = [column.align is Align.RIGHT for column in block.columns]
            yield from _align(block.caption, [heads, *([cell.text for cell in row] for row in block.rows)], rights)
        case Bars():
            yield from _align(block.caption, [[bar.label, f"{bar.value:,}"] for bar in block.bars], [False, True])
        case Listing():
            yield from (f"    {line}" for line in escape_block(block.text))
        case Bullets() | Steps():
            yield from _list_items(block.items, width, numbered=isinstance(block, Steps))
        case Folded():
            yield escape(block.title)
            yield from render_blocks(block.blocks, width=width).splitlines()
        case _:
            assert_never(block)


def _wrap(text: str, width: int, lead: str = "") -> Iterator[str]:
    yield from textwrap.wrap(
        escape(text),
        width=max(width, 40),
        initial_indent=lead,
        subsequent_indent=" " * len(lead),
        break_long_words=False,
        break_on_hyphens=False,
    )


def _list_items(items: Sequence[Item], width: int, *, numbered: bool) -> Iterator[str]:
    for number, item in enumerate(items, start=1):
        lead = f"{number:>2}. " if numbered else "- "
        yield from _wrap(item.text, width, lead)
        inner = render_blocks(item.details, width=width - len(lead))
        yield from (f"{' ' * len(lead)}{line}".rstrip() for line in inner.splitlines())


def _align(caption: str, rows: Sequence[Sequence[str]], rights: Sequence[bool]) -> Iterator[str]:
    yield f"{escape(caption)}:"
    shown = [[escape(text) for text in row] for row in rows]
    widths = [max((len(row[column]) for row in shown), default=0) for column in range(len(rights))]
    for row in shown:
        cells = (
            text.rjust(width) if right else text.ljust(width)
            for text, width, right in zip(row, widths, rights, strict=True)
        )
        yield "  ".join(cells).rstrip()
