"""A catalogue and profiles come in, the mode matrix goes out: what each pooler does with each use of session state.

Nothing here is written down: every cell is what `judge` says of one use behind one profile.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from itertools import groupby
from types import MappingProxyType
from typing import TYPE_CHECKING

from txsafe.catalog.templates import matches_globs, template_names
from txsafe.errors import ConfigError, did_you_mean
from txsafe.judge import judge, list_requirements
from txsafe.model import (
    NO_FACTS,
    Basis,
    Effect,
    FeatureUse,
    Outcome,
    Place,
    Profile,
    Span,
    Transaction,
    TransactionContext,
)
from txsafe.profiles import resolve_profile

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from txsafe.catalog import Catalog
    from txsafe.catalog.observed import Coverage
    from txsafe.catalog.poolers import Pooler
    from txsafe.catalog.rules import Rule, Variant

PARAMETERS = (
    "application_name",
    "default_transaction_isolation",
    "default_transaction_read_only",
    "intervalstyle",
    "myapp.tenant_id",
    "search_path",
    "statement_timeout",
    "timezone",
)
"""What stands for all parameters: each is followed by some poolers or server versions and not by others."""
MARK = "*"
LEGEND = f"{MARK} observed on this very pooler, version and mode"
_NOWHERE = Place("", Span(0, 0))
_CONTEXTS: Mapping[str, Transaction] = MappingProxyType(
    {"inside-transaction": Transaction.EXPLICIT, "in-autocommit": Transaction.AUTOCOMMIT}
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """What one profile does with one use."""

    rule: str
    variant: str
    """The rule's variant, with `/parameter:NAME`, `/inside-transaction`, `/in-autocommit` where these decide."""
    profile: Profile
    outcome: Outcome
    effects: tuple[Effect, ...]
    basis: Basis
    reference: str
    reason: str
    observed: bool = False
    """Whether it was seen behind this very pooler, version, mode, settings and server; `basis` is the reason's."""

    @property
    def text(self) -> str:
        """The outcome and what goes wrong: `unsafe: lost, leaked`."""
        return f"{self.outcome}: {', '.join(self.effects)}" if self.effects else self.outcome.value

    @property
    def source(self) -> str:
        """What it is known from, where it was not observed right here: `documentation: https://…`."""
        if self.observed or self.basis is Basis.UNKNOWN:
            return ""
        # Said of a neighbouring version, or of the pooler that a service runs.
        return self.reference if self.basis is Basis.OBSERVED else f"{self.basis}: {self.reference}"

    def mark(self, sources: Mapping[str, int]) -> str:
        """Return the text with a mark where it was observed, else with the number of its source."""
        if self.observed:
            return f"{self.text}{MARK}"
        return f"{self.text} [{sources[self.source]}]" if self.source else self.text


@dataclass(frozen=True, slots=True, kw_only=True)
class _Case:
    """A use that stands for all of its kind."""

    label: str
    use: FeatureUse


def matrix_cells(
    catalog: Catalog, profiles: Sequence[Profile], *, rules: Sequence[str] = (), coverage: Coverage | None = None
) -> tuple[Cell, ...]:
    """Judge all variants of all rules, or of some, behind all profiles: by rule, then variant, then profile.

    `coverage` says which cells were observed.
    """
    selected = [catalog.rules[name] for name in rules] if rules else list(catalog.rules.values())
    cells: list[Cell] = []
    for rule in selected:
        for variant in rule.variants.values():
            for case in _list_cases(rule, variant):
                cells.extend(_judge_case(case, profiles, catalog, coverage))
    return tuple(cells)


def list_profiles(
    catalog: Catalog, *, poolers: Sequence[str] = (), settings: Mapping[str, str] = NO_FACTS, server_version: int | None
) -> tuple[Profile, ...]:
    """Return all versions and modes of all poolers, or of some.

    Settings apply wherever they exist; raises `ConfigError` for one that exists nowhere among them.
    """
    for name in poolers:
        if name not in catalog.poolers:
            hint = did_you_mean(name, catalog.poolers)
            raise ConfigError(f"unknown pooler {name!r}{hint}; known: {', '.join(catalog.poolers)}")
    chosen = [catalog.poolers[name] for name in (poolers or catalog.poolers)]
    for name in settings:
        known = {setting for pooler in chosen for setting in pooler.settings}
        if name not in known:
            raise ConfigError(f"unknown setting {name!r}{did_you_mean(name, known)}; known: {', '.join(sorted(known))}")
    return tuple(
        resolve_profile(name, catalog, settings=_existing(pooler, version, settings), server_version=server_version)
        for pooler in chosen
        for mode in pooler.modes
        for version, name in _name_versions(pooler, mode)
    )


def _name_versions(pooler: Pooler, mode: str) -> Iterator[tuple[str | None, str]]:
    """Give the versions to show: all that were looked at, or the one that a service runs."""
    if pooler.based_on or not pooler.versions:
        yield pooler.version, f"{pooler.id}/{mode}"
        return
    for version in pooler.versions:
        yield version, f"{pooler.id}-{version}/{mode}"


def _existing(pooler: Pooler, version: str | None, settings: Mapping[str, str]) -> Mapping[str, str]:
    own = pooler.settings
    return {name: value for name, value in settings.items() if name in own and own[name].exists_in(version)}


# ---------------------------------------------------------------- cases


def _list_cases(rule: Rule, variant: Variant) -> Iterator[_Case]:
    for label, captures in _list_captures(variant):
        name = f"{variant.id}/{label}" if label else variant.id
        kinds = {kind for match in variant.match for kind in match.transaction}
        context = TransactionContext(kind=next(iter(kinds))) if len(kinds) == 1 else TransactionContext()
        use = FeatureUse(
            rule=rule.id, variant=variant.id, place=_NOWHERE, sql="", captures=captures, transaction=context
        )
        yield _Case(label=name, use=use)


def _list_captures(variant: Variant) -> Iterator[tuple[str, Mapping[str, str]]]:
    """Give what stands in the holes of the capabilities: typical parameters, as far as the variant is about them."""
    holes = sorted({hole for capability in variant.requires for hole in template_names(capability)})
    if not holes:
        yield "", NO_FACTS
        return
    kind = next(capability for capability in variant.requires if holes[0] in capability).partition(":")[0]
    for parameter in PARAMETERS:
        if _is_about(variant, holes[0], parameter):
            yield f"{kind}:{parameter}", dict.fromkeys(holes, parameter)


def _is_about(variant: Variant, hole: str, parameter: str) -> bool:
    return any(matches_globs(parameter, match.where.get(hole, ())) for match in variant.match)


def _judge_case(
    case: _Case, profiles: Iterable[Profile], catalog: Catalog, coverage: Coverage | None
) -> Iterator[Cell]:
    """Judge one use; once more inside a transaction and in autocommit, if that changes anything anywhere."""
    cells = [_judge_cell(case, profile, catalog, coverage) for profile in profiles]
    yield from cells
    if case.use.transaction.kind is not Transaction.UNKNOWN:
        return
    for label, kind in _CONTEXTS.items():
        use = replace(case.use, transaction=TransactionContext(kind=kind))
        inside = _Case(label=f"{case.label}/{label}", use=use)
        others = [_judge_cell(inside, cell.profile, catalog, coverage) for cell in cells]
        if any(cell.text != other.text for cell, other in zip(cells, others, strict=True)):
            yield from others


def _judge_cell(case: _Case, profile: Profile, catalog: Catalog, coverage: Coverage | None) -> Cell:
    verdict = judge(case.use, profile, catalog)
    return Cell(
        rule=case.use.rule,
        variant=case.label,
        profile=profile,
        outcome=verdict.outcome,
        effects=verdict.effects,
        basis=verdict.basis,
        reference=verdict.reference,
        reason=verdict.reason,
        observed=coverage is not None and coverage.covers(profile, list_requirements(case.use, catalog), catalog),
    )


# ---------------------------------------------------------------- rendering


def number_sources(cells: Iterable[Cell]) -> Mapping[str, int]:
    """Return the sources of the cells that were not observed, numbered as they first appear."""
    sources = dict.fromkeys(cell.source for cell in cells if cell.source)
    return {source: number for number, source in enumerate(sources, 1)}


def list_notes(cells: Sequence[Cell], sources: Mapping[str, int]) -> Iterator[str]:
    """Give the lines that say what marks and numbers mean."""
    if any(cell.observed for cell in cells):
        yield LEGEND
    yield from (f"[{number}] {source}" for source, number in sources.items())


def render_json(cells: Iterable[Cell]) -> str:
    """Render all cells as one JSON object, a cell per line."""
    lines = ",\n".join(json.dumps(_describe(cell), ensure_ascii=False) for cell in cells)
    return f'{{"schema": 1, "cells": [\n{lines}\n]}}\n'


def _describe(cell: Cell) -> Mapping[str, object]:
    profile = cell.profile
    return {
        "rule": cell.rule,
        "variant": cell.variant,
        "pooler": profile.pooler,
        "version": profile.version,
        "mode": profile.mode,
        "settings": dict(profile.settings),
        "server_version": profile.server_version,
        "outcome": cell.outcome.value,
        "effects": [effect.value for effect in cell.effects],
        "basis": cell.basis.value,
        "observed": cell.observed,
        "reference": cell.reference,
        "reason": cell.reason,
    }


@dataclass(frozen=True, slots=True, kw_only=True)
class _Table:
    """The cells of one pooler: a row per use, a column per mode and range of versions."""

    title: str
    heads: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    notes: tuple[str, ...]


def render_text(cells: Sequence[Cell]) -> str:
    """Render one table per pooler with aligned columns; versions that do the same share a column."""
    parts = []
    for table in _list_tables(cells):
        notes = "".join(f"{note}\n" for note in table.notes)
        parts.append(f"{table.title}\n{_align(table)}{notes}")
    return "\n".join(parts)


def render_markdown(cells: Sequence[Cell]) -> str:
    """Render one Markdown table per pooler; versions that do the same share a column."""
    escaped = f"\\{MARK}"
    parts = []
    for table in _list_tables(cells):
        lines = [f"## {table.title}", "", _markdown_row(table.heads), _markdown_row(["---"] * len(table.heads))]
        lines.extend(_markdown_row((f"`{row[0]}`", f"`{row[1]}`", *row[2:])) for row in table.rows)
        lines.extend(("", *(f"- {note.replace(MARK, escaped)}" for note in table.notes)))
        parts.append("\n".join(lines) + "\n")
    return "\n".join(parts)


def _markdown_row(texts: Iterable[str]) -> str:
    return f"| {' | '.join(texts)} |"


def _align(table: _Table) -> str:
    rows = [table.heads, *table.rows]
    widths = [max(len(row[column]) for row in rows) for column in range(len(table.heads))]
    lines = ("  ".join(text.ljust(width) for text, width in zip(row, widths, strict=True)).rstrip() for row in rows)
    return "".join(f"{line}\n" for line in lines)


def _list_tables(cells: Sequence[Cell]) -> Iterator[_Table]:
    poolers = dict.fromkeys(cell.profile.pooler for cell in cells)
    for pooler in poolers:
        own = [cell for cell in cells if cell.profile.pooler == pooler]
        sources = number_sources(own)
        columns = _merge_columns(_list_columns(own, sources))
        labels = list(dict.fromkeys((cell.rule, cell.variant) for cell in own))
        texts = zip(*(column for _, column in columns), strict=True)
        rows = tuple((*label, *row) for label, row in zip(labels, texts, strict=True))
        heads = ("rule", "variant", *(head for head, _ in columns))
        yield _Table(title=pooler, heads=heads, rows=rows, notes=tuple(list_notes(own, sources)))


def _list_columns(cells: Sequence[Cell], sources: Mapping[str, int]) -> list[tuple[Profile, tuple[str, ...]]]:
    columns: dict[str, tuple[Profile, list[str]]] = {}
    for cell in cells:
        columns.setdefault(cell.profile.name, (cell.profile, []))[1].append(cell.mark(sources))
    return [(profile, tuple(texts)) for profile, texts in columns.values()]


def _merge_columns(columns: Iterable[tuple[Profile, tuple[str, ...]]]) -> list[tuple[str, tuple[str, ...]]]:
    """Join neighbours of one mode that agree everywhere: `1.21-1.23 transaction`."""
    merged = []
    for (mode, texts), group in groupby(columns, key=lambda column: (column[0].mode, column[1])):
        versions = [profile.version for profile, _ in group]
        first, last = versions[0], versions[-1]
        span = "" if first is None else f"{first} " if first == last else f"{first}-{last} "
        merged.append((f"{span}{mode}", texts))
    return merged
