"""An `Audit` comes in, GitHub-flavoured Markdown goes out: the same content, to be pasted into a tracker or a wiki.

Texts of analysed files are escaped, so that they can be neither markup nor HTML: https://spec.commonmark.org/0.31.2/.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, assert_never

from txsafe.audit.outline import list_appendices, list_pictures, list_sections
from txsafe.audit.section import (
    Align,
    Bars,
    Bullets,
    Cell,
    Column,
    Folded,
    Listing,
    Paragraph,
    Section,
    Steps,
    Table,
)
from txsafe.model import Confidence
from txsafe.report.escaping import escape, escape_block
from txsafe.report.wording import describe_effect

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from txsafe.audit.document import Audit, Finding, Group
    from txsafe.audit.section import Block, Item

_CODE = re.compile(r"`([^`]+)`")
_SPECIAL = re.compile(r"([\\`*_\[\]<>#|~&])")
_LINE_START = re.compile(r"^(\s*\d*)([-+=.)])")
_BARE_BAR = re.compile(r"(?<!\\)\|")
_ESCAPED_BAR = r"\\|"
"""Inside of code, too: a table's cells are told apart before anything else is read."""
_FENCE = re.compile(r"`{3,}")


def render(audit: Audit) -> str:
    """Render the whole document."""
    return "\n".join(_list_lines(audit)) + "\n"


def _list_lines(audit: Audit) -> Iterator[str]:
    yield f"# Can {_prose(audit.project)} move behind {_prose(audit.profile.title)}?"
    yield ""
    when = f"{audit.date}, " if audit.date else ""
    yield f"Migration audit, {when}txsafe {audit.version}."
    yield ""
    yield f"## {audit.answer.headline}"
    yield ""
    yield from (f"- {_prose(reason)}" for reason in audit.answer.reasons)
    yield ""
    for picture in list_pictures(audit):
        yield from _show_bars(picture)
    for section in list_sections(audit):
        yield from show_section(section)
    yield from _show_findings(audit)
    yield from _show_groups(audit)
    for section in list_appendices(audit):
        yield from show_section(section)


# ---------------------------------------------------------------- texts


def _prose(text: str) -> str:
    """Return prose on one line in which what stands between backticks is code and nothing else is markup."""
    parts = _CODE.split(escape(text))
    shown = "".join(_code(part) if number % 2 else _plain(part) for number, part in enumerate(parts))
    return _LINE_START.sub(r"\1\\\2", shown)


def _plain(text: str) -> str:
    return _SPECIAL.sub(r"\\\1", text)


def _code(text: str) -> str:
    return f"`{text}`"


def _fenced(text: str, language: str) -> Iterator[str]:
    lines = escape_block(text)
    longest = max((len(found) for line in lines for found in _FENCE.findall(line)), default=2)
    fence = "`" * (longest + 1)
    yield f"{fence}{language}"
    yield from lines
    yield fence


# ---------------------------------------------------------------- sections


def show_section(section: Section) -> Iterator[str]:
    """Give the lines of a section."""
    yield f"## {_prose(section.title)}"
    yield ""
    yield from _show_blocks(section.blocks)


def _show_blocks(blocks: Iterable[Block]) -> Iterator[str]:
    for block in blocks:
        yield from _show(block)


def _show(block: Block) -> Iterator[str]:
    match block:
        case Paragraph():
            yield from (_prose(block.text), "")
        case Table():
            yield from _show_table(block.caption, block.columns, block.rows)
        case Listing():
            yield from (*_fenced(block.text, block.language), "")
        case Bullets():
            yield from (*_show_items(block.items, "-"), "")
        case Steps():
            yield from (*_show_items(block.items, "- [ ]"), "")
        case Bars():
            yield from _show_bars(block)
        case Folded():
            yield from (f"**{_prose(block.title)}**", "", *_show_blocks(block.blocks))
        case _:
            assert_never(block)


def _show_items(items: Sequence[Item], mark: str) -> Iterator[str]:
    for item in items:
        yield f"{mark} {_prose(item.text)}"
        details = list(_show_blocks(item.details))
        if details:
            yield ""
            yield from (f"  {line}".rstrip() for line in details)


def _show_table(caption: str, columns: Sequence[Column], rows: Iterable[Sequence[Cell]]) -> Iterator[str]:
    yield f"**{_prose(caption)}**"
    yield ""
    yield _row(_prose(column.head) for column in columns)
    yield _row("---:" if column.align is Align.RIGHT else "---" for column in columns)
    yield from (_row(_prose(cell.text) for cell in row) for row in rows)
    yield ""


def _row(texts: Iterable[str]) -> str:
    return f"| {' | '.join(_BARE_BAR.sub(_ESCAPED_BAR, text) for text in texts)} |"


def _show_bars(bars: Bars) -> Iterator[str]:
    columns = (Column(head="What"), Column(head="Findings", align=Align.RIGHT))
    rows = [(Cell(text=bar.label), Cell(text=f"{bar.value:,}")) for bar in bars.bars]
    yield from _show_table(bars.caption, columns, rows)


# ---------------------------------------------------------------- findings


def _show_findings(audit: Audit) -> Iterator[str]:
    yield from ("## Findings", "")
    by_anchor = {finding.anchor: finding for finding in audit.findings}
    if not by_anchor:
        yield from ("There are none.", "")
    for group in audit.by_effect:
        yield from (f"### {_prose(group.title)} ({len(group.anchors)})", "")
        for anchor in group.anchors:
            yield from _show_finding(by_anchor[anchor])


def _show_finding(finding: Finding) -> Iterator[str]:
    diagnostic = finding.diagnostic
    place = f"{diagnostic.path}:{diagnostic.start.line}:{diagnostic.start.column}"
    yield f'#### <a id="{finding.anchor}"></a>{_prose(place)}'
    yield ""
    words = [f"{diagnostic.severity}", f"`{diagnostic.rule}`", *map(describe_effect, diagnostic.effects)]
    if diagnostic.confidence is not Confidence.HIGH:
        words.append(f"{diagnostic.confidence} confidence")
    if diagnostic.profile:
        words.append(f"judged for {diagnostic.profile}")
    yield _prose(" · ".join((*words, *(f"`{owner}`" for owner in finding.owners))))
    yield ""
    yield _prose(diagnostic.message)
    yield ""
    if finding.frame:
        yield from (*_fenced("\n".join(_frame(finding)), "text"), "")
    if finding.diff and diagnostic.fix is not None:
        yield f"{_prose(diagnostic.fix.title)} ({diagnostic.fix.applicability} fix):"
        yield from ("", *_fenced(finding.diff, "diff"), "")
    elif diagnostic.suggestion:
        yield from ("Write instead:", "", *_fenced(diagnostic.suggestion, ""), "")
    for each in finding.trail:
        yield f"- {_prose(f'{each.path}:{each.position.line} {each.message}')}"
    yield from (f"- Would go with: {_prose(remedy)}" for remedy in finding.remedies)
    if finding.observed:
        yield f"- Seen on the server: {_prose(finding.observed)}"
    if diagnostic.reference:
        yield f"- Known from: {_prose(diagnostic.reference)}"
    yield ""


def _frame(finding: Finding) -> Iterator[str]:
    gutter = max(len(str(line.number)) for line in finding.frame)
    for line in finding.frame:
        yield f"{line.number or '':>{gutter}} | {line.text}"
        if line.marker:
            yield f"{'':{gutter}} | {line.marker}"


def _show_groups(audit: Audit) -> Iterator[str]:
    for title, groups in (("rule", audit.by_rule), ("folder", audit.by_directory), ("owner", audit.by_owner)):
        if groups:
            yield from _show_group_table(title, groups)


def _show_group_table(title: str, groups: Sequence[Group]) -> Iterator[str]:
    columns = (Column(head=title.capitalize()), Column(head="Findings", align=Align.RIGHT))
    rows = [(Cell(text=_title(group)), Cell(text=f"{len(group.anchors):,}")) for group in groups]
    yield from (f"## By {title}", "")
    yield from _show_table(f"Findings by {title}", columns, rows)


def _title(group: Group) -> str:
    return group.key if group.key == group.title else f"`{group.key}`: {group.title}"
