"""The linters and the type checker, as tests: one command runs all gates."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent


@pytest.mark.parametrize(
    "command",
    [
        pytest.param(["ruff", "check"], id="ruff finds nothing"),
        pytest.param(["ruff", "format", "--check"], id="ruff has nothing to format"),
        pytest.param(["mypy"], id="mypy --strict finds nothing"),
    ],
)
def test_gate(command: list[str]) -> None:
    run = subprocess.run([sys.executable, "-m", *command], cwd=ROOT, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stdout + run.stderr
