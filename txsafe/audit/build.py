"""A report and what belongs to it come in, the `Audit` goes out: every decision that it shows is taken here."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

from txsafe import __version__
from txsafe.audit.comparison import describe_comparison, suggest_other
from txsafe.audit.diffs import draw_diff
from txsafe.audit.document import Answer, Audit, Finding, Group, Progress, Readiness, Waypoint
from txsafe.audit.plan import describe_plan, draw_plan, make_plan
from txsafe.audit.whatif import WORST_FIRST, key_of, must_go, worst_word
from txsafe.fingerprints import project_path
from txsafe.model import Effect, Outcome
from txsafe.own_rules import OWN_RULES
from txsafe.report.fingerprints import fingerprint
from txsafe.report.frames import draw_frame, show_line
from txsafe.report.summary import is_live, list_errors, list_unresolved, summarize
from txsafe.report.wording import count, describe_effect, describe_outcome

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from txsafe.audit.owners import CodeOwners
    from txsafe.audit.section import Section
    from txsafe.audit.whatif import Comparison
    from txsafe.catalog import Catalog
    from txsafe.config import Config
    from txsafe.model import Diagnostic, Location, Report
    from txsafe.report.context import Sources
    from txsafe.report.frames import FrameLine
    from txsafe.report.summary import Summary

WIDTH = 100
"""Columns of a code frame: what fits a page, printed or not."""
NOBODY = "nobody"
"""Who owns what CODEOWNERS gives to no one."""
_HOUSEKEEPING = "housekeeping"
"""What the tool says of the analysis itself."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Materials:
    """What an audit is made of."""

    report: Report
    """For the profile asked for, as `check` reports it."""
    comparison: Comparison
    config: Config
    catalog: Catalog
    sources: Sources
    owners: CodeOwners | None
    project: str
    date: str
    gone: int | None = None
    """Entries of the baseline that nothing answers to any more; None without a baseline."""
    budget: Section | None = None
    evidence: Section | None = None
    observed: Mapping[str, str] = field(default_factory=dict)
    """Fingerprint → what a log or pg_stat_statements says of it."""


def build_audit(materials: Materials) -> Audit:
    """Put the document together."""
    every = tuple(_list_findings(materials))
    live = tuple(sorted((each for each in every if is_live(each.diagnostic)), key=_rank))
    summary = summarize(materials.report)
    anchors = {key_of(each.diagnostic): each.anchor for each in live}
    plan = make_plan(live, materials.comparison)
    return Audit(
        project=materials.project,
        date=materials.date,
        version=__version__,
        profile=materials.report.profile,
        answer=_answer(live, summary, materials),
        summary=summary,
        findings=live,
        by_effect=_by_effect(live),
        by_rule=_by_rule(live, materials.catalog),
        by_directory=_by_directory(live),
        by_owner=_by_owner(live, materials.owners),
        suppressed=tuple(each for each in every if each.diagnostic.suppressed),
        baselined=tuple(each for each in every if each.diagnostic.baselined and not each.diagnostic.suppressed),
        unresolved=list_unresolved(materials.report),
        errors=list_errors(materials.report),
        progress=_progress(live, summary, materials.gone),
        work=draw_plan(plan),
        what_if=describe_comparison(materials.comparison, materials.catalog, anchors),
        plan=describe_plan(plan, materials.report.profile),
        budget=materials.budget,
        evidence=materials.evidence,
    )


# ---------------------------------------------------------------- findings


def _list_findings(materials: Materials) -> Iterator[Finding]:
    for diagnostic, name in fingerprint(materials.report.diagnostics):
        path = project_path(diagnostic.path, materials.config.root)
        yield Finding(
            anchor=f"f-{name.replace(':', '-')}",
            diagnostic=diagnostic,
            blocks=must_go(diagnostic, materials.config),
            frame=_draw(diagnostic, materials.sources),
            trail=tuple(_waypoint(location, materials.sources) for location in diagnostic.related),
            directory=PurePosixPath(diagnostic.path).parent.as_posix(),
            effect=effect_of(diagnostic),
            owners=materials.owners.find(path) if materials.owners is not None else (),
            remedies=materials.comparison.remedies(key_of(diagnostic)),
            diff=draw_diff(diagnostic.fix, materials.sources),
            observed=materials.observed.get(diagnostic.fingerprint, ""),
        )


def _draw(diagnostic: Diagnostic, sources: Sources) -> tuple[FrameLine, ...]:
    source = sources(diagnostic.path)
    return () if source is None else draw_frame(source, diagnostic.start, diagnostic.end, width=WIDTH)


def _waypoint(location: Location, sources: Sources) -> Waypoint:
    source = sources(location.path)
    line = None if source is None else show_line(source, location.start, width=WIDTH)
    text = "" if line is None else line.text.strip()
    return Waypoint(path=location.path, position=location.start, message=location.message, line=text)


def _rank(finding: Finding) -> tuple[object, ...]:
    """Leaks first, then what must go, then by place."""
    diagnostic = finding.diagnostic
    return (_EFFECT_ORDER.index(finding.effect), not finding.blocks, -diagnostic.severity.rank, *diagnostic.sort_key)


def _progress(live: Sequence[Finding], summary: Summary, gone: int | None) -> Progress | None:
    return None if gone is None else Progress(known=summary.baselined, gone=gone, new=len(live))


# ---------------------------------------------------------------- the answer


def _answer(findings: Sequence[Finding], summary: Summary, materials: Materials) -> Answer:
    blocking = [each for each in findings if each.blocks]
    hopeless = [each for each in blocking if not (each.diagnostic.suggestion or each.remedies)]
    unread = {error.path for error in list_errors(materials.report)}
    readiness = _decide(len(blocking), blocked=bool(hopeless or unread))
    headline = {
        Readiness.READY: "Ready",
        Readiness.READY_AFTER_CHANGES: f"Ready after {count(len(blocking), 'change')}",
        Readiness.BLOCKED: "Blocked",
    }[readiness]
    obstacles = _list_obstacles(len(hopeless), len(unread))
    reasons = (*obstacles, *_list_reasons(blocking, materials), *_list_limits(summary))
    return Answer(readiness=readiness, changes=len(blocking), headline=headline, reasons=reasons)


def _decide(changes: int, *, blocked: bool) -> Readiness:
    if blocked:
        return Readiness.BLOCKED
    return Readiness.READY_AFTER_CHANGES if changes else Readiness.READY


def _list_obstacles(hopeless: int, unread: int) -> Iterator[str]:
    if hopeless:
        yield f"For {count(hopeless, 'finding')} there is no known way around."
    if unread:
        yield f"{count(unread, 'file')} could not be analysed, in whole or in part."


def _list_reasons(blocking: Sequence[Finding], materials: Materials) -> Iterator[str]:
    leaks = sum(Effect.LEAKED in each.diagnostic.effects for each in blocking)
    if leaks:
        who = "All of them hand" if leaks == len(blocking) > 1 else f"{leaks} of them hand{'s' if leaks == 1 else ''}"
        yield f"{who} one client's state to another: that is a matter of security."
    if not blocking:
        yield "Nothing that was seen depends on a session that this pooler would not keep."
    yield from suggest_other(materials.comparison, materials.catalog)


def _list_limits(summary: Summary) -> Iterator[str]:
    unseen = summary.sinks - summary.sinks_resolved
    if unseen:
        yield f"{unseen:,} of {count(summary.sinks, 'SQL call')} could not be seen, so nothing is said of them."
    elif summary.sinks:
        yield f"Every one of {count(summary.sinks, 'SQL call')} could be seen."


# ---------------------------------------------------------------- groups

_EFFECT_ORDER = (
    *(effect.value for effect in WORST_FIRST),
    Outcome.COSTLY.value,
    Outcome.UNKNOWN.value,
    _HOUSEKEEPING,
)
"""Leaks first."""


def effect_of(diagnostic: Diagnostic) -> str:
    """Return the key of the group of effects that a diagnostic belongs to."""
    return _HOUSEKEEPING if diagnostic.rule in OWN_RULES else worst_word(diagnostic)


def _title_of_effect(word: str) -> str:
    if word == _HOUSEKEEPING:
        return "about the analysis itself"
    return describe_effect(Effect(word)) if word in set(Effect) else describe_outcome(Outcome(word))


def _group(findings: Iterable[Finding], keys: Callable[[Finding], Iterable[str]]) -> dict[str, tuple[str, ...]]:
    """Return the anchors of the findings by key, the keys with the most first."""
    groups: dict[str, list[str]] = defaultdict(list)
    for finding in findings:
        for key in keys(finding):
            groups[key].append(finding.anchor)
    ordered = sorted(groups.items(), key=lambda group: (-len(group[1]), group[0]))
    return {key: tuple(anchors) for key, anchors in ordered}


def _by_effect(findings: Sequence[Finding]) -> tuple[Group, ...]:
    groups = _group(findings, lambda each: (each.effect,))
    return tuple(
        Group(key=word, title=_title_of_effect(word), anchors=groups[word]) for word in _EFFECT_ORDER if word in groups
    )


def _by_rule(findings: Sequence[Finding], catalog: Catalog) -> tuple[Group, ...]:
    groups = _group(findings, lambda each: (each.diagnostic.rule,))
    return tuple(_rule_group(name, anchors, catalog) for name, anchors in groups.items())


def _rule_group(name: str, anchors: tuple[str, ...], catalog: Catalog) -> Group:
    rule = catalog.rules.get(name)
    if rule is None:
        return Group(key=name, title=name, anchors=anchors)
    return Group(key=name, title=rule.title, anchors=anchors, explanation=rule.explanation, references=rule.references)


def _by_directory(findings: Sequence[Finding]) -> tuple[Group, ...]:
    groups = _group(findings, lambda each: (each.directory,))
    return tuple(Group(key=name, title=name, anchors=anchors) for name, anchors in groups.items())


def _by_owner(findings: Sequence[Finding], owners: CodeOwners | None) -> tuple[Group, ...]:
    if owners is None:
        return ()
    groups = _group(findings, lambda each: each.owners or (NOBODY,))
    return tuple(Group(key=name, title=name, anchors=anchors) for name, anchors in groups.items())
