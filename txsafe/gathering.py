"""A report → the same with one diagnostic for what has one cause in the whole program, the rest as its related places.

A library that switches tenants is called in hundreds of places, and each call is unsafe for the same reason. A rule's
variant says so with `gathers`, which names the variant that stands for the cause: its own where no place is the cause,
but one setting cures all. It is the last step of a run: what a selection or a baseline takes out of a report must not
take the places along that were gathered under it.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace

TYPE_CHECKING = False  # see `txsafe.results`
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from txsafe.model import Diagnostic, Location
    from txsafe.results import FileReport, Report

MOST_RELATED = 200
"""Places that one diagnostic names; more than anyone looks up."""
_Key = tuple[str, str]
"""A rule and the variant that stands for the cause."""


def gather(report: Report) -> Report:
    """Return the report with all but one diagnostic of each cause taken out."""
    effects = _effects(report.files)
    if not effects:
        return report
    kept = {key: _kept(key, report.files, found) for key, found in effects.items()}
    return replace(report, files=tuple(_without(file, effects, kept) for file in report.files))


def _is_settled(diagnostic: Diagnostic) -> bool:
    """Return whether a diagnostic is accepted where it stands: it is neither cause nor effect."""
    return diagnostic.suppressed or diagnostic.baselined


def _effects(files: Iterable[FileReport]) -> Mapping[_Key, Sequence[Diagnostic]]:
    found: dict[_Key, list[Diagnostic]] = defaultdict(list)
    for file in sorted(files, key=lambda file: file.path):
        for diagnostic in file.diagnostics:
            if diagnostic.gathers and not _is_settled(diagnostic):
                found[diagnostic.rule, diagnostic.gathers].append(diagnostic)
    return found


def _kept(key: _Key, files: Iterable[FileReport], effects: Sequence[Diagnostic]) -> Diagnostic:
    """Return the diagnostic that stays: the cause where it is reported, else the first of the surest effects."""
    causes = (
        diagnostic
        for file in files
        for diagnostic in file.diagnostics
        if (diagnostic.rule, diagnostic.variant) == key and not diagnostic.gathers and not _is_settled(diagnostic)
    )
    surest = max(effects, key=lambda effect: (effect.severity.rank, effect.confidence.rank))
    return min(causes, key=lambda cause: cause.sort_key, default=surest)


def _without(
    report: FileReport, effects: Mapping[_Key, Sequence[Diagnostic]], kept: Mapping[_Key, Diagnostic]
) -> FileReport:
    staying = []
    for diagnostic in report.diagnostics:
        key = diagnostic.rule, diagnostic.gathers or diagnostic.variant
        if _is_settled(diagnostic) or key not in kept:
            staying.append(diagnostic)
        elif diagnostic is kept[key]:
            staying.append(replace(diagnostic, related=(*diagnostic.related, *_places(effects[key], diagnostic))))
        elif not diagnostic.gathers:
            staying.append(diagnostic)
    return replace(report, diagnostics=tuple(staying))


def _places(effects: Sequence[Diagnostic], kept: Diagnostic) -> Iterable[Location]:
    from txsafe.model import Location  # a report without findings needs no more than `txsafe.results`

    others = [effect for effect in effects if effect is not kept][:MOST_RELATED]
    return (Location(path=each.path, start=each.start, end=each.end, message=each.message) for each in others)
