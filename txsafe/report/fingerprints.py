"""Diagnostics in, one name each out, under which GitHub and GitLab recognise them in the next run."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from txsafe.fingerprints import digest

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from txsafe.model import Diagnostic


def fingerprint(diagnostics: Iterable[Diagnostic]) -> Iterator[tuple[Diagnostic, str]]:
    """Yield each diagnostic with a fingerprint that is unique in the report.

    `Diagnostic.fingerprint` holds no line number, so that it survives moved lines. Platforms merge results of one
    fingerprint: should several have the same, or none, the second gets `:2`, and so on, or it would never be seen.
    """
    seen: Counter[str] = Counter()
    for diagnostic in diagnostics:
        base = diagnostic.fingerprint or _compute(diagnostic)
        seen[base] += 1
        yield diagnostic, base if seen[base] == 1 else f"{base}:{seen[base]}"


def _compute(diagnostic: Diagnostic) -> str:
    return digest(diagnostic.rule, diagnostic.path, diagnostic.variant, diagnostic.sql or diagnostic.message)
