"""Audits of small programs, as the command makes them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from click.testing import CliRunner, Result

from txsafe.cli import main

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

DATE = "2026-01-31"


def run(*arguments: str) -> Result:
    """Run `txsafe audit` in the working directory."""
    return CliRunner().invoke(main, ["audit", "--date", DATE, *arguments])


def write(files: Mapping[str, str], folder: Path) -> None:
    """Write a program."""
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


def audit(format_: str, *arguments: str) -> str:
    """Return the document of the working directory."""
    done = run("--format", format_, *arguments)
    assert done.exit_code == 0, done.output
    return done.stdout


def audit_json(*arguments: str) -> dict[str, Any]:
    """Return the document as JSON."""
    document: dict[str, Any] = json.loads(audit("json", *arguments))
    return document
