"""Diagnostics of one file in, the same with fingerprints out: names that survive moved lines and other profiles.

A fingerprint is made of the rule, the path below the project's root, the SQL (or the line's text where there is none)
without regard to space, and a count of equal ones before it in the file. Baselines and code scanning rely on it.
"""

from __future__ import annotations

import hashlib
import os
from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from txsafe.model import Diagnostic, SourceFile

_DIGITS = 32
_LONGEST_LINE = 1_000


def with_fingerprints(diagnostics: Iterable[Diagnostic], source: SourceFile, *, root: Path) -> tuple[Diagnostic, ...]:
    """Return the diagnostics of a file in its order, each with its fingerprint."""
    path = project_path(source.path, root)
    seen: Counter[tuple[str, str, str]] = Counter()
    done: list[Diagnostic] = []
    for diagnostic in sorted(diagnostics, key=lambda each: each.sort_key):
        snippet = " ".join((diagnostic.sql or _text_at(diagnostic, source)).split())
        key = (diagnostic.rule, diagnostic.variant, snippet)
        done.append(replace(diagnostic, fingerprint=digest(*key, path, str(seen[key]))))
        seen[key] += 1
    return tuple(done)


def digest(*parts: str) -> str:
    """Return 32 hexadecimal digits for some texts; invalid characters count too."""
    joined = "\0".join(parts).encode("utf-8", "surrogatepass")
    return hashlib.sha256(joined).hexdigest()[:_DIGITS]


def project_path(display: str, root: Path) -> str:
    """Return a shown path relative to the project's root, so that it is the same wherever a run starts."""
    return os.path.relpath(os.path.abspath(display), root).replace(os.sep, "/")  # noqa: PTH100  # keeps symbolic links


def _text_at(diagnostic: Diagnostic, source: SourceFile) -> str:
    if diagnostic.start.line > len(source.line_starts):
        return diagnostic.message
    start = source.line_starts[diagnostic.start.line - 1]
    text = source.text[start : start + _LONGEST_LINE]
    end = min((at for at in (text.find("\r"), text.find("\n")) if at >= 0), default=len(text))
    if end < _LONGEST_LINE:
        return text[:end]
    start += diagnostic.start.column - 1  # what else stands on a line of megabytes says little
    return source.text[start : start + _LONGEST_LINE]
