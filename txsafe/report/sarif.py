"""Report in, a SARIF 2.1.0 log out, in the form that GitHub code scanning takes as it is.

Sources: https://docs.oasis-open.org/sarif/sarif/v2.1.0/sarif-v2.1.0.html and
https://docs.github.com/code-security/code-scanning/integrating-with-code-scanning/sarif-support-for-code-scanning.
All rules are declared, broken or not, so that alerts can close. Suppressed results are left out unless asked for:
GitHub opens an alert for each, whatever its `suppressions` say.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from urllib.parse import quote

from txsafe import __version__
from txsafe.model import Confidence, Diagnostic, Edit, FileError, Fix, Location, Position, Report, Severity
from txsafe.report.context import Baselined, RenderContext
from txsafe.report.escaping import escape
from txsafe.report.fingerprints import fingerprint
from txsafe.report.json_text import JsonObject, JsonValue, dump
from txsafe.report.summary import list_errors, summarize
from txsafe.report.wording import count, describe_effects

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from txsafe.report.context import RuleHelp

SCHEMA_URI = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
MOST_RESULTS = 5000
"""GitHub shows this many results of a run."""
_BASE = "%SRCROOT%"
_WINDOWS_DRIVE = re.compile(r"[A-Za-z]:[/\\]")
_URI_SAFE = (
    "/-._~!$'()*+;=@"  # of RFC 3986's path characters all but `:`, which would read as a scheme, and `,` and `&`
)
_PRECISIONS = {Confidence.HIGH: "high", Confidence.MEDIUM: "medium", Confidence.LOW: "low"}


def render(report: Report, context: RenderContext) -> str:
    """Render a log with one run."""
    shown = [diagnostic for diagnostic in report.diagnostics if _is_shown(diagnostic, context)]
    kept = _keep_worst(shown)
    rules = _declare_rules(kept, context)
    places = {str(rule["id"]): number for number, rule in enumerate(rules)}
    results = [
        _result(diagnostic, name, context) | {"ruleIndex": places[diagnostic.rule]}
        for diagnostic, name in fingerprint(kept)
    ]
    driver: JsonObject = {"name": "txsafe", "semanticVersion": __version__, "version": __version__, "rules": rules}
    run: JsonObject = {
        "tool": {"driver": driver},
        "invocations": [_invocation(report, left_out=len(shown) - len(kept))],
        "originalUriBaseIds": {_BASE: {"description": {"text": "The directory that txsafe ran in."}}},
        "columnKind": "unicodeCodePoints",
        "automationDetails": {"id": f"txsafe/{escape(report.profile.name)}/"},
        "results": results,
    }
    return dump({"$schema": SCHEMA_URI, "version": "2.1.0", "runs": [run]})


def _is_shown(diagnostic: Diagnostic, context: RenderContext) -> bool:
    if diagnostic.suppressed:
        return context.show_suppressed
    return not diagnostic.baselined or context.show_suppressed or context.baselined is Baselined.MARKED


def _keep_worst(diagnostics: Sequence[Diagnostic]) -> Sequence[Diagnostic]:
    """Leave out the mildest above `MOST_RESULTS`; the order stays."""
    if len(diagnostics) <= MOST_RESULTS:
        return diagnostics
    worst = sorted(range(len(diagnostics)), key=lambda number: -diagnostics[number].severity.rank)[:MOST_RESULTS]
    return [diagnostics[number] for number in sorted(worst)]


# ---------------------------------------------------------------- rules


def _declare_rules(diagnostics: Sequence[Diagnostic], context: RenderContext) -> list[JsonObject]:
    own = {diagnostic.rule: diagnostic.severity for diagnostic in diagnostics if diagnostic.rule not in context.rules}
    declared = [_describe_rule(context.rules[rule]) for rule in sorted(context.rules)]
    return declared + [_name_rule(rule, own[rule]) for rule in sorted(own)]


def _describe_rule(rule: RuleHelp) -> JsonObject:
    explanation = rule.explanation.strip() or rule.title
    references = "".join(f"\n- <{reference}>" for reference in rule.references)
    markdown = f"{explanation}\n\nReferences:\n{references}" if references else explanation
    described = _name_rule(rule.id, rule.severity) | {
        "shortDescription": {"text": rule.title},
        "fullDescription": {"text": explanation.split("\n\n", 1)[0]},
        "help": {"text": explanation, "markdown": markdown},
    }
    if rule.references:
        described["helpUri"] = rule.references[0]
    return described


def _name_rule(rule: str, severity: Severity) -> JsonObject:
    return {
        "id": rule,
        "name": "".join(word.capitalize() for word in rule.split("-")),
        "shortDescription": {"text": rule},
        "defaultConfiguration": {"level": severity.value},
        "properties": {
            "tags": ["postgresql", "connection-pooling"],
            "precision": "high",
            "problem.severity": "recommendation" if severity is Severity.NOTE else severity.value,
        },
    }


# ---------------------------------------------------------------- results


def _result(diagnostic: Diagnostic, name: str, context: RenderContext) -> JsonObject:
    result: JsonObject = {
        "ruleId": diagnostic.rule,
        "level": diagnostic.severity.value,
        "message": {"text": _message(diagnostic)},
        "locations": [{"physicalLocation": _physical(diagnostic.path, diagnostic.start, diagnostic.end)}],
        # GitHub tracks alerts by `primaryLocationLineHash` alone, and computes it from line texts where it is missing.
        "partialFingerprints": {"primaryLocationLineHash": name, "txsafe/v1": name},
        "properties": _properties(diagnostic),
    }
    if diagnostic.related:
        result["relatedLocations"] = [_related(number, place) for number, place in enumerate(diagnostic.related, 1)]
    if diagnostic.fix is not None and (fix := _fix(diagnostic.fix, context)) is not None:
        result["fixes"] = [fix]
    if diagnostic.suppressed:
        result["suppressions"] = [{"kind": "inSource"}]
    if context.baselined is Baselined.MARKED:
        result["baselineState"] = "unchanged" if diagnostic.baselined else "new"
    return result


def _message(diagnostic: Diagnostic) -> str:
    parts = [diagnostic.message]
    if effects := describe_effects(diagnostic):
        parts.append(f"Effect: {effects}.")
    if diagnostic.suggestion.strip():
        parts.append(f"Instead:\n{diagnostic.suggestion.rstrip()}")
    return _defuse_links("\n\n".join(parts))


def _defuse_links(text: str) -> str:
    """Keep SQL such as `(ARRAY[1])[1](x)` from becoming an embedded link (SARIF 3.11.6)."""
    return text.replace("](", "] (")


def _properties(diagnostic: Diagnostic) -> JsonObject:
    properties: JsonObject = {
        "confidence": diagnostic.confidence.value,
        "precision": _PRECISIONS[diagnostic.confidence],
        "outcome": diagnostic.outcome.value,
        "effects": [effect.value for effect in diagnostic.effects],
        "transaction": diagnostic.transaction.value,
    }
    known = {
        "driver": diagnostic.driver,
        "sql": diagnostic.sql,
        "reference": diagnostic.reference,
        "profile": diagnostic.profile,
    }
    return properties | {key: value for key, value in known.items() if value}


def _related(number: int, location: Location) -> JsonObject:
    return {
        "id": number,
        "physicalLocation": _physical(location.path, location.start, location.end),
        "message": {"text": _defuse_links(location.message)},
    }


def _physical(path: str, start: Position, end: Position) -> JsonObject:
    return {"artifactLocation": _artifact(path), "region": _region(start, end)}


def _region(start: Position, end: Position) -> JsonObject:
    end = max(start, end)
    return {"startLine": start.line, "startColumn": start.column, "endLine": end.line, "endColumn": end.column}


def _artifact(path: str) -> JsonObject:
    if path.startswith("/"):
        return {"uri": f"file://{_percent_encode(path)}"}
    if _WINDOWS_DRIVE.match(path):
        return {"uri": f"file:///{path[0]}:{_percent_encode(path[2:])}"}
    return {"uri": _percent_encode(path), "uriBaseId": _BASE}


def _percent_encode(path: str) -> str:
    """Return the path's bytes, percent-encoded; undecodable ones are those of the file system (PEP 383)."""
    try:
        encoded = path.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:  # a surrogate that stands for no byte: Windows names can hold them
        encoded = path.encode("utf-8", "surrogatepass")
    return quote(encoded, safe=_URI_SAFE)


def _fix(fix: Fix, context: RenderContext) -> JsonObject | None:
    changes: dict[str, list[JsonValue]] = {}
    for edit in fix.edits:
        replacement = _replacement(edit, context)
        if replacement is None:
            return None  # a part of a fix is worse than none
        changes.setdefault(edit.place.path, []).append(replacement)
    if not changes:
        return None
    return {
        "description": {"text": fix.title},
        "artifactChanges": [
            {"artifactLocation": _artifact(path), "replacements": replacements}
            for path, replacements in changes.items()
        ],
    }


def _replacement(edit: Edit, context: RenderContext) -> JsonObject | None:
    located = context.locate(edit.place)
    if located is None:
        return None
    return {"deletedRegion": _region(*located), "insertedContent": {"text": edit.replacement}}


# ---------------------------------------------------------------- the run


def _invocation(report: Report, *, left_out: int) -> JsonObject:
    """Tell what the results do not: files and calls that could not be seen, results above GitHub's limit."""
    return {
        "executionSuccessful": True,
        "toolExecutionNotifications": list(_list_notifications(report, left_out=left_out)),
    }


def _list_notifications(report: Report, *, left_out: int) -> Iterator[JsonValue]:
    for error in list_errors(report):
        yield _notify_error(error)
    summary = summarize(report)
    if unseen := summary.sinks - summary.sinks_resolved:
        seen = f"{count(unseen, 'SQL call')} of {summary.sinks:,} could not be seen"
        yield _notify("note", f"{seen}; `--format json` lists them.")
    if left_out:
        yield _notify(
            "warning",
            f"{count(left_out, 'result')} left out, the mildest: code scanning shows {MOST_RESULTS:,} of a run. "
            "`--format json` has all.",
        )


def _notify_error(error: FileError) -> JsonObject:
    location: JsonObject = {"artifactLocation": _artifact(error.path)}
    if error.line > 0:
        location["region"] = {"startLine": error.line}
    return _notify("error", error.message) | {"locations": [{"physicalLocation": location}]}


def _notify(level: str, text: str) -> JsonObject:
    return {"level": level, "message": {"text": text}}
