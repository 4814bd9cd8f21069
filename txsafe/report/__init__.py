"""Report in, text out: one renderer per format. No decisions are taken here, nothing is printed.

A renderer is a module of this package with `render(report, context) -> str`; it is imported when it is asked for.
What it returns is empty or ends in a line end, and holds no lone surrogate and no control character but line ends
(and colour codes where `RenderContext.color` is set).
"""

from __future__ import annotations

import importlib
from types import MappingProxyType

from txsafe.errors import ConfigError, did_you_mean
from txsafe.report.context import Baselined, RenderContext, Sources, Verbosity
from txsafe.report.summary import Summary, summarize

TYPE_CHECKING = False  # see `txsafe.results`
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from txsafe.model import Report

__all__ = [
    "FORMATS",
    "Baselined",
    "RenderContext",
    "Sources",
    "Summary",
    "Verbosity",
    "render",
    "summarize",
]


FORMATS: Mapping[str, str] = MappingProxyType(
    {
        "text": "txsafe.report.text",
        "json": "txsafe.report.json_report",
        "sarif": "txsafe.report.sarif",
        "github": "txsafe.report.github",
        "gitlab": "txsafe.report.gitlab",
        "junit": "txsafe.report.junit",
    }
)
"""Name → the module that renders it."""


def render(name: str, report: Report, context: RenderContext) -> str:
    """Render a report in a format of `FORMATS`; raise `ConfigError` for any other name."""
    if name not in FORMATS:
        raise ConfigError(f"unknown format {name!r}{did_you_mean(name, FORMATS)}")
    renderer: Callable[[Report, RenderContext], str] = importlib.import_module(FORMATS[name]).render
    return renderer(report, context)
