"""Report in, one JSON object out: schema 1, described by `json_schema.json` beside this module.

Lines and columns count from 1, columns in code points; an end is the position after the last character. Suppressed and
baselined diagnostics are listed, marked as such, but not counted in `summary`. The same report gives the same bytes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from txsafe import __version__
from txsafe.report.json_text import JsonObject, JsonValue, dump
from txsafe.report.summary import list_errors, list_unresolved, summarize

if TYPE_CHECKING:
    from txsafe.model import Diagnostic, Fix, Position, Report
    from txsafe.report.context import RenderContext

SCHEMA = 1


def render(report: Report, context: RenderContext) -> str:
    """Render everything a report holds."""
    return dump(
        {
            "schema": SCHEMA,
            "txsafe": __version__,
            "profile": _profile(report),
            "summary": _summary(report),
            "diagnostics": [_diagnostic(diagnostic, context) for diagnostic in report.diagnostics],
            "unresolved": [
                {
                    "path": unresolved.path,
                    "line": unresolved.start.line,
                    "column": unresolved.start.column,
                    "sink": unresolved.sink,
                    "reason": unresolved.reason,
                }
                for unresolved in list_unresolved(report)
            ],
            "errors": [
                {"path": error.path, "line": error.line, "message": error.message} for error in list_errors(report)
            ],
        }
    )


def _profile(report: Report) -> JsonObject:
    profile = report.profile
    return {
        "name": profile.name,
        "pooler": profile.pooler,
        "version": profile.version,
        "mode": profile.mode,
        "settings": dict(sorted(profile.settings.items())),
    }


def _summary(report: Report) -> JsonObject:
    summary = summarize(report)
    return {
        "files": summary.files,
        "files_parsed": summary.files_parsed,
        "sinks": summary.sinks,
        "sinks_resolved": summary.sinks_resolved,
        "diagnostics": summary.diagnostics,
        "by_rule": dict(sorted(summary.by_rule.items())),
        "by_severity": dict(summary.by_severity),
    }


def _diagnostic(diagnostic: Diagnostic, context: RenderContext) -> JsonObject:
    return {
        "rule": diagnostic.rule,
        "severity": diagnostic.severity.value,
        "confidence": diagnostic.confidence.value,
        "path": diagnostic.path,
        "line": diagnostic.start.line,
        "column": diagnostic.start.column,
        "end_line": diagnostic.end.line,
        "end_column": diagnostic.end.column,
        "message": diagnostic.message,
        "sql": diagnostic.sql,
        "outcome": diagnostic.outcome.value,
        "effects": [effect.value for effect in diagnostic.effects],
        "transaction": diagnostic.transaction.value,
        "driver": diagnostic.driver,
        "suggestion": diagnostic.suggestion,
        "fix": None if diagnostic.fix is None else _fix(diagnostic.fix, context),
        "fingerprint": diagnostic.fingerprint,
        "related": [
            {
                "path": related.path,
                "line": related.start.line,
                "column": related.start.column,
                "message": related.message,
            }
            for related in diagnostic.related
        ],
        "suppressed": diagnostic.suppressed,
        "baselined": diagnostic.baselined,
    }


def _fix(fix: Fix, context: RenderContext) -> JsonValue:
    edits: list[JsonValue] = []
    for edit in fix.edits:
        located = context.locate(edit.place)
        if located is None:
            return None  # a fix without its place, or a part of one, would be applied wrongly
        start, end = located
        edits.append(
            {
                "path": edit.place.path,
                "start": _position(start),
                "end": _position(end),
                "replacement": edit.replacement,
            }
        )
    return {"title": fix.title, "applicability": fix.applicability.value, "edits": edits}


def _position(position: Position) -> JsonObject:
    return {"line": position.line, "column": position.column}
