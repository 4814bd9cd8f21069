"""Reports of single files in, the same out with each diagnostic in the file where its statement is spelled.

What several files run is one diagnostic with several related places. What is spelled in a file outside the run is
reported at the call. The order of the reports does not matter.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace
from typing import TYPE_CHECKING, TypeAlias

from txsafe.model import Location

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from txsafe.model import Diagnostic, FileReport

Settle: TypeAlias = "Callable[[str, tuple[Diagnostic, ...]], tuple[Diagnostic, ...]]"
"""Path and all diagnostics of that file → the same with suppressions and fingerprints."""


def place(reports: Sequence[FileReport], settle: Settle) -> tuple[FileReport, ...]:
    """Return the reports with what they found in each other's files."""
    by_path = {report.path: report for report in reports}
    incoming: dict[str, list[Diagnostic]] = defaultdict(list)
    reached: dict[str, list[Location]] = defaultdict(list)
    for report in sorted(reports, key=lambda report: report.path):
        for diagnostic in report.elsewhere:
            found = diagnostic if diagnostic.path in by_path else _at_call(diagnostic, report.path)
            incoming[found.path].append(found)
        for location in report.reached:
            reached[location.path].append(location)
    return tuple(_with(report, incoming[report.path], reached[report.path], settle) for report in reports)


def _with(
    report: FileReport, incoming: Sequence[Diagnostic], reached: Sequence[Location], settle: Settle
) -> FileReport:
    if not (incoming or report.elsewhere or report.presumed or report.reached):
        return report  # most files, and an audit places the reports of all files for a hundred profiles
    cleared = replace(report, elsewhere=(), presumed=frozenset(), reached=())
    known = [diagnostic for diagnostic in report.diagnostics if not _is_known_better(diagnostic, report, reached)]
    if not incoming and len(known) == len(report.diagnostics):
        return cleared
    own = [replace(diagnostic, suppressed=False, fingerprint="") for diagnostic in known]
    return replace(cleared, diagnostics=settle(report.path, _merged([*own, *incoming])))


def _is_known_better(diagnostic: Diagnostic, report: FileReport, reached: Iterable[Location]) -> bool:
    """Return whether a text of which only the text was known is now judged where it is run."""
    if (diagnostic.rule, diagnostic.start) not in report.presumed:
        return False
    return any(location.start <= diagnostic.start < location.end for location in reached)


def _merged(diagnostics: Iterable[Diagnostic]) -> tuple[Diagnostic, ...]:
    """Return one diagnostic for each rule and place, the worst and surest, with the related places of all."""
    from txsafe.diagnose import surest  # and with it all rewrites; a run without findings never needs them

    groups: dict[tuple[object, ...], list[Diagnostic]] = defaultdict(list)
    for diagnostic in diagnostics:
        groups[diagnostic.rule, diagnostic.start].append(diagnostic)
    return tuple(surest(group) for group in groups.values())


def _at_call(diagnostic: Diagnostic, path: str) -> Diagnostic:
    """Return a diagnostic of a file outside the run at the place in `path` that runs its statement."""
    spelled = Location(path=diagnostic.path, start=diagnostic.start, end=diagnostic.end, message="spelled here")
    call = next((location for location in reversed(diagnostic.related) if location.path == path), None)
    if call is None:
        return replace(diagnostic, path=path, end=diagnostic.start, related=(*diagnostic.related, spelled))
    others = tuple(location for location in diagnostic.related if location is not call)
    return replace(diagnostic, path=path, start=call.start, end=call.end, related=(*others, spelled))
