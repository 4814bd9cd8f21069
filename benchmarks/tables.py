"""Measurements → Markdown."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from benchmarks.measuring import Usage


def table(title: str, usages: Mapping[str, Usage], *, anchor: str) -> str:
    """Return a table with ratios to the command `anchor`; without it, to the first one."""
    base = usages.get(anchor) or next(iter(usages.values()))
    lines = [
        f"## {title}",
        "",
        f"| | wall s | CPU s | peak MB | wall ÷ {anchor} | CPU ÷ {anchor} |",
        "| --- | --: | --: | --: | --: | --: |",
    ]
    lines += [
        f"| {name} | {usage.wall:.2f} | {usage.cpu:.2f} | {usage.memory / 1e6:.0f}"
        f" | {usage.wall / base.wall:.2f} | {usage.cpu / base.cpu:.2f} |"
        for name, usage in usages.items()
    ]
    return "\n".join((*lines, ""))
