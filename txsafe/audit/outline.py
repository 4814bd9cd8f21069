"""An `Audit` comes in, those of its parts that are sections like any other go out, the same for every renderer."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

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
    Paragraph,
    Section,
    Table,
    Tone,
)
from txsafe.model import Effect, Outcome
from txsafe.report.wording import count

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from txsafe.audit.document import Audit, Finding
    from txsafe.model import UnresolvedSink

_MOST_BARS = 15
_MOST_UNSEEN = 500
"""Calls listed one by one; more of them nobody reads."""


def list_sections(audit: Audit) -> Iterator[Section]:
    """Give what comes before the findings: what to decide from."""
    yield from (section for section in (audit.what_if, audit.plan, audit.budget, audit.evidence) if section is not None)


def list_appendices(audit: Audit) -> Iterator[Section]:
    """Give what comes after the findings: what is not counted, and what could not be seen."""
    if audit.suppressed or audit.baselined:
        yield _describe_accepted(audit)
    yield _describe_unseen(audit)
    yield _describe_circumstances(audit)


# ---------------------------------------------------------------- pictures


def list_pictures(audit: Audit) -> Iterator[Bars]:
    """Give what people would rather look at, on top of the document."""
    pictures = (_draw_effects(audit), audit.work, _draw_directories(audit), _draw_progress(audit))
    yield from (picture for picture in pictures if picture is not None and picture.bars)


def _draw_effects(audit: Audit) -> Bars:
    """Return how many findings there are of each effect."""
    bars = (
        Bar(label=group.title, value=len(group.anchors), tone=tone_of(group.key), target=f"effect-{group.key}")
        for group in audit.by_effect
    )
    return Bars(caption="Findings by what goes wrong", bars=tuple(bars))


def _draw_directories(audit: Audit) -> Bars:
    """Return the folders with the most findings."""
    shown = audit.by_directory[:_MOST_BARS]
    rest = sum(len(group.anchors) for group in audit.by_directory[_MOST_BARS:])
    bars = [Bar(label=group.title, value=len(group.anchors)) for group in shown]
    if rest:
        bars.append(Bar(label=count(len(audit.by_directory) - _MOST_BARS, "other folder"), value=rest))
    return Bars(caption="Findings by folder", bars=tuple(bars))


def _draw_progress(audit: Audit) -> Bars | None:
    """Return what has become of the baseline's findings."""
    progress = audit.progress
    if progress is None:
        return None
    return Bars(
        caption="Progress against the baseline",
        bars=(
            Bar(label="gone since", value=progress.gone, tone=Tone.GOOD),
            Bar(label="still there", value=progress.known, tone=Tone.FAIR),
            Bar(label="new", value=progress.new, tone=Tone.BAD if progress.new else Tone.GOOD),
        ),
    )


def tone_of(effect: str) -> Tone:
    """Return how bad the findings of a group of effects are."""
    if effect in {Effect.LEAKED, Effect.WRONG_RESULT, Effect.STUCK}:
        return Tone.BAD
    if effect in set(Effect) or effect == Outcome.COSTLY:
        return Tone.FAIR
    return Tone.UNKNOWN


# ---------------------------------------------------------------- appendices


def _describe_accepted(audit: Audit) -> Section:
    blocks: list[Block] = []
    for findings, what in ((audit.suppressed, "silenced by comments"), (audit.baselined, "known to the baseline")):
        if findings:
            title = f"{count(len(findings), 'finding')} {what}"
            blocks.append(Folded(title=title, blocks=(_tabulate(findings, f"Findings {what}"),)))
    intro = Paragraph(text="Somebody has looked at these; they are not among the changes counted above.")
    return Section(id="accepted", title="Suppressed and baselined", blocks=(intro, *blocks))


def _tabulate(findings: Sequence[Finding], caption: str) -> Table:
    rows = (
        (Cell(text=f"{each.diagnostic.path}:{each.diagnostic.start.line}"), Cell(text=each.diagnostic.rule),
         Cell(text=each.diagnostic.message))
        for each in findings
    )  # fmt: skip
    heads = (Column(head="Place"), Column(head="Rule"), Column(head="What"))
    return Table(caption=caption, columns=heads, rows=tuple(rows))


def _describe_unseen(audit: Audit) -> Section:
    """Say what nothing is said of: silence elsewhere means judged safe."""
    blocks: list[Block] = [Paragraph(text=_coverage(audit))]
    if audit.errors:
        items = (Item(text=_describe_error(error.path, error.line, error.message)) for error in audit.errors)
        blocks.append(
            Folded(title=f"{count(len(audit.errors), 'fault')} in files", blocks=(Bullets(items=tuple(items)),))
        )
    if audit.unresolved:
        blocks.append(_count_reasons(audit.unresolved))
        shown = audit.unresolved[:_MOST_UNSEEN]
        title = "Every such call" if len(shown) == len(audit.unresolved) else f"The first {len(shown)} such calls"
        items = (Item(text=f"{each.path}:{each.start.line} `{each.sink}`: {each.reason}") for each in shown)
        blocks.append(Folded(title=title, blocks=(Bullets(items=tuple(items)),)))
    return Section(id="unseen", title="What could not be seen", blocks=tuple(blocks))


def _coverage(audit: Audit) -> str:
    summary = audit.summary
    files = f"{count(summary.files, 'file')} looked at, {summary.files_parsed:,} of them read in full"
    if not summary.sinks:
        return f"{files}. No call that sends SQL was found."
    return f"{files}. The SQL of {summary.sinks_resolved:,} of {count(summary.sinks, 'call')} that send some was seen."


def _describe_error(path: str, line: int, message: str) -> str:
    return f"{path}:{line}: {message}" if line else f"{path}: {message}"


def _count_reasons(unresolved: Sequence[UnresolvedSink]) -> Table:
    reasons = Counter(each.reason for each in unresolved)
    return Table(
        caption="Calls whose SQL could not be seen, by reason",
        columns=(Column(head="Reason"), Column(head="Calls", align=Align.RIGHT)),
        rows=tuple(
            (Cell(text=reason), Cell(text=f"{number:,}"))
            for reason, number in sorted(reasons.items(), key=lambda item: (-item[1], item[0]))
        ),
    )


def _describe_circumstances(audit: Audit) -> Section:
    profile = audit.profile
    server = f"PostgreSQL {profile.server_version}" if profile.server_version else "not said: the oldest supported one"
    facts = [("Profile", profile.name), ("Pooler", profile.title), ("Server", server)]
    facts += [(f"`{name}`", value or "(empty)") for name, value in sorted(profile.settings.items())]
    rows = tuple((Cell(text=name), Cell(text=value)) for name, value in facts)
    table = Table(
        caption="What the code was judged for", columns=(Column(head="What"), Column(head="Value")), rows=rows
    )
    return Section(id="circumstances", title="How it was judged", blocks=(table,))
