"""The audit as a value: what every renderer of it takes. No decisions are taken here or after."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from txsafe.audit.section import Bars, Section
    from txsafe.model import Diagnostic, FileError, Position, Profile, UnresolvedSink
    from txsafe.report.frames import FrameLine
    from txsafe.report.summary import Summary


class Readiness(enum.StrEnum):
    """The answer to the question that an audit is made for."""

    READY = "ready"
    READY_AFTER_CHANGES = "ready after changes"
    BLOCKED = "blocked"
    """Something must change for which there is no known way, or some files could not be judged at all."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """The verdict, in the words that stand on top."""

    readiness: Readiness
    changes: int
    """Findings that must go: as severe as what fails a check, or worse."""
    headline: str
    """`Ready after 14 changes`."""
    reasons: tuple[str, ...]
    """What it rests on, the most important first; one sentence each."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Waypoint:
    """One place on the way from a definition to the call that sends it."""

    path: str
    position: Position
    message: str
    line: str
    """The source line there; empty where the text is gone."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """A diagnostic and all that helps to deal with it."""

    anchor: str
    """The id of its place in the document, `f-…`; the same in the next audit as long as the code stays."""
    diagnostic: Diagnostic
    blocks: bool
    """Whether it is one of the changes that the answer counts."""
    frame: tuple[FrameLine, ...]
    trail: tuple[Waypoint, ...]
    directory: str
    effect: str
    """Key of its group in `Audit.by_effect`."""
    owners: tuple[str, ...]
    """Of CODEOWNERS; none where nobody owns the file."""
    remedies: tuple[str, ...]
    """Single changes around the code that make it go: settings, versions of the pooler and of the server."""
    diff: str = ""
    """What its fix would change."""
    observed: str = ""
    """What a log or pg_stat_statements says of it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """Findings that have something in common."""

    key: str
    """An effect's word, a rule, a folder, an owner."""
    title: str
    anchors: tuple[str, ...]
    explanation: str = ""
    """Markdown: what happens and what to write instead."""
    references: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """What has become of the findings that a baseline knew."""

    known: int
    """Still there."""
    gone: int
    new: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Audit:
    """Everything that the document says."""

    project: str
    """Name of the folder that was looked at."""
    date: str
    """ISO 8601; empty where nobody asked for one."""
    version: str
    """Of txsafe."""
    profile: Profile
    answer: Answer
    summary: Summary
    findings: tuple[Finding, ...]
    """Live ones, the worst first."""
    by_effect: tuple[Group, ...]
    """Leaks first, for they are a matter of security."""
    by_rule: tuple[Group, ...]
    by_directory: tuple[Group, ...]
    by_owner: tuple[Group, ...]
    """Empty where the project has no CODEOWNERS."""
    suppressed: tuple[Finding, ...]
    baselined: tuple[Finding, ...]
    unresolved: tuple[UnresolvedSink, ...]
    errors: tuple[FileError, ...]
    progress: Progress | None
    """None without a baseline."""
    work: Bars | None = None
    """How much of each kind of work the changes are."""
    what_if: Section | None = None
    plan: Section | None = None
    budget: Section | None = None
    """Connections: demand against what pooler and server allow."""
    evidence: Section | None = None
    """What a log or pg_stat_statements shows."""
