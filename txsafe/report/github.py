"""Report in, GitHub Actions workflow commands out: one annotation per diagnostic.

Format: https://docs.github.com/actions/reference/workflow-commands-for-github-actions; the escapes are those of
`@actions/core`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from txsafe.model import Diagnostic, FileError, Report, Severity
from txsafe.report.escaping import escape, escape_block
from txsafe.report.summary import is_live, list_undiagnosed_errors
from txsafe.report.wording import describe_effects

if TYPE_CHECKING:
    from collections.abc import Iterator

    from txsafe.report.context import RenderContext

_COMMANDS = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.NOTE: "notice"}
_DATA = str.maketrans({"%": "%25", "\r": "%0D", "\n": "%0A"})
_PROPERTY = str.maketrans({"%": "%25", "\r": "%0D", "\n": "%0A", ":": "%3A", ",": "%2C"})


def render(report: Report, context: RenderContext) -> str:
    """Render one workflow command per line; nothing where nothing was found."""
    return "".join(f"{command}\n" for command in _list_commands(report, context))


def _list_commands(report: Report, context: RenderContext) -> Iterator[str]:
    for diagnostic in report.diagnostics:
        if is_live(diagnostic) or context.show_suppressed:
            yield _annotate(diagnostic)
    for error in list_undiagnosed_errors(report):
        yield _annotate_error(error)


def _annotate(diagnostic: Diagnostic) -> str:
    start, end = diagnostic.start, diagnostic.end
    properties = {"file": diagnostic.path, "line": str(start.line), "endLine": str(max(end.line, start.line))}
    if start.line == end.line:  # GitHub refuses columns where the lines differ; its last column is inclusive
        properties |= {"col": str(start.column), "endColumn": str(max(end.column - 1, start.column))}
    properties["title"] = f"txsafe {diagnostic.rule}"
    return _command(_COMMANDS[diagnostic.severity], properties, _message(diagnostic))


def _message(diagnostic: Diagnostic) -> str:
    lines = [escape(diagnostic.message)]
    if effects := describe_effects(diagnostic):
        lines.append(effects)
    if diagnostic.suggestion:
        lines += ["Instead:", *(f"  {line}" for line in escape_block(diagnostic.suggestion))]
    if marks := _marks(diagnostic):
        lines.append(marks)
    return "\n".join(lines)


def _marks(diagnostic: Diagnostic) -> str:
    if diagnostic.suppressed:
        return "(suppressed)"
    return "(in the baseline)" if diagnostic.baselined else ""


def _annotate_error(error: FileError) -> str:
    properties = {"file": error.path, "title": "txsafe could not analyse this file"}
    if error.line > 0:
        properties["line"] = str(error.line)
    return _command("error", properties, escape(error.message))


def _command(command: str, properties: dict[str, str], message: str) -> str:
    spelled = ",".join(f"{name}={escape(value).translate(_PROPERTY)}" for name, value in properties.items())
    return f"::{command} {spelled}::{message.translate(_DATA)}"
