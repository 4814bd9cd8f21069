"""A feature use and its verdict → the diagnostic that a user reads.

In: a use, its verdict, its rule and its neighbours (for the suggestion). Out: a `Diagnostic` with lines and columns.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from txsafe.model import (
    Confidence,
    Diagnostic,
    FeatureUse,
    Fix,
    Location,
    Outcome,
    Place,
    Position,
    Profile,
    Related,
    Severity,
    SourceFile,
    Verdict,
)
from txsafe.routing import route_hint
from txsafe.suggestions import fill, suggest

if TYPE_CHECKING:
    from txsafe.catalog.rules import Rule
    from txsafe.rewrites.surroundings import Surroundings

Sources = Callable[[str], SourceFile | None]
"""Path → the text that was analysed."""

MOST_RELATED = 12
"""Related places of a diagnostic; who reads more of them?"""


def diagnose(
    use: FeatureUse,
    verdict: Verdict,
    *,
    rule: Rule,
    profile: Profile,
    surroundings: Surroundings,
    neighbours: Sequence[FeatureUse],
    fix: Fix | None = None,
    placeholders: Mapping[str, str],
) -> Diagnostic:
    """Return what to tell about a use that a profile does not simply allow."""
    variant = rule.variants[use.variant]
    sources = surroundings.sources
    start, end = _positions(use.place, sources)
    return Diagnostic(
        rule=use.rule,
        variant=use.variant,
        gathers=variant.gathers,
        severity=_severity(variant.severity or rule.severity, verdict),
        confidence=use.confidence,
        path=use.place.path,
        start=start,
        end=end,
        message=_message(fill(variant.message, use), verdict, use),
        sql=use.sql,
        outcome=verdict.outcome,
        effects=verdict.effects,
        transaction=use.transaction.kind,
        driver=use.driver,
        suggestion=suggest(use, rule, neighbours, placeholders=placeholders, surroundings=surroundings),
        related=tuple(_locate(related, sources) for related in use.trail),
        fix=fix,
        profile=profile.name,
        reference=verdict.reference,
    )


def file_diagnostic(*, rule: str, path: str, position: Position, message: str) -> Diagnostic:
    """Return one of the tool's own diagnostics: a file that could not be analysed."""
    return Diagnostic(
        rule=rule,
        severity=Severity.ERROR,
        confidence=Confidence.HIGH,
        path=path,
        start=position,
        end=position,
        message=message,
        outcome=Outcome.UNKNOWN,
    )


def surest(group: Sequence[Diagnostic]) -> Diagnostic:
    """Return the worst and surest of the diagnostics of one place, with the related places of all."""
    if len(group) == 1:
        return group[0]
    chosen = max(group, key=lambda each: (each.severity.rank, each.confidence.rank))
    related = dict.fromkeys((*chosen.related, *(location for each in group for location in each.related)))
    return replace(chosen, related=tuple(related)[:MOST_RELATED])


def _severity(severity: Severity, verdict: Verdict) -> Severity:
    match verdict.outcome:
        case Outcome.UNKNOWN:
            return Severity.NOTE
        case Outcome.COSTLY:
            return min(severity, Severity.WARNING)
        case _:
            return min(severity, verdict.severity or severity)


def _message(what: str, verdict: Verdict, use: FeatureUse) -> str:
    """Return what is said, with the version that was assumed and a hint where a name suggests another route."""
    message = f"{what}: {verdict.reason}" if verdict.reason else what
    assumed = use.captures.get("assumed", "")
    hint = route_hint(use.route)
    parts = (message, f"({assumed})" if assumed else "", hint)
    return " ".join(part for part in parts if part)


def _positions(place: Place, sources: Sources) -> tuple[Position, Position]:
    source = sources(place.path)
    if source is None:
        return Position(1, 1), Position(1, 1)
    return source.position(place.span.start), source.position(place.span.end)


def _locate(related: Related, sources: Sources) -> Location:
    start, end = _positions(related.place, sources)
    return Location(path=related.place.path, start=start, end=end, message=related.message)
