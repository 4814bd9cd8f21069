"""Each format's whole output for one report made by hand. To accept a change: `TXSAFE_ACCEPT=1 pytest tests/report`."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import pytest

from tests.report.report_samples import CONTEXT, FULL
from txsafe.report import FORMATS, Baselined, Verbosity, render

GOLDEN = Path(__file__).parent / "golden"
CASES = {
    **{f"full.{name}": (name, CONTEXT) for name in FORMATS},
    "color.text": ("text", replace(CONTEXT, color=True, width=60)),
    "verbose.text": (
        "text",
        replace(CONTEXT, verbosity=Verbosity.VERBOSE, statistics=True, show_suppressed=True, width=60),
    ),
    "quiet.text": ("text", replace(CONTEXT, verbosity=Verbosity.QUIET)),
    "marked.sarif": ("sarif", replace(CONTEXT, baselined=Baselined.MARKED, show_suppressed=True)),
}


@pytest.mark.parametrize("case", CASES)
def test_a_full_report_looks_as_it_did(case: str) -> None:
    name, context = CASES[case]
    path = GOLDEN / case
    actual = render(name, FULL, context)
    if os.environ.get("TXSAFE_ACCEPT"):
        path.write_bytes(actual.encode())
    assert actual == path.read_bytes().decode()
