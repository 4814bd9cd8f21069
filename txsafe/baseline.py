"""The file of known diagnostics: read, compare, write.

In: a report with fingerprints. Out: the same with known diagnostics marked, and the entries that nothing answers to any
more. Entries hold content, not line numbers, so that moved code stays known; nothing is ever added without being asked.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from txsafe.atomic import write_atomically
from txsafe.errors import ConfigError
from txsafe.fingerprints import project_path
from txsafe.own_rules import UNREAD
from txsafe.watching import is_there, sought

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable
    from pathlib import Path

    from txsafe.model import Diagnostic, FileReport, Report

VERSION = 1


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class Entry:
    """One known diagnostic."""

    path: str
    """Relative to the project's root."""
    rule: str
    sql: str
    """For people who read the file."""
    fingerprint: str


@dataclass(frozen=True, slots=True)
class Comparison:
    """A report measured against a baseline."""

    report: Report
    stale: tuple[Entry, ...]
    """Entries for analysed or vanished files that no diagnostic answers to any more."""


def read_baseline(file: Path) -> tuple[Entry, ...]:
    """Return the entries of a baseline; raises `ConfigError` where it cannot be read or is no baseline of ours."""
    try:
        sought(file)
        document = json.loads(file.read_bytes())
    except OSError as error:
        raise ConfigError(f"{file}: cannot be read: {error.strerror}") from error
    except (ValueError, RecursionError) as error:
        raise ConfigError(f"{file}: is not valid JSON: {error}; write it anew with --write-baseline") from error
    if not isinstance(document, dict) or not isinstance(document.get("txsafe-baseline"), int):
        raise ConfigError(f"{file}: is not a baseline of txsafe")
    version = document["txsafe-baseline"]
    if version != VERSION:
        raise ConfigError(f"{file}: is a baseline of version {version}; this txsafe knows version {VERSION}")
    entries = document.get("diagnostics")
    if not isinstance(entries, list):
        raise ConfigError(f"{file}: has no list of diagnostics")
    return tuple(_decode(entry, number, file) for number, entry in enumerate(entries))


def _decode(entry: object, number: int, file: Path) -> Entry:
    keys = ("path", "rule", "sql", "fingerprint")
    if not isinstance(entry, dict) or not all(isinstance(entry.get(key), str) for key in keys):
        raise ConfigError(f"{file}: entry {number} needs the texts {', '.join(keys)}")
    return Entry(path=entry["path"], rule=entry["rule"], sql=entry["sql"], fingerprint=entry["fingerprint"])


def compare(report: Report, entries: Iterable[Entry], *, root: Path) -> Comparison:
    """Mark the known diagnostics of a report, and find the entries that are no longer needed."""
    known = {entry.fingerprint: entry for entry in entries}
    met: set[str] = set()
    files = tuple(_mark(file, known, met) for file in report.files)
    unread = {project_path(file.path, root) for file in report.files if file.errors}
    looked_at = {project_path(file.path, root) for file in report.files} - unread
    stale = tuple(
        entry
        for entry in sorted(known.values())
        if entry.fingerprint not in met and (entry.path in looked_at or not is_there(root / entry.path))
    )
    return Comparison(replace(report, files=files), stale)


def _mark(file: FileReport, known: Collection[str], met: set[str]) -> FileReport:
    marked: list[Diagnostic] = []
    for diagnostic in file.diagnostics:
        fits = diagnostic.fingerprint in known and diagnostic.rule not in UNREAD
        if fits:
            met.add(diagnostic.fingerprint)
        marked.append(replace(diagnostic, baselined=True) if fits else diagnostic)
    return replace(file, diagnostics=tuple(marked))


def write_baseline(file: Path, diagnostics: Iterable[Diagnostic], *, root: Path) -> int:
    """Write the diagnostics that are neither suppressed nor unknowable to a baseline; return how many they are."""
    entries = sorted(
        Entry(
            path=project_path(diagnostic.path, root),
            rule=diagnostic.rule,
            sql=" ".join(diagnostic.sql.split()),
            fingerprint=diagnostic.fingerprint,
        )
        for diagnostic in diagnostics
        if not diagnostic.suppressed and diagnostic.rule not in UNREAD
    )
    document = {
        "txsafe-baseline": VERSION,
        "diagnostics": [
            {"path": entry.path, "rule": entry.rule, "sql": entry.sql, "fingerprint": entry.fingerprint}
            for entry in entries
        ],
    }
    text = json.dumps(document, indent=1, ensure_ascii=False) + "\n"
    write_atomically(file, text.encode("utf-8", "backslashreplace"))
    return len(entries)
