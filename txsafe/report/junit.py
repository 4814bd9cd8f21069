"""Report in, JUnit XML out: one test case per file, for dashboards that know nothing else.

A file with diagnostics is one failure that lists them all (several `<failure>` elements in one case are more than some
readers take); a file that could not be analysed is an error. The schema is the de-facto one of Jenkins' xUnit plugin.
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

from txsafe.report.escaping import escape, escape_block
from txsafe.report.summary import is_live
from txsafe.report.wording import describe_effects

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from txsafe.model import Diagnostic, FileError, FileReport, Report
    from txsafe.report.context import RenderContext


def render(report: Report, context: RenderContext) -> str:
    """Render one suite."""
    suite = ET.Element("testsuite", name=f"txsafe {escape(report.profile.title or report.profile.name)}")
    for file in report.files:
        suite.append(_test_case(file, context))
    totals = {
        "tests": str(len(report.files)),
        "failures": str(len(suite.findall("testcase/failure"))),
        "errors": str(len(suite.findall("testcase/error"))),
    }
    suite.attrib |= totals
    root = ET.Element("testsuites", {"name": "txsafe", **totals})
    root.append(suite)
    ET.indent(root)
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{ET.tostring(root, encoding="unicode")}\n'


def _test_case(file: FileReport, context: RenderContext) -> ET.Element:
    path = escape(file.path)
    case = ET.Element("testcase", classname="txsafe", name=path, file=path, time="0")
    if file.errors:
        case.append(_error(file.errors))
    told = {error.message for error in file.errors}
    shown = [
        found
        for found in sorted(file.diagnostics, key=lambda found: found.sort_key)
        if (is_live(found) or context.show_suppressed) and found.message not in told
    ]
    if shown:
        case.append(_failure(shown))
    return case


def _error(errors: Sequence[FileError]) -> ET.Element:
    element = ET.Element("error", type="not-analysed", message=escape(errors[0].message))
    element.text = "\n".join(f"{escape(error.path)}:{error.line}: {escape(error.message)}" for error in errors)
    return element


def _failure(found: Sequence[Diagnostic]) -> ET.Element:
    worst = max(found, key=lambda diagnostic: diagnostic.severity.rank)
    others = f" (and {len(found) - 1} more)" if len(found) > 1 else ""
    element = ET.Element("failure", type=escape(worst.rule), message=escape(worst.message) + others)
    element.text = "\n".join(line for diagnostic in found for line in _describe(diagnostic))
    return element


def _describe(diagnostic: Diagnostic) -> Iterator[str]:
    place = f"{diagnostic.path}:{diagnostic.start.line}:{diagnostic.start.column}"
    yield escape(f"{place}: {diagnostic.severity}[{diagnostic.rule}] {diagnostic.message}")
    if effects := describe_effects(diagnostic):
        yield f"  effect: {effects}"
    if diagnostic.suggestion:
        yield "  instead:"
        yield from (f"    {line}" for line in escape_block(diagnostic.suggestion))
