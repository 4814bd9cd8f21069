"""Report in, counts out: what the text and JSON formats close and open with."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from txsafe.results import Severity

TYPE_CHECKING = False  # see `txsafe.results`
if TYPE_CHECKING:
    from collections.abc import Mapping

    from txsafe.model import Diagnostic, UnresolvedSink
    from txsafe.results import FileError, Report


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """Counts over a report. Suppressed and baselined diagnostics count under their own names only."""

    files: int
    files_parsed: int
    files_with_diagnostics: int
    sinks: int
    """Calls that send SQL."""
    sinks_resolved: int
    """Those whose SQL could be seen."""
    diagnostics: int
    suppressed: int
    baselined: int
    errors: int
    by_rule: Mapping[str, int]
    """Most frequent first, then by id."""
    by_severity: Mapping[str, int]
    """Every severity, the worst first."""


def summarize(report: Report) -> Summary:
    """Count what a report holds."""
    everything = report.diagnostics
    live = [diagnostic for diagnostic in everything if is_live(diagnostic)]
    rules = Counter(diagnostic.rule for diagnostic in live)
    severities = Counter(diagnostic.severity for diagnostic in live)
    sinks = sum(file.sinks for file in report.files)
    unseen = sum(len({each.start for each in file.unresolved}) for file in report.files)
    return Summary(
        files=len(report.files),
        files_parsed=sum(file.parsed for file in report.files),
        files_with_diagnostics=len({diagnostic.path for diagnostic in live}),
        sinks=sinks,
        sinks_resolved=max(sinks - unseen, 0),
        diagnostics=len(live),
        suppressed=sum(diagnostic.suppressed for diagnostic in everything),
        baselined=sum(diagnostic.baselined and not diagnostic.suppressed for diagnostic in everything),
        errors=sum(len(file.errors) for file in report.files),
        by_rule=dict(sorted(rules.items(), key=lambda item: (-item[1], item[0]))),
        by_severity={severity.value: severities[severity] for severity in sorted(Severity, reverse=True)},
    )


def is_live(diagnostic: Diagnostic) -> bool:
    """Whether a diagnostic still asks for something: neither suppressed nor in the baseline."""
    return not (diagnostic.suppressed or diagnostic.baselined)


def list_unresolved(report: Report) -> tuple[UnresolvedSink, ...]:
    """Return the calls whose SQL could not be seen, in output order."""
    found = (unresolved for file in report.files for unresolved in file.unresolved)
    return tuple(
        sorted(found, key=lambda unresolved: (unresolved.path, unresolved.start, unresolved.sink, unresolved.reason))
    )


def list_errors(report: Report) -> tuple[FileError, ...]:
    """Return what could not be looked at, in output order."""
    found = (error for file in report.files for error in file.errors)
    return tuple(sorted(found, key=lambda error: (error.path, error.line, error.message)))


def list_undiagnosed_errors(report: Report) -> tuple[FileError, ...]:
    """Return the errors that no diagnostic tells already: for formats which show both in one list."""
    told = {(diagnostic.path, diagnostic.message) for diagnostic in report.diagnostics}
    return tuple(error for error in list_errors(report) if (error.path, error.message) not in told)
