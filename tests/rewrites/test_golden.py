"""Each file of `fixtures/rules` and `fixtures/fixes` against what its fixes make of it, and the laws that hold for all.

Run with TXSAFE_ACCEPT=1 to accept a change, and read the difference before it is committed.
"""

from __future__ import annotations

import os
from collections import Counter
from pathlib import Path

import pytest

from tests.rewrites.rewriting import check, rewrite

ROOT = Path(__file__).parent.parent.parent / "fixtures"
FILES = sorted(
    path
    for folder in ("rules", "fixes")
    for path in (ROOT / folder).iterdir()
    if path.suffix in {".py", ".sql"} and not path.stem.endswith(".fixed")
)


def golden_of(path: Path) -> Path:
    return path.with_name(f"{path.stem}.fixed{path.suffix}")


@pytest.mark.parametrize("path", FILES, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_fixes_give_what_they_gave_before(path: Path) -> None:
    text, golden = path.read_text(), golden_of(path)
    found = rewrite(text, name=path.name).after
    if os.environ.get("TXSAFE_ACCEPT") == "1":
        golden.unlink(missing_ok=True)
        if found != text:
            golden.write_text(found)
    assert found == (golden.read_text() if golden.exists() else text)


@pytest.mark.parametrize("path", FILES, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_fixes_hold(path: Path) -> None:
    text = path.read_text()
    done = rewrite(text, name=path.name)
    assert not done.fixing.refused
    assert rewrite(done.after, name=path.name).after == done.after
    before, after = said(text, path.name), said(done.after, path.name)
    assert not after - before
    assert after.total() <= before.total() - len(done.fixing.fixed)
    if path.suffix == ".py":
        compile(done.after, path.name, "exec")


def said(text: str, name: str) -> Counter[tuple[str, str, str, str]]:
    found = check(text, name=name).diagnostics
    return Counter((each.rule, each.variant, each.sql, each.message) for each in found)
