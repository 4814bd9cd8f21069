"""The rules' probes with holes come in, those of one run go out: what is created has names that no other run uses."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from txsafe.catalog.templates import fill_template

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from txsafe.catalog.probes import Probe, Step
    from txsafe.catalog.rules import Rule


def make_probes(rules: Iterable[Rule], token: str) -> tuple[Probe, ...]:
    """Return all probes; `token` (lower-case letters and digits) keeps runs apart."""
    # What only the run itself can fill stays open.
    own = {"own": f"txsafe_{token}", "key": str(int(token, 36) % 2**31), "backend": "{backend}"}
    return tuple(
        _fill(probe, {**own, "name": name, "value": value})
        for rule in rules
        for probe in rule.probes
        for name, value in probe.each.items() or (("", ""),)
    )


def _fill(probe: Probe, values: Mapping[str, str]) -> Probe:
    def fill(texts: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(fill_template(text, values) for text in texts)

    def fill_steps(steps: tuple[Step, ...]) -> tuple[Step, ...]:
        return tuple(_fill_step(step, values) for step in steps)

    return replace(
        probe,
        id=fill_template(probe.id, values),
        requires=fill(probe.requires),
        each={},
        set_up=fill_steps(probe.set_up),
        observe=_fill_step(probe.observe, values),
        expect=fill_template(probe.expect, values),
        control=fill_template(probe.control, values),
        look=None if probe.look is None else _fill_step(probe.look, values),
        rival=fill_steps(probe.rival),
        closing=fill_steps(probe.closing),
        clean_up=fill(probe.clean_up),
        start_up={fill_template(name, values): fill_template(value, values) for name, value in probe.start_up.items()},
        create=fill(probe.create),
        drop=fill(probe.drop),
    )


def _fill_step(step: Step, values: Mapping[str, str]) -> Step:
    return replace(step, text=fill_template(step.text, values), word=fill_template(step.word, values))
