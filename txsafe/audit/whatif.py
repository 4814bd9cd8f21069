"""One analysis comes in; what every pooler, version and mode, and every single change would make of it, goes out.

Findings of two profiles are the same where rule and place are: what is said of them differs from pooler to pooler.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

from txsafe.audit.alternatives import Change, ChangeKind, list_changes
from txsafe.baseline import compare
from txsafe.gathering import gather
from txsafe.matrix import list_profiles
from txsafe.model import Effect, Severity
from txsafe.own_rules import OWN_RULES
from txsafe.report.summary import is_live
from txsafe.selection import select

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from txsafe.baseline import Entry
    from txsafe.catalog import Catalog
    from txsafe.config import Config
    from txsafe.model import Diagnostic, Position, Profile, Report
    from txsafe.rejudging import Analysis

    Key: TypeAlias = tuple[str, str, Position]

TRANSACTION = "transaction"


@dataclass(frozen=True, slots=True, kw_only=True)
class Tally:
    """What one profile makes of the code."""

    profile: Profile
    severities: Mapping[Severity, int]
    """As `check` counts them."""
    rules: Mapping[str, Counter[str]]
    """Rule → what goes wrong how often, in findings that must go: effects' and outcomes' words."""
    changes: frozenset[Key]
    """Findings that must go."""
    leaks: int
    """Those among them that hand something to another client."""

    @property
    def rank(self) -> tuple[int, int, int, int]:
        """Fewer changes first, then fewer leaks, then less to look at."""
        notes = self.severities.get(Severity.NOTE, 0)
        return (len(self.changes), self.leaks, self.severities.get(Severity.WARNING, 0), notes)


@dataclass(frozen=True, slots=True, kw_only=True)
class Effectual:
    """A single change that helps."""

    change: Change
    removes: frozenset[Key]
    adds: frozenset[Key]


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """The same code behind everything there is."""

    asked: Tally
    others: tuple[Tally, ...]
    """By pooler, mode and version, the profile asked for among them where it has a name."""
    helpful: tuple[Effectual, ...]
    """Single changes around the code, the one that removes most first."""
    remaining: frozenset[Key]
    """Of the findings that must go, those that stay behind every pooler in transaction mode, whatever is set."""

    def remedies(self, key: Key) -> tuple[str, ...]:
        """Return the changes that remove a finding."""
        return tuple(each.change.label for each in self.helpful if key in each.removes)


@dataclass(frozen=True, slots=True, kw_only=True)
class Judging:
    """What a report goes through before it is counted, the same for every profile."""

    analysis: Analysis
    config: Config
    known: tuple[Entry, ...] = ()
    """Of the baseline."""

    def report(self, profile: Profile, *, direct: tuple[str, ...] = ()) -> Report:
        """Return what `check` reports for a profile, and for further files that bypass the pooler."""
        report = self.analysis.report(profile, direct=direct)
        if self.known:
            report = compare(report, self.known, root=self.config.root).report
        return gather(select(report, self.config))

    def tally(self, profile: Profile, *, direct: tuple[str, ...] = ()) -> Tally:
        """Count what `report` has."""
        return count(self.report(profile, direct=direct), self.config)


def must_go(diagnostic: Diagnostic, config: Config) -> bool:
    """Tell whether a finding is a change to make: it would fail a check, and it is about the code."""
    return is_live(diagnostic) and diagnostic.rule not in OWN_RULES and diagnostic.severity >= config.fail_on


def key_of(diagnostic: Diagnostic) -> Key:
    """Return what a finding is called whatever the profile says of it."""
    return (diagnostic.rule, diagnostic.path, diagnostic.start)


def count(report: Report, config: Config) -> Tally:
    """Count what a report says."""
    live = [each for file in report.files for each in file.diagnostics if is_live(each)]
    failing = {severity for severity in Severity if severity >= config.fail_on}
    blocking = [each for each in live if each.severity in failing and each.rule not in OWN_RULES]
    rules: dict[str, Counter[str]] = {}
    for each in blocking:
        rules.setdefault(each.rule, Counter()).update([worst_word(each)])
    return Tally(
        profile=report.profile,
        severities=Counter(each.severity for each in live),
        rules=rules,
        changes=frozenset(key_of(each) for each in blocking),
        leaks=sum(Effect.LEAKED in each.effects for each in blocking),
    )


WORST_FIRST = (
    Effect.LEAKED,
    Effect.WRONG_RESULT,
    Effect.STUCK,
    Effect.LOST,
    Effect.ERROR,
    Effect.IGNORED,
)
"""A leak is a matter of security, a wrong result goes unnoticed; an error is at least seen."""


def worst_word(diagnostic: Diagnostic) -> str:
    """Return the worst effect, or the outcome where nothing is known to go wrong."""
    return next((effect.value for effect in WORST_FIRST if effect in diagnostic.effects), diagnostic.outcome.value)


def compare_all(judging: Judging, profile: Profile, catalog: Catalog) -> Comparison:
    """Judge the same uses behind everything there is."""
    config = judging.config
    settings = dict(config.settings)
    profiles = list_profiles(catalog, settings=settings, server_version=profile.server_version)
    asked = judging.tally(profile)
    others = tuple(judging.tally(each) for each in profiles)
    uses = [use for file in judging.analysis.found.files if file.uses is not None for use in file.uses.uses]
    tried = tuple(
        (change, judging.tally(change.profile, direct=change.direct)) for change in list_changes(profile, catalog, uses)
    )
    behind = (tally for change, tally in tried if not change.direct)
    within = (asked, *behind, *others)
    return Comparison(
        asked=asked,
        others=others,
        helpful=tuple(_list_helpful(asked, tried)),
        remaining=_intersect(tally.changes for tally in within if tally.profile.mode == TRANSACTION) & asked.changes,
    )


def _intersect(sets: Iterable[frozenset[Key]]) -> frozenset[Key]:
    found: frozenset[Key] | None = None
    for each in sets:
        found = each if found is None else found & each
    return found or frozenset()


def _list_helpful(asked: Tally, tried: Sequence[tuple[Change, Tally]]) -> Iterator[Effectual]:
    """Give the changes that remove something, of each ladder the first step that does as much."""
    best: dict[str, frozenset[Key]] = {}
    found: list[Effectual] = []
    for change, tally in tried:
        removes = asked.changes - tally.changes
        if not removes <= best.get(change.group, frozenset()):
            best[change.group] = removes
            found.append(Effectual(change=change, removes=removes, adds=tally.changes - asked.changes))
    yield from sorted(_without_bystanders(found), key=lambda each: (-len(each.removes), len(each.adds)))


def _without_bystanders(found: Sequence[Effectual]) -> Iterator[Effectual]:
    """Leave out combinations that do no more than their only effective part."""
    servers = [each for each in found if each.change.kind is ChangeKind.SERVER]
    upgrades = [each for each in found if each.change.group == "upgrade"]
    for each in found:
        change = each.change
        parts = [
            other
            for other in (*servers, *upgrades)
            if other is not each and _is_part(other.change.profile, change.profile) and each.removes <= other.removes
        ]
        if not parts:
            yield each


def _is_part(part: Profile, whole: Profile) -> bool:
    """Tell whether one change is a part of another."""
    return part.version == whole.version and part.server_version == whole.server_version
