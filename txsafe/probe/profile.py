"""Findings come in, the text of a profile file goes out: a pooler file (`docs/rules.md`) that `check --profile` takes.

What was not observed is left out of it, so that it is unknown, or as the pooler says that the file is based on.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING

from txsafe.model import Outcome

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Iterator, Sequence

    from txsafe.model import Profile
    from txsafe.probe.pool import Pool
    from txsafe.probe.verdicts import Finding

CUSTOM_PARAMETER = "parameter:txsafe.probe"
CUSTOM_PARAMETERS = "parameter:*.*"
"""One custom parameter stands for all: neither server nor pooler knows any of them by name."""
_REASONS = {
    Outcome.SAFE: "txsafe probe saw it work.",
    Outcome.COSTLY: "txsafe probe saw it work, but {pooler} gives the server connection to nobody else from then on.",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """Where and when findings were made."""

    target: str
    """The address, without a password."""
    pool: Pool
    date: dt.date
    base: Profile | None = None
    """What says the rest."""

    @property
    def mode(self) -> str:
        """The catalogue's word for the way in which connections are shared."""
        return "session" if self.pool.sharing == "direct" else self.pool.sharing.value


def profile_id(name: str) -> str:
    """Return an id made of a file's name: `My pool.yaml` is `my-pool`."""
    words = re.findall(r"[a-z0-9]+", name.lower().removesuffix(".yaml").removesuffix(".yml"))
    # A part that starts with a digit would read as a version.
    return "-".join(word if word[0].isalpha() else f"v{word}" for word in words) or "observed"


def render_profile(identifier: str, findings: Sequence[Finding], origin: Origin) -> str:
    """Return the text of the profile file."""
    return "\n".join(_list_lines(identifier, findings, origin)) + "\n"


def _list_lines(identifier: str, findings: Sequence[Finding], origin: Origin) -> Iterator[str]:
    yield "# Written by `txsafe probe`; use it with `txsafe check --profile FILE`."
    yield f"id: {identifier}"
    yield f"title: {_quote(f'Observed pooler ({identifier})')}"
    yield f"modes: [{origin.mode}]"
    if origin.base is not None:
        yield f"based-on: {origin.base.pooler}"
        if origin.base.version is not None:
            yield f"version: {_quote(origin.base.version)}"
    server = f"PostgreSQL {origin.pool.server_version.split()[0]}"
    yield f"sources: {{probe: {_quote(f'observed on {origin.target}, {server}, {origin.date.isoformat()}')}}}"
    yield "capabilities:"
    known = [finding for finding in findings if finding.outcome is not Outcome.UNKNOWN]
    known.sort(key=lambda finding: (finding.capability, not finding.inside))
    for capability, group in groupby(known, key=lambda finding: finding.capability):
        yield f"  {_quote(CUSTOM_PARAMETERS if capability == CUSTOM_PARAMETER else capability)}:"
        own = tuple(group)
        yield from (_describe(finding, alone=len(own) == 1) for finding in own)


def _describe(finding: Finding, *, alone: bool) -> str:
    when = "when: {transaction: [explicit, implicit]}, " if finding.inside and not alone else ""
    effects = f"effects: [{', '.join(finding.effects)}], " if finding.effects else ""
    rest = f"reason: {_quote(_tell(finding))}, basis: observed, reference: probe"
    return f"    - {{{when}outcome: {finding.outcome}, {effects}{rest}}}"


def _tell(finding: Finding) -> str:
    """What a server said is left out: it differs from run to run where others use the pool."""
    if finding.outcome is Outcome.UNSAFE:
        return f"txsafe probe saw it: {', '.join(finding.effects)}."
    return _REASONS[finding.outcome]


def _quote(text: str) -> str:
    """Quote for YAML, of which JSON is a part; not all that is unprintable may stand in it."""
    return json.dumps("".join(each if each.isprintable() else "?" for each in text), ensure_ascii=False)
