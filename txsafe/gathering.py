"""Reports of single files → one diagnostic for what has one cause in the whole program, the rest as its related places.

A library that switches tenants is called in hundreds of places, and each call is unsafe for the same reason. A rule's
variant says so with `gathers`, which names the variant that stands for the cause.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace
from typing import TYPE_CHECKING

from txsafe.model import Diagnostic, FileReport, Location

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

MOST_RELATED = 50
"""Places that one diagnostic names; more than anyone looks up."""
_Key = tuple[str, str]
"""A rule and the variant that stands for the cause."""


def gather(reports: Iterable[FileReport]) -> tuple[FileReport, ...]:
    """Return the reports, in their order, with all but one diagnostic of each cause taken out."""
    given = tuple(reports)
    effects = _effects(given)
    if not effects:
        return given
    kept = {key: _kept(key, given, found) for key, found in effects.items()}
    return tuple(_without(report, effects, kept) for report in given)


def _effects(reports: Iterable[FileReport]) -> Mapping[_Key, Sequence[Diagnostic]]:
    found: dict[_Key, list[Diagnostic]] = defaultdict(list)
    for report in sorted(reports, key=lambda report: report.path):
        for diagnostic in report.diagnostics:
            if diagnostic.gathers and not diagnostic.suppressed:
                found[diagnostic.rule, diagnostic.gathers].append(diagnostic)
    return found


def _kept(key: _Key, reports: Iterable[FileReport], effects: Sequence[Diagnostic]) -> Diagnostic:
    """Return the diagnostic that stays: the cause where it is reported, else the first effect."""
    causes = (
        diagnostic
        for report in reports
        for diagnostic in report.diagnostics
        if (diagnostic.rule, diagnostic.variant) == key and not diagnostic.suppressed
    )
    return min(causes, key=lambda cause: cause.sort_key, default=effects[0])


def _without(
    report: FileReport, effects: Mapping[_Key, Sequence[Diagnostic]], kept: Mapping[_Key, Diagnostic]
) -> FileReport:
    staying = []
    for diagnostic in report.diagnostics:
        key = diagnostic.rule, diagnostic.gathers or diagnostic.variant
        if diagnostic.suppressed or key not in kept:
            staying.append(diagnostic)
        elif diagnostic is kept[key]:
            staying.append(replace(diagnostic, related=(*diagnostic.related, *_places(effects[key], diagnostic))))
        elif not diagnostic.gathers:
            staying.append(diagnostic)
    return replace(report, diagnostics=tuple(staying))


def _places(effects: Sequence[Diagnostic], kept: Diagnostic) -> Iterable[Location]:
    others = [effect for effect in effects if effect is not kept][:MOST_RELATED]
    return (Location(path=each.path, start=each.start, end=each.end, message=each.message) for each in others)
