"""Every rewrite has a program in `fixtures/proofs`, which `tests/lab/test_proofs.py` runs behind a real pooler."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from tests.rewrites.rewriting import rewrite
from txsafe import rewrites
from txsafe.model import Applicability

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pytest

    from txsafe.model import Edit, FeatureUse, Fix
    from txsafe.rewrites import Rewrite
    from txsafe.rewrites.surroundings import Surroundings

PROOFS = sorted((Path(__file__).parents[2] / "fixtures" / "proofs").iterdir())
EVERY = frozenset(Applicability)
NOT_EXECUTED: Mapping[str, str] = {}
"""Modules of rewrites that cannot be executed behind a pooler, and why."""


def module_of(rewriting: Rewrite) -> str:
    return rewriting.__module__.rpartition(".")[2]


def told(rewriting: Rewrite, made: dict[tuple[Edit, ...], str]) -> Rewrite:
    """Return a rewrite that also notes which edits it asks for."""

    def noting(use: FeatureUse, surroundings: Surroundings) -> Fix | None:
        fix = rewriting(use, surroundings)
        if fix is not None:
            made[fix.edits] = module_of(rewriting)
        return fix

    return noting


def proven_by(path: Path, monkeypatch: pytest.MonkeyPatch) -> set[str]:
    """Return the modules of the rewrites that a program shows at work."""
    made: dict[tuple[Edit, ...], str] = {}
    with monkeypatch.context() as patch:
        patch.setattr(rewrites, "REWRITES", tuple(told(each, made) for each in rewrites.REWRITES))
        done = rewrite(path.read_text(encoding="utf-8"), name=path.name, applied=EVERY)
    return {made[each.fix.edits] for each in done.fixing.fixed if each.fix is not None}


def test_every_rewrite_is_executed_behind_a_pooler(monkeypatch: pytest.MonkeyPatch) -> None:
    proven = {module for path in PROOFS for module in proven_by(path, monkeypatch)}
    every = {module_of(each) for each in rewrites.REWRITES}
    assert every - proven == set(NOT_EXECUTED)


def test_every_program_shows_a_rewrite(monkeypatch: pytest.MonkeyPatch) -> None:
    assert all(proven_by(path, monkeypatch) for path in PROOFS if path.suffix == ".py")
