"""An `Audit` comes in, one JSON object goes out; its findings are those of `check --format json`, and say more."""

from __future__ import annotations

from typing import TYPE_CHECKING

from txsafe.report.json_text import JsonObject, JsonValue, dump

if TYPE_CHECKING:
    from collections.abc import Iterable

    from txsafe.audit.document import Audit, Finding, Group
    from txsafe.audit.section import Section

SCHEMA = 1


def render(audit: Audit) -> str:
    """Render the whole document."""
    summary = audit.summary
    return dump(
        {
            "schema": SCHEMA,
            "txsafe": audit.version,
            "project": audit.project,
            "date": audit.date,
            "profile": {
                "name": audit.profile.name,
                "pooler": audit.profile.pooler,
                "version": audit.profile.version,
                "mode": audit.profile.mode,
                "settings": dict(sorted(audit.profile.settings.items())),
                "server_version": audit.profile.server_version,
            },
            "answer": {
                "readiness": audit.answer.readiness.value,
                "changes": audit.answer.changes,
                "headline": audit.answer.headline,
                "reasons": list(audit.answer.reasons),
            },
            "summary": {
                "files": summary.files,
                "files_parsed": summary.files_parsed,
                "sinks": summary.sinks,
                "sinks_resolved": summary.sinks_resolved,
                "findings": summary.diagnostics,
                "suppressed": summary.suppressed,
                "baselined": summary.baselined,
            },
            "findings": [_finding(each) for each in audit.findings],
            "suppressed": [_finding(each) for each in audit.suppressed],
            "baselined": [_finding(each) for each in audit.baselined],
            "groups": {
                "effect": _groups(audit.by_effect),
                "rule": _groups(audit.by_rule),
                "directory": _groups(audit.by_directory),
                "owner": _groups(audit.by_owner),
            },
            "progress": _progress(audit),
            "what_if": _data(audit.what_if),
            "plan": _data(audit.plan),
            "budget": _data(audit.budget),
            "evidence": _data(audit.evidence),
            "unresolved": [
                {
                    "path": each.path,
                    "line": each.start.line,
                    "column": each.start.column,
                    "sink": each.sink,
                    "reason": each.reason,
                }
                for each in audit.unresolved
            ],
            "errors": [{"path": each.path, "line": each.line, "message": each.message} for each in audit.errors],
        }
    )


def _finding(finding: Finding) -> JsonObject:
    diagnostic = finding.diagnostic
    return {
        "id": finding.anchor,
        "rule": diagnostic.rule,
        "severity": diagnostic.severity.value,
        "confidence": diagnostic.confidence.value,
        "must_go": finding.blocks,
        "path": diagnostic.path,
        "line": diagnostic.start.line,
        "column": diagnostic.start.column,
        "message": diagnostic.message,
        "sql": diagnostic.sql,
        "outcome": diagnostic.outcome.value,
        "effects": [effect.value for effect in diagnostic.effects],
        "suggestion": diagnostic.suggestion,
        "fix": None
        if diagnostic.fix is None
        else {"title": diagnostic.fix.title, "applicability": diagnostic.fix.applicability.value, "diff": finding.diff},
        "owners": list(finding.owners),
        "remedies": [remedy.replace("`", "") for remedy in finding.remedies],
        "observed": finding.observed,
        "reference": diagnostic.reference,
        "profile": diagnostic.profile,
        "fingerprint": diagnostic.fingerprint,
        "trail": [
            {"path": each.path, "line": each.position.line, "column": each.position.column, "message": each.message}
            for each in finding.trail
        ],
    }


def _groups(groups: Iterable[Group]) -> JsonObject:
    return {group.key: list(group.anchors) for group in groups}


def _progress(audit: Audit) -> JsonValue:
    progress = audit.progress
    return None if progress is None else {"known": progress.known, "gone": progress.gone, "new": progress.new}


def _data(section: Section | None) -> JsonValue:
    return None if section is None else dict(section.data)
