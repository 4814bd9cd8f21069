"""What the benchmarks compare is what they say it is."""

from __future__ import annotations

from pathlib import Path

import yaml

from benchmarks.measuring import Task, measure
from benchmarks.tools import count_rules
from txsafe.catalog import load_catalog

SEMGREP = Path(__file__).parent.parent / "benchmarks" / "semgrep.yaml"


def test_semgrep_is_given_one_rule_for_each_of_ours() -> None:
    rules = [rule["id"] for rule in yaml.safe_load(SEMGREP.read_text(encoding="utf-8"))["rules"]]
    assert rules == list(load_catalog().rules)
    assert count_rules() == len(rules)


def test_what_takes_long_is_measured_in_the_first_round_only(tmp_path: Path) -> None:
    said: list[str] = []
    slow = Task("slow", ("true",), tmp_path, once=True)
    broken = Task("broken", ("false",), tmp_path, statuses=frozenset({0}))
    found = measure([slow, Task("quick", ("true",), tmp_path), broken], rounds=3, say=said.append)
    assert list(found) == ["slow", "quick"]
    assert [line.split("  ")[-1].split(":")[0] for line in said if line.startswith("round")] == ["slow"] + ["quick"] * 3
    assert sum("broken ended with 1" in line for line in said) == 1
