"""Every block of a section is shown by every renderer."""

from __future__ import annotations

from txsafe.audit.elements import render_nodes
from txsafe.audit.markdown_page import show_section as show_markdown
from txsafe.audit.section import (
    Align,
    Bar,
    Bars,
    Bullets,
    Cell,
    Column,
    Folded,
    Item,
    Listing,
    Paragraph,
    Section,
    Shape,
    Steps,
    Table,
    Tone,
)
from txsafe.audit.section_html import show_section as show_html
from txsafe.audit.section_text import render_blocks

TABLE = Table(
    caption="Numbers",
    columns=(Column(head="Name"), Column(head="Count", align=Align.RIGHT)),
    rows=((Cell(text="a|b", target="f-1"), Cell(text="12", tone=Tone.BAD)), (Cell(text="`c|d`"), Cell(text="3"))),
    shape=Shape.MATRIX,
)
SECTION = Section(
    id="sample",
    title="A <sample>",
    blocks=(
        Paragraph(text="Say `SET x`.", tone=Tone.FAIR),
        TABLE,
        Listing(text="SELECT '```';\nSELECT 2;", language="sql"),
        Bullets(items=(Item(text="one", target="f-1"), Item(text="two", details=(Listing(text="x"),)))),
        Steps(items=(Item(text="first"), Item(text="second", details=(Paragraph(text="why"),)))),
        Bars(
            caption="Sizes",
            bars=(
                Bar(label="big", value=2000, tone=Tone.BAD, note="most", target="f-2"),
                Bar(label="none", value=0),
            ),
        ),
        Folded(title="More", blocks=(Paragraph(text="hidden"),)),
    ),
)


def test_html_shows_every_block() -> None:
    markup = render_nodes([show_html(SECTION)])
    for part in (
        '<section aria-labelledby="sample"><h2 id="sample">A &lt;sample&gt;</h2>',
        '<p class="box fair">Say <code>SET x</code>.</p>',
        '<div class="scroll" role="region" aria-label="Numbers" tabindex="0"><table class="matrix">',
        '<th scope="col" class="number"><span>Count</span></th>',
        '<th scope="row"><a href="#f-1">a|b</a></th><td class="number bad">12</td>',
        "SELECT &#x27;```&#x27;;\nSELECT 2;",
        '<li><a href="#f-1">one</a></li>',
        '<ol class="steps"><li><span>first</span></li><li><span>second</span><p>why</p></li></ol>',
        '<rect width="100.0%" height="14" rx="2" class="bar bad">',
        '<rect width="0.0%"',
        '<td class="number">2,000</td>',
        "<details><summary>More</summary><p>hidden</p></details>",
    ):
        assert part in markup


def test_a_picture_without_numbers_is_empty() -> None:
    bars = Section(id="x", title="x", blocks=(Bars(caption="Nothing", bars=(Bar(label="a", value=0),)),))
    assert '<rect width="0.0%"' in render_nodes([show_html(bars)])


def test_markdown_shows_every_block() -> None:
    lines = list(show_markdown(SECTION))
    assert lines[0] == "## A \\<sample\\>"
    text = "\n".join(lines)
    for part in (
        "Say `SET x`.\n",
        "| Name | Count |\n| --- | ---: |\n| a\\|b | 12 |\n| `c\\|d` | 3 |\n",
        "````sql\nSELECT '```';\nSELECT 2;\n````\n",
        "- one\n- two\n\n  ```\n  x\n  ```",
        "- [ ] first\n- [ ] second\n\n  why",
        "| big | 2,000 |",
        "**More**\n\nhidden",
    ):
        assert part in text


def test_text_shows_every_block() -> None:
    text = render_blocks(SECTION.blocks, width=60)
    for part in (
        "Say `SET x`.\n",
        "Numbers:\nName   Count\na|b       12\n`c|d`      3\n",
        "    SELECT 2;\n",
        "- one\n- two\n      x\n",
        " 1. first\n 2. second\n    why\n",
        "Sizes:\nbig   2,000\nnone      0\n",
        "More\nhidden\n",
    ):
        assert part in text


def test_long_prose_is_wrapped_for_a_terminal() -> None:
    text = render_blocks((Paragraph(text="word " * 40), Bullets(items=(Item(text="item " * 30),))), width=50)
    assert max(len(line) for line in text.splitlines()) <= 50
    assert "\n  item" in text


def test_a_line_cannot_become_a_list_or_a_heading() -> None:
    section = Section(
        id="x", title="x", blocks=tuple(Paragraph(text=text) for text in ("- a", "1. b", "# c", "+ d", "> e"))
    )
    shown = [line for line in show_markdown(section) if line][1:]
    assert shown == ["\\- a", "1\\. b", "\\# c", "\\+ d", "\\> e"]
