"""The catalogue says what was seen: committed observations against verdicts, cell by cell, both ways."""

from __future__ import annotations

import datetime as dt
import re
from typing import TYPE_CHECKING

import pytest

from tests.lab.agreement import Cell, find_disagreements, read_cells
from txsafe.catalog import Catalog, find_rules_directory, load_catalog
from txsafe.catalog.capabilities import CAPABILITIES, PARAMETRISED
from txsafe.catalog.observed import load_coverage
from txsafe.catalog.probes import Context, Word
from txsafe.judge import judge_capability
from txsafe.matrix import LEGEND, list_profiles, matrix_cells, render_text
from txsafe.model import (
    Effect,
    FeatureUse,
    Outcome,
    Place,
    Profile,
    Span,
    Transaction,
    TransactionContext,
)
from txsafe.probe.observe import Observation
from txsafe.probe.pool import Pool, Sharing
from txsafe.probe.profile import Origin, profile_id, render_profile
from txsafe.probe.verdicts import Finding, find_verdicts
from txsafe.profiles import resolve_profile

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(scope="module")
def catalog() -> Catalog:
    return load_catalog()


@pytest.fixture(scope="module")
def cells(catalog: Catalog) -> tuple[Cell, ...]:
    return tuple(read_cells(catalog))


def test_the_catalogue_agrees_with_every_observed_cell(catalog: Catalog, cells: tuple[Cell, ...]) -> None:
    assert len(cells) > 10_000
    assert list(find_disagreements(iter(cells), catalog)) == []


def test_every_cell_was_observed(cells: tuple[Cell, ...]) -> None:
    assert [cell.name for cell in cells if "unseen" in cell.words] == []


def test_every_capability_was_probed(cells: tuple[Cell, ...]) -> None:
    probed = {capability.partition(":")[0] for cell in cells for capability in cell.requires}
    assert {*CAPABILITIES, *PARAMETRISED} <= probed


WRONG = (
    ("pgbouncer", "listen:\n", "[lost, leaked]", "[leaked]", "listen, autocommit: catalogue unsafe leaked"),
    (
        "pgbouncer",
        "temporary-objects:\n",
        "[lost, leaked]",
        "[lost]",
        "temporary table, autocommit: catalogue unsafe lost",
    ),
    (
        "pgbouncer",
        "backend-identity:\n",
        "[wrong-result]",
        "[error]",
        "backend pid, autocommit: catalogue unsafe error",
    ),
    (
        "pgbouncer",
        "transaction-block:\n",
        "[error]",
        "[ignored]",
        "transaction block, inside: catalogue unsafe ignored",
    ),
    (
        "pgbouncer",
        "session-lock:\n",
        "[leaked, stuck]",
        "[leaked]",
        "pg_advisory_lock, autocommit: catalogue unsafe leaked",
    ),
    ("pgbouncer", "open-transaction:\n", "[ignored]", "[lost]", "set local, autocommit: catalogue unsafe lost"),
    (
        "pgbouncer",
        "session-role, session-authorization:\n",
        "[lost, leaked]",
        "[lost, leaked, stuck]",
        "never seen stuck",
    ),
    ("odyssey", "  listen:\n", "outcome: costly", "outcome: safe", "listen, autocommit: catalogue safe"),
    (
        "odyssey",
        "  named-prepare:\n",
        "outcome: safe",
        "outcome: costly",
        "protocol prepare, autocommit: catalogue costly",
    ),
    (
        "odyssey",
        '  sql-prepare:\n    - when: {mode: [transaction, statement], paired: "yes"',
        "[leaked]",
        "[lost]",
        "sql prepare, inside: catalogue unsafe lost",
    ),
)
"""Pooler, entry, what is right, what is wrong, and how the disagreement is named."""


def test_every_effect_is_once_left_out_of_the_catalogue() -> None:
    def effects(text: str) -> set[str]:
        return {word for word in text.strip("[]").split(", ") if word in set(Effect)}

    assert {word for _, _, before, after, _ in WRONG for word in effects(before) - effects(after)} == set(Effect)


def kinds(cell: Cell) -> set[str]:
    return {capability.partition(":")[0] for capability in cell.requires}


def kinds_named(entry: str) -> set[str]:
    return set(re.findall("[a-z-]+", entry.partition(":")[0]))


@pytest.mark.parametrize(("pooler", "entry", "before", "after", "named"), WRONG)
def test_one_wrong_entry_is_named(
    tmp_path: Path, cells: tuple[Cell, ...], pooler: str, entry: str, before: str, after: str, named: str
) -> None:
    text = (find_rules_directory() / "poolers" / f"{pooler}.yaml").read_text(encoding="utf-8")
    head, found, tail = text.partition(entry)
    assert found
    assert before in tail
    file = tmp_path / "poolers" / f"{pooler}.yaml"
    file.parent.mkdir()
    file.write_text(head + found + tail.replace(before, after, 1), encoding="utf-8")
    concerned = (cell for cell in cells if cell.profile.pooler == pooler and kinds(cell) & kinds_named(entry))
    disagreements = list(find_disagreements(concerned, load_catalog([tmp_path])))
    assert any(named in disagreement for disagreement in disagreements)


# ---------------------------------------------------------------- profile files


def observations(cells: tuple[Cell, ...]) -> dict[tuple[str, ...], list[Observation]]:
    """Return the committed cells by place, as a probe would have seen them."""
    places: dict[tuple[str, ...], list[Observation]] = {}
    for cell in cells:
        words = tuple(word for word in Word if word in cell.words)
        seen = Observation(probe=cell.probe, requires=cell.requires, context=cell.context, words=words)
        places.setdefault(cell.place, []).append(seen)
    return places


def judged(finding: Finding, profile: Profile, catalog: Catalog) -> tuple[Outcome, tuple[Effect, ...]]:
    kind = Transaction.EXPLICIT if finding.inside else Transaction.AUTOCOMMIT
    context = TransactionContext(kind=kind)
    use = FeatureUse(rule="", variant="", place=Place("", Span(0, 0)), sql="", transaction=context)
    verdict = judge_capability(finding.capability, use, profile, catalog)
    return verdict.outcome, verdict.effects


def test_findings_are_what_the_catalogue_says(catalog: Catalog, cells: tuple[Cell, ...]) -> None:
    profiles = {cell.place: cell.profile for cell in cells}
    for place, seen in observations(cells).items():
        for finding in find_verdicts(seen):
            if finding.outcome is not Outcome.UNKNOWN:
                assert judged(finding, profiles[place], catalog)[0] == finding.outcome, (place, finding)


def test_a_profile_file_says_what_was_found(tmp_path: Path, cells: tuple[Cell, ...]) -> None:
    file = tmp_path / "observed.yaml"
    tried: set[str] = set()
    for place, seen in observations(cells).items():
        mode = Sharing.DIRECT if place[0] == "direct" else Sharing(place[2])
        pool = Pool(mode, f"{place[4]}.1")
        origin = Origin(target='somewhere "else"', pool=pool, date=dt.date(2026, 1, 1))
        findings = find_verdicts(seen)
        text = render_profile("observed", findings, origin)
        alike = "\n".join(line for line in text.splitlines() if not line.startswith("sources:"))
        if alike in tried:
            continue
        tried.add(alike)
        file.write_text(text, encoding="utf-8")
        own = load_catalog([file])
        profile = resolve_profile("observed", own, settings={}, server_version=None)
        assert profile.mode == place[2]
        for finding in findings:
            assert judged(finding, profile, own) == (finding.outcome, finding.effects), (place, finding)


@pytest.mark.parametrize(
    ("name", "identifier"), [("My pool.yaml", "my-pool"), ("9.yml", "v9"), ("….yaml", "observed"), ("a-1.yaml", "a-v1")]
)
def test_an_id_is_made_of_the_name_of_the_file(name: str, identifier: str) -> None:
    assert profile_id(name) == identifier


def test_what_is_tried_with_something_broken_is_not_known() -> None:
    def seen(probe: str, requires: tuple[str, ...], word: Word) -> Observation:
        return Observation(probe=probe, requires=requires, context=Context.AUTOCOMMIT, words=(word,))

    name = "startup-parameter:timezone"
    broken = [seen("start-up", (name,), Word.REFUSED), seen("options", ("startup-options", name), Word.REFUSED)]
    found = {finding.capability: finding for finding in find_verdicts(broken)}
    assert found[name].effects == (Effect.ERROR,)
    assert found["startup-options"].outcome is Outcome.UNKNOWN
    assert found["startup-options"].text


# ---------------------------------------------------------------- what is said to be observed


@pytest.mark.parametrize(
    ("name", "options", "observed"),
    [
        ("pgbouncer-1.26", {}, True),
        ("pgbouncer-1.26", {"server_version": 18}, True),
        ("pgbouncer-1.26", {"server_version": 16}, False),
        ("pgbouncer-1.26", {"settings": {"max_prepared_statements": "0"}}, True),
        ("pgbouncer-1.26", {"settings": {"max_prepared_statements": "7"}}, False),
        ("pgbouncer-1.22", {}, False),
        ("odyssey-1.5.2/session", {}, True),
        ("pgpool-ii", {}, False),
        ("pgpool-ii", {"settings": {"load_balance_mode": "off"}}, True),
        ("direct", {}, True),
        ("neon", {}, False),
        ("rds-proxy", {}, False),
    ],
)
def test_the_matrix_marks_exactly_the_cells_that_the_data_covers(
    catalog: Catalog, name: str, options: dict[str, object], observed: bool
) -> None:
    profile = resolve_profile(name, catalog, **{"settings": {}, "server_version": None, **options})  # type: ignore[arg-type]
    cells = matrix_cells(catalog, [profile], rules=["listen"], coverage=load_coverage(catalog))
    assert {cell.observed for cell in cells} == {observed}
    assert (LEGEND in render_text(cells)) == observed


def test_what_is_marked_as_observed_is_known_from_observation(catalog: Catalog, cells: tuple[Cell, ...]) -> None:
    """Nothing that was seen is unknown to the catalogue, and what no probe asks for is not marked."""
    coverage = load_coverage(catalog)
    places = {(cell.profile.pooler, cell.profile.version, cell.profile.mode) for cell in cells}
    profiles = list_profiles(catalog, server_version=None)
    marked = [cell for cell in matrix_cells(catalog, profiles, coverage=coverage) if cell.observed]
    assert marked
    assert {(each.profile.pooler, (each.profile.version or "")[:3]) for each in marked} <= {
        (pooler, (version or "")[:3]) for pooler, version, _ in places
    }
    assert all(each.outcome is not Outcome.UNKNOWN for each in marked)
