"""An `Audit` comes in, one HTML file goes out that needs no other: style and script stand in it, and nothing is loaded.

The page's own policy forbids everything but that style and that script, so that even a slip in escaping could run and
load nothing. Without the script all is there to read; it only filters.
"""

from __future__ import annotations

import base64
import hashlib
from importlib import resources
from typing import TYPE_CHECKING

from txsafe.audit.document import Readiness
from txsafe.audit.elements import Element, Node, Verbatim, element, preformatted, render_nodes, text_with_code
from txsafe.audit.outline import list_appendices, list_pictures, list_sections, tone_of
from txsafe.audit.prose import link, list_references, read_prose
from txsafe.audit.section import Tone
from txsafe.audit.section_html import show_bars, show_section
from txsafe.model import Confidence
from txsafe.report.escaping import TAB
from txsafe.report.wording import count, describe_effect

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from txsafe.audit.document import Audit, Finding, Group
    from txsafe.report.frames import FrameLine

_TONES = {Readiness.READY: Tone.GOOD, Readiness.READY_AFTER_CHANGES: Tone.FAIR, Readiness.BLOCKED: Tone.BAD}
_DIFF_TAGS = {"-": "del", "+": "ins"}
_MARKS = {Readiness.READY: "✓", Readiness.READY_AFTER_CHANGES: "!", Readiness.BLOCKED: "✕"}


def render(audit: Audit) -> str:
    """Render the whole page."""
    return "<!DOCTYPE html>\n" + render_nodes([_page(audit)]) + "\n"


def _page(audit: Audit) -> Element:
    title = f"{audit.project}: {audit.answer.headline}"
    sections = tuple(list_sections(audit))
    appendices = tuple(list_appendices(audit))
    main = element(
        "main",
        _answer(audit),
        *(show_section(section) for section in sections),
        _findings(audit),
        *_groups(audit),
        *(show_section(section) for section in appendices),
        id="main",
        tabindex="-1",
    )
    entries = [(section.id, section.title) for section in sections]
    entries += [("findings", "Findings"), *((f"by-{key}", title) for key, title, _ in _list_groups(audit))]
    entries += [(section.id, section.title) for section in appendices]
    return element(
        "html",
        _head(title),
        element(
            "body",
            element("a", "Skip to the report", class_="skip", href="#main"),
            _banner(audit),
            _contents(entries),
            main,
            element("footer", element("p", f"Written by txsafe {audit.version}.")),
            element("script", Verbatim(_read("page.js"))),
        ),
        lang="en",
    )


def _read(name: str) -> str:
    return resources.files("txsafe.audit").joinpath(name).read_text(encoding="utf-8")


def _head(title: str) -> Element:
    style, script = _read("page.css"), _read("page.js")
    policy = {"style-src": _digest(style), "script-src": _digest(script)}
    rules = ("default-src 'none'", "base-uri 'none'", *(f"{name} '{digest}'" for name, digest in policy.items()))
    return element(
        "head",
        element("meta", charset="utf-8"),
        element("meta", name="viewport", content="width=device-width, initial-scale=1"),
        element("meta", http_equiv="Content-Security-Policy", content="; ".join(rules)),
        element("meta", name="color-scheme", content="light dark"),
        element("title", f"{title} · migration audit"),
        element("style", Verbatim(style)),
    )


def _digest(text: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


def _banner(audit: Audit) -> Element:
    when = f" · {audit.date}" if audit.date else ""
    return element(
        "header",
        element("p", f"Migration audit{when}", class_="eyebrow"),
        element("h1", f"Can {audit.project} move behind {audit.profile.title}?"),
    )


def _contents(entries: Iterable[tuple[str, str]]) -> Element:
    items = (element("li", element("a", title, href=f"#{name}")) for name, title in entries)
    return element("nav", element("ul", *items), aria_label="Contents")


# ---------------------------------------------------------------- the answer


def _answer(audit: Audit) -> Element:
    answer = audit.answer
    heading = element(
        "h2",
        element("span", _MARKS[answer.readiness], class_="mark", aria_hidden="true"),
        element("span", answer.headline),
        id="answer",
    )
    reasons = element("ul", *(element("li", *text_with_code(reason)) for reason in answer.reasons))
    figures = element("dl", *(_figure(number, text) for number, text in _list_figures(audit)), class_="figures")
    pictures = tuple(show_bars(picture) for picture in list_pictures(audit))
    return element(
        "section",
        element("div", heading, reasons, class_=f"answer {_TONES[answer.readiness]}"),
        figures,
        element("div", *pictures, class_="pictures") if pictures else None,
        aria_labelledby="answer",
    )


def _list_figures(audit: Audit) -> Iterator[tuple[str, str]]:
    summary = audit.summary
    yield f"{audit.answer.changes:,}", "changes to make"
    yield f"{sum('leaked' in each.diagnostic.effects and each.blocks for each in audit.findings):,}", "of them leak"
    yield f"{summary.files_with_diagnostics:,} of {summary.files:,}", "files concerned"
    if summary.sinks:
        yield f"{100 * summary.sinks_resolved // summary.sinks} %", f"of {summary.sinks:,} SQL calls seen"
    if audit.suppressed or audit.baselined:
        yield f"{len(audit.suppressed) + len(audit.baselined):,}", "suppressed or baselined"


def _figure(number: str, text: str) -> Element:
    return element("div", element("dt", text), element("dd", number))


# ---------------------------------------------------------------- findings


def _findings(audit: Audit) -> Element:
    by_anchor = {finding.anchor: finding for finding in audit.findings}
    body: tuple[Node, ...] = (element("p", "There are none."),)
    if audit.findings:
        body = (
            _filters(audit),
            *(_effect_group(group, [by_anchor[anchor] for anchor in group.anchors]) for group in audit.by_effect),
        )
    return element("section", element("h2", "Findings", id="findings"), *body, aria_labelledby="findings")


def _filters(audit: Audit) -> Element:
    """Return what the script shows: without it there would be nothing behind the controls."""
    search = element("input", id="search", type="search", autocomplete="off")
    choices = [
        ("effect", "Effect", [(group.key, group.title) for group in audit.by_effect]),
        ("rule", "Rule", [(group.key, group.key) for group in audit.by_rule]),
        ("directory", "Folder", [(group.key, group.title) for group in audit.by_directory]),
        ("owner", "Owner", [(group.key, group.title) for group in audit.by_owner]),
    ]
    return element(
        "form",
        element("div", element("label", "Search", for_="search"), search),
        *(_choice(name, title, options) for name, title, options in choices if len(options) > 1),
        element("div", element("button", "Show all", type="reset"), class_="reset"),
        element("p", role="status", aria_live="polite", id="shown"),
        id="filters",
        hidden=True,
        aria_label="Filter the findings",
    )


def _choice(name: str, title: str, options: Iterable[tuple[str, str]]) -> Element:
    return element(
        "div",
        element("label", title, for_=f"filter-{name}"),
        element(
            "select",
            element("option", "All", value=""),
            *(element("option", text, value=key) for key, text in options),
            id=f"filter-{name}",
            data_filter=name,
        ),
    )


def _effect_group(group: Group, findings: Sequence[Finding]) -> Element:
    title = f"{group.title[:1].upper()}{group.title[1:]}"
    heading = element(
        "h3",
        title,
        " ",
        element("span", f"{len(findings):,}", class_=f"count {tone_of(group.key)}"),
        id=f"effect-{group.key}",
    )
    return element("div", heading, *(_finding(each) for each in findings), class_="group")


def _finding(finding: Finding) -> Element:
    diagnostic = finding.diagnostic
    place = f"{diagnostic.path}:{diagnostic.start.line}:{diagnostic.start.column}"
    return element(
        "article",
        element("h4", element("a", place, href=f"#{finding.anchor}")),
        element("p", *_chips(finding), class_="chips"),
        element("p", *text_with_code(diagnostic.message)),
        element("div", _frame(finding.frame), _instead(finding), class_="sides"),
        *_remarks(finding),
        id=finding.anchor,
        class_="finding",
        data_effect=finding.effect,
        data_rule=diagnostic.rule,
        data_directory=finding.directory,
        data_owner=" ".join(finding.owners) or "nobody",
    )


def _chips(finding: Finding) -> Iterator[Node]:
    diagnostic = finding.diagnostic
    yield element("span", diagnostic.severity.value, class_=f"chip {diagnostic.severity}")
    yield element("span", diagnostic.rule, class_="chip")
    for effect in diagnostic.effects:
        yield element("span", describe_effect(effect), class_=f"chip {tone_of(effect.value)}")
    if diagnostic.confidence is not Confidence.HIGH:
        yield element("span", f"{diagnostic.confidence} confidence", class_="chip unknown")
    if diagnostic.profile:
        yield element("span", f"judged for {diagnostic.profile}", class_="chip")
    for owner in finding.owners:
        yield element("span", owner, class_="chip")


def _frame(frame: Sequence[FrameLine]) -> Node:
    if not frame:
        return None
    gutter = max(len(str(line.number)) for line in frame)
    lines: list[Node] = []
    for line in frame:
        number = f"{line.number or '':>{gutter}}"
        lines += [element("span", f"{number} │ ", class_="gutter"), line.text, Verbatim("\n")]
        if line.marker:
            lines += [
                element("span", f"{'':{gutter}} │ ", class_="gutter"),
                element("span", line.marker, class_="caret"),
                Verbatim("\n"),
            ]
    return element("pre", element("code", *lines[:-1]), class_="frame", tabindex="0", aria_label="Code")


def _instead(finding: Finding) -> Node:
    suggestion = finding.diagnostic.suggestion
    fix = finding.diagnostic.fix
    if finding.diff and fix is not None:
        label = f"{fix.title} ({fix.applicability} fix)"
        return element(
            "div", element("p", *text_with_code(label), class_="label"), _diff(finding.diff), class_="instead"
        )
    if not suggestion:
        return None
    return element("div", element("p", "Write instead", class_="label"), preformatted(suggestion), class_="instead")


def _diff(diff: str) -> Element:
    lines: list[Node] = []
    for line in diff.splitlines():
        text = line.replace("\t", TAB)
        lines += [element(_DIFF_TAGS[line[:1]], text) if line[:1] in _DIFF_TAGS else text, Verbatim("\n")]
    return element("pre", element("code", *lines[:-1]), tabindex="0", aria_label="What the fix changes")


def _remarks(finding: Finding) -> Iterator[Node]:
    diagnostic = finding.diagnostic
    if finding.trail:
        places = (
            element(
                "li", element("b", f"{each.path}:{each.position.line}"), f" {each.message} ", element("code", each.line)
            )
            for each in finding.trail
        )
        yield element(
            "details",
            element("summary", f"How it gets there: {count(len(finding.trail), 'place')}"),
            element("ol", *places),
        )
    if finding.remedies:
        remedies = [node for each in finding.remedies for node in (*text_with_code(each), "; ")][:-1]
        yield element("p", "Would go with: ", *remedies, ".", class_="remark")
    if finding.observed:
        yield element("p", "Seen on the server: ", *text_with_code(finding.observed), class_="remark")
    if diagnostic.reference:
        yield element("p", "Known from: ", link(diagnostic.reference), class_="remark")


# ---------------------------------------------------------------- groups


def _list_groups(audit: Audit) -> Iterator[tuple[str, str, tuple[Group, ...]]]:
    candidates = (
        ("rule", "By rule", audit.by_rule),
        ("directory", "By folder", audit.by_directory),
        ("owner", "By owner", audit.by_owner),
    )
    yield from (each for each in candidates if each[2])


def _groups(audit: Audit) -> Iterator[Element]:
    places = {each.anchor: f"{each.diagnostic.path}:{each.diagnostic.start.line}" for each in audit.findings}
    for key, title, groups in _list_groups(audit):
        name = f"by-{key}"
        yield element(
            "section",
            element("h2", title, id=name),
            *(_group(group, places) for group in groups),
            aria_labelledby=name,
        )


def _group(group: Group, places: dict[str, str]) -> Element:
    title = group.key if group.key == group.title else f"{group.key}: {group.title}"
    links = (element("li", element("a", places[anchor], href=f"#{anchor}")) for anchor in group.anchors)
    return element(
        "details",
        element("summary", title, " ", element("span", f"{len(group.anchors):,}", class_="count")),
        *read_prose(group.explanation),
        list_references(group.references) if group.references else None,
        element("ul", *links, class_="places"),
    )
