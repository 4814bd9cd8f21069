"""Data flows one way: a module imports only from those above it in docs/architecture.md."""

from __future__ import annotations

import ast
import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "txsafe"
ONE_VOCABULARY = {"txsafe.results": {"txsafe.model"}}
"""In annotations only: `tests/test_startup.py` holds that the one does not load the other."""


def documented_order() -> list[str]:
    """Return the modules of the architecture's table, top to bottom, as `txsafe.x`."""
    rows = re.findall(r"^\| (`txsafe/.*?) \|", (ROOT / "docs/architecture.md").read_text(), flags=re.MULTILINE)
    names = [name for row in rows for name in re.findall(r"`txsafe/([\w/]+?)(?:\.py|/)`", row)]
    return ["txsafe." + name.replace("/", ".") for name in names]


def unit(module: str) -> str:
    """Return the row that a module belongs to: packages count as one."""
    return ".".join(module.split(".")[:2])


def imports(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text())):
        match node:
            case ast.ImportFrom(module=str(module), level=0) if module.split(".")[0] == "txsafe":
                if module == "txsafe":
                    yield from (f"txsafe.{alias.name}" for alias in node.names)
                else:
                    yield module
            case ast.ImportFrom(level=level) if level:
                pytest.fail(f"{path}: relative import")
            case ast.Import():
                yield from (alias.name for alias in node.names if alias.name.split(".")[0] == "txsafe")
            case _:
                pass


def modules() -> list[Path]:
    return sorted(path for path in PACKAGE.rglob("*.py") if "_rules" not in path.parts)


def test_every_module_stands_in_the_architecture() -> None:
    known = set(documented_order()) | {"txsafe.__init__", "txsafe.__main__"}
    found = {unit(".".join(path.relative_to(ROOT).with_suffix("").parts)) for path in modules()}
    assert found == known


@pytest.mark.parametrize("path", modules(), ids=lambda path: str(path.relative_to(PACKAGE)))
def test_a_module_imports_only_from_those_above_it(path: Path) -> None:
    order = documented_order()
    own = unit(".".join(path.relative_to(ROOT).with_suffix("").parts))
    if own in {"txsafe.__init__", "txsafe.__main__"}:
        return
    allowed = {*order[: order.index(own) + 1], "txsafe.__version__", *ONE_VOCABULARY.get(own, ())}
    assert {unit(name) for name in imports(path)} <= allowed
