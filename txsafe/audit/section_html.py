"""Sections come in, elements go out."""

from __future__ import annotations

from typing import TYPE_CHECKING, assert_never

from txsafe.audit.elements import Element, Node, element, preformatted, text_with_code
from txsafe.audit.section import (
    Align,
    Bar,
    Bars,
    Block,
    Bullets,
    Cell,
    Column,
    Folded,
    Item,
    Listing,
    Paragraph,
    Section,
    Steps,
    Table,
    Tone,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_BAR_HEIGHT = 14


def show_section(section: Section) -> Element:
    """Return a landmark with the section's heading and blocks."""
    heading = element("h2", section.title, id=section.id)
    return element("section", heading, *show_blocks(section.blocks), aria_labelledby=section.id)


def show_blocks(blocks: Iterable[Block]) -> Iterator[Element]:
    """Give the elements of some blocks."""
    for block in blocks:
        yield _show(block)


def _show(block: Block) -> Element:
    match block:
        case Paragraph():
            class_ = None if block.tone is Tone.PLAIN else f"box {block.tone}"
            shown = element("p", *text_with_code(block.text), class_=class_)
        case Table():
            shown = show_table(block)
        case Listing():
            shown = preformatted(block.text)
        case Bullets():
            shown = element("ul", *(_show_item(item) for item in block.items))
        case Steps():
            shown = element("ol", *(_show_item(item) for item in block.items), class_="steps")
        case Bars():
            shown = show_bars(block)
        case Folded():
            shown = element("details", element("summary", block.title), *show_blocks(block.blocks))
        case _:
            assert_never(block)
    return shown


def _show_item(item: Item) -> Element:
    text = tuple(text_with_code(item.text))
    head = element("a", *text, href=f"#{item.target}") if item.target else element("span", *text)
    return element("li", head, *show_blocks(item.details))


def show_table(table: Table) -> Element:
    """Return a table in a box that scrolls by itself, so that the page never does sideways."""
    head = element("tr", *(_show_head(column) for column in table.columns))
    rows = (element("tr", *_show_row(row, table.columns)) for row in table.rows)
    caption = _caption(table.caption)
    whole = element("table", caption, element("thead", head), element("tbody", *rows), class_=table.shape.value)
    return element("div", whole, class_="scroll", role="region", aria_label=table.caption, tabindex="0")


def _caption(text: str) -> Element:
    return element("caption", element("span", *text_with_code(text)))


def _show_head(column: Column) -> Element:
    return element("th", element("span", *text_with_code(column.head)), scope="col", class_=_align(column))


def _show_row(row: Iterable[Cell], columns: Iterable[Column]) -> Iterator[Element]:
    for number, (cell, column) in enumerate(zip(row, columns, strict=True)):
        text: tuple[Node, ...] = tuple(text_with_code(cell.text))
        inner = (element("a", *text, href=f"#{cell.target}"),) if cell.target else text
        classes = " ".join(filter(None, (_align(column), cell.tone.value if cell.tone is not Tone.PLAIN else "")))
        if number:
            yield element("td", *inner, class_=classes or None)
        else:
            yield element("th", *inner, scope="row", class_=classes or None)


def _align(column: Column) -> str | None:
    return "number" if column.align is Align.RIGHT else None


def show_bars(bars: Bars) -> Element:
    """Return a table whose last column is a picture of the numbers; widths are SVG's, so that no style is inline."""
    most = max((bar.value for bar in bars.bars), default=0)
    rows = (element("tr", *_show_bar(bar, most)) for bar in bars.bars)
    return element("table", _caption(bars.caption), element("tbody", *rows), class_="bars")


def _show_bar(bar: Bar, most: int) -> Iterator[Element]:
    text: tuple[Node, ...] = tuple(text_with_code(bar.label))
    yield element("th", *((element("a", *text, href=f"#{bar.target}"),) if bar.target else text), scope="row")
    yield element("td", f"{bar.value:,}", class_="number")
    share = 100 * bar.value / most if most else 0
    box = element("rect", width=f"{share:.1f}%", height=f"{_BAR_HEIGHT}", rx="2", class_=f"bar {bar.tone}")
    picture = element("svg", box, width="100%", height=f"{_BAR_HEIGHT}", aria_hidden="true", focusable="false")
    yield element("td", picture, element("span", bar.note, class_="note") if bar.note else None, class_="picture")
