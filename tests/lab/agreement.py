"""Committed observations against the catalogue's verdicts.

In: `rules/observed/*.yaml` and a catalogue. Out: one line per cell on which they do not agree. A cell is a probe in a
context, on a pooler, version, mode, settings and server. Outcomes have to be equal; effects seen in a cell have to be
among the verdict's, and those of all probes of the same capabilities together have to be all of the verdict's.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

import yaml

from tests.lab.observe import OBSERVED
from txsafe.catalog.probes import Context, Word
from txsafe.judge import judge_capability
from txsafe.model import FeatureUse, Outcome, Place, Profile, Span, Transaction, TransactionContext, Verdict
from txsafe.probe.probes import make_probes
from txsafe.probe.verdicts import is_about_itself, list_effects
from txsafe.profiles import resolve_profile

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from txsafe.catalog import Catalog


@dataclass(frozen=True, slots=True)
class Cell:
    """One observation, and where it was made."""

    profile: Profile
    probe: str
    requires: tuple[str, ...]
    context: Context
    words: frozenset[str]
    closed: bool = False
    """Whether what the probe opened was closed again in the same transaction."""
    place: tuple[str, ...] = ()
    """Pooler, version, mode, settings and server, as in the file."""

    @property
    def name(self) -> str:
        settings = " ".join(f"{key}={value}" for key, value in self.profile.settings.items())
        return f"{self.profile.name} {settings}, PostgreSQL {self.profile.server_version}: {self.probe}, {self.context}"

    @property
    def effects(self) -> frozenset[str]:
        """What went wrong, in the catalogue's words."""
        return frozenset(str(effect) for effect in list_effects(self.words))


def read_cells(catalog: Catalog, folder: Path = OBSERVED) -> Iterator[Cell]:
    """Read all committed observations."""
    closing = {probe.id for probe in make_probes(catalog.rules.values(), "0") if probe.closing}
    for file in sorted(folder.glob("*.yaml")):
        document = yaml.load(file.read_text(encoding="utf-8"), Loader=yaml.CBaseLoader)
        for entry in document["profiles"]:
            profile = _resolve(document, entry, catalog)
            place = make_place(
                document["pooler"], document["version"], entry["mode"], entry["settings"], entry["server-version"]
            )
            for probe, row in entry["cells"].items():
                requires = tuple(row["requires"])
                for context in Context:
                    if context in row:
                        words = frozenset(row[context].split())
                        closed = context is Context.INSIDE and probe in closing
                        yield Cell(profile, probe, requires, context, words, closed, place)


def make_place(
    pooler: str, version: str, mode: str, settings: Mapping[str, str], server_version: str
) -> tuple[str, ...]:
    """Return what tells one observed pooler from another."""
    given = " ".join(f"{key}={value}" for key, value in sorted(settings.items()))
    return (pooler, version, mode, given, server_version.partition(".")[0])


def _resolve(document: Mapping[str, str], entry: Mapping[str, object], catalog: Catalog) -> Profile:
    pooler = document["pooler"]
    exact = document["exact-version"]
    known = catalog.poolers[pooler].versions
    version = next((each for each in (exact, document["version"]) if each in known), "")
    name = f"{pooler}-{version}" if version else pooler
    settings = entry["settings"]
    assert isinstance(settings, dict)
    major = int(str(entry["server-version"]).partition(".")[0])
    return resolve_profile(f"{name}/{entry['mode']}", catalog, settings=settings, server_version=major)


def find_disagreements(cells: Iterator[Cell], catalog: Catalog) -> Iterator[str]:
    """Name every cell on which catalogue and observation differ."""
    seen: dict[tuple[str, ...], set[str]] = defaultdict(set)
    told: dict[tuple[str, ...], tuple[frozenset[str], Cell]] = {}
    for cell in cells:
        verdicts = [_judge(capability, cell, catalog) for capability in cell.requires]
        effects = frozenset(str(effect) for verdict in verdicts for effect in verdict.effects)
        if fault := _find_fault(cell, verdicts, effects):
            yield f"{cell.name}: catalogue {_tell(verdicts)}, observed {' '.join(sorted(cell.words))}: {fault}"
        if is_about_itself(cell.requires, cell.context):
            key = (cell.profile.name, str(cell.profile.settings), str(cell.profile.server_version), *cell.requires)
            seen[key] |= cell.effects
            told[key] = (told[key][0] | effects if key in told else effects, cell)
    for key, (effects, cell) in told.items():
        if len(cell.requires) != 1:
            continue
        if missing := effects - seen[key]:
            yield f"{cell.name}: {', '.join(cell.requires)} was never seen {' '.join(sorted(missing))}"


def _judge(capability: str, cell: Cell, catalog: Catalog) -> Verdict:
    kind = Transaction.EXPLICIT if cell.context is Context.INSIDE else Transaction.AUTOCOMMIT
    context = TransactionContext(kind=kind)
    use = FeatureUse(rule="", variant="", place=Place("", Span(0, 0)), sql="", transaction=context, paired=cell.closed)
    return judge_capability(capability, use, cell.profile, catalog)


def _find_fault(cell: Cell, verdicts: list[Verdict], effects: frozenset[str]) -> str:
    outcomes = {verdict.outcome for verdict in verdicts}
    if Word.UNSEEN in cell.words:
        return "" if Outcome.UNKNOWN in outcomes else "not observed"
    if not cell.closed and not is_about_itself(cell.requires, cell.context):
        return _find_fault_beside(cell, outcomes)
    if Outcome.UNKNOWN in outcomes:
        return "the catalogue does not know what was observed"
    if (Outcome.UNSAFE in outcomes) != bool(cell.effects) or (Outcome.COSTLY in outcomes) != (
        Word.PINNED in cell.words
    ):
        return "the outcome differs"
    # Of several capabilities at once one may hide the other's effect.
    if len(cell.requires) == 1 and not cell.effects <= effects:
        return "the effects differ"
    return ""


def _find_fault_beside(cell: Cell, outcomes: set[Outcome]) -> str:
    """A closing step that comes late does harm only where the state itself does; what is left open at the end of a
    transaction works inside it.
    """
    if cell.context is Context.LATE:
        return "the closing step fails" if cell.effects and outcomes <= {Outcome.SAFE, Outcome.COSTLY} else ""
    return "it does not work inside one transaction" if Word.WORKS not in cell.words else ""


def _tell(verdicts: list[Verdict]) -> str:
    return "; ".join(" ".join((verdict.outcome, *verdict.effects)) for verdict in verdicts) or "safe"
