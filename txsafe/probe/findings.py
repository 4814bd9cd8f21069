"""Findings come in, text for a reader or JSON for a program goes out."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from txsafe.model import Outcome

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from txsafe.probe.observe import Observation
    from txsafe.probe.profile import Origin
    from txsafe.probe.verdicts import Finding


def render_text(findings: Sequence[Finding], _: Sequence[Observation], origin: Origin) -> str:
    """Return one line per capability, and what could not be observed."""
    return "\n".join(_list_lines(findings, origin)) + "\n"


def _list_lines(findings: Sequence[Finding], origin: Origin) -> Iterator[str]:
    yield f"{origin.target}, {origin.mode} mode, PostgreSQL {origin.pool.server_version}"
    yield ""
    rows = [(_name(each), _tell(each), each.text) for each in findings if each.outcome is not Outcome.UNKNOWN]
    widths = [max((len(row[column]) for row in rows), default=0) for column in (0, 1)]
    for name, verdict, text in rows:
        yield f"{name:<{widths[0]}}  {verdict:<{widths[1]}}  {text}".rstrip()
    unseen = [each for each in findings if each.outcome is Outcome.UNKNOWN]
    if unseen:
        yield ""
        yield "not observed:"
        yield from (f"  {_name(each)}: {each.text}" for each in unseen)


def _name(finding: Finding) -> str:
    return f"{finding.capability}, inside a transaction" if finding.inside else finding.capability


def _tell(finding: Finding) -> str:
    return f"{finding.outcome}: {', '.join(finding.effects)}" if finding.effects else finding.outcome.value


def render_json(findings: Sequence[Finding], observations: Sequence[Observation], origin: Origin) -> str:
    """Return everything that was seen."""
    document = {
        "schema": 1,
        "target": origin.target,
        "date": origin.date.isoformat(),
        "sharing": origin.pool.sharing.value,
        "restless": origin.pool.restless,
        "server_version": origin.pool.server_version,
        "capabilities": [
            {
                "capability": each.capability,
                "transaction": "explicit" if each.inside else "any",
                "outcome": each.outcome.value,
                "effects": [effect.value for effect in each.effects],
                "text": each.text,
            }
            for each in findings
        ],
        "observations": [
            {
                "probe": each.probe,
                "requires": list(each.requires),
                "context": each.context.value,
                "words": [word.value for word in each.words],
                "sqlstate": each.sqlstate,
                "text": each.text,
                "switched": each.switched,
            }
            for each in observations
        ],
    }
    return json.dumps(document, ensure_ascii=False, indent=1) + "\n"
