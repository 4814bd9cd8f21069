"""Report in, a GitLab Code Quality artifact out.

Format: https://docs.gitlab.com/ci/testing/code_quality/#code-quality-report-format. Every entry has a description, a
check name, a fingerprint that no other entry has, a severity, a path and a first line from 1.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from txsafe.fingerprints import digest
from txsafe.model import Confidence, Diagnostic, Effect, FileError, Outcome, Report, Severity
from txsafe.report.fingerprints import fingerprint
from txsafe.report.json_text import JsonObject, dump
from txsafe.report.summary import is_live, list_undiagnosed_errors
from txsafe.report.wording import describe_effects

if TYPE_CHECKING:
    from txsafe.report.context import RenderContext

_LADDER = ("info", "minor", "major", "critical", "blocker")
_RUNGS = {Severity.NOTE: 0, Severity.WARNING: 2, Severity.ERROR: 3}
_DATA_AT_STAKE = frozenset({Effect.LEAKED, Effect.WRONG_RESULT})


def render(report: Report, context: RenderContext) -> str:
    """Render the artifact: a JSON list."""
    shown = (diagnostic for diagnostic in report.diagnostics if is_live(diagnostic) or context.show_suppressed)
    issues = [_issue(diagnostic, name) for diagnostic, name in fingerprint(shown)]
    return dump(issues + [_error(error) for error in list_undiagnosed_errors(report)])


def _issue(diagnostic: Diagnostic, name: str) -> JsonObject:
    effects = describe_effects(diagnostic)
    return {
        "description": f"{diagnostic.message} ({effects})" if effects else diagnostic.message,
        "check_name": diagnostic.rule,
        "fingerprint": name,
        "severity": _rate(diagnostic),
        "location": {
            "path": diagnostic.path,
            "lines": {
                "begin": diagnostic.start.line,
                "end": max(diagnostic.end.line, diagnostic.start.line),
            },
        },
    }


def _rate(diagnostic: Diagnostic) -> str:
    """Spread three severities over GitLab's five: up where data is surely at stake, down where unsure."""
    rung = _RUNGS[diagnostic.severity]
    sure = diagnostic.confidence is Confidence.HIGH and diagnostic.outcome is Outcome.UNSAFE
    if diagnostic.severity is Severity.ERROR and sure and not _DATA_AT_STAKE.isdisjoint(diagnostic.effects):
        rung += 1
    if diagnostic.confidence is Confidence.LOW:
        rung = max(rung - 1, 0)
    return _LADDER[rung]


def _error(error: FileError) -> JsonObject:
    return {
        "description": f"could not be analysed: {error.message}",
        "check_name": "not-analysed",
        "fingerprint": digest("not-analysed", error.path, str(error.line), error.message),
        "severity": "critical",
        "location": {"path": error.path, "lines": {"begin": max(error.line, 1)}},
    }
