"""Report in, text for people out: a code frame per diagnostic, and a summary that also says what was not seen.

Plain where `RenderContext.color` is off; with it, SGR escapes of the eight standard colours. Nothing of an analysed
file reaches the terminal unescaped.
"""

from __future__ import annotations

import enum
from collections import Counter

from txsafe.patterns import later
from txsafe.report.context import Verbosity
from txsafe.report.escaping import escape, escape_block
from txsafe.report.summary import Summary, is_live, list_undiagnosed_errors, list_unresolved, summarize
from txsafe.report.wording import count, describe_effects, is_own
from txsafe.results import Confidence, Severity

TYPE_CHECKING = False  # see `txsafe.results`
if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from txsafe.model import Diagnostic, Location
    from txsafe.report.context import RenderContext
    from txsafe.report.frames import FrameLine
    from txsafe.results import FileError, Report

FEWEST_GUTTER_DIGITS = 2
MOST_SHOWN = 12
"""Related places of a diagnostic; who reads more of them at a terminal?"""
_GUTTER_EXTRA = 5
"""A blank, the bar, a blank, and an ellipsis on either side of the line."""


_WORKFLOW_COMMAND = later(r"^(\s*):(?=:\S.*::)|#(?=#\[)")
"""What GitHub's runner would obey in the log of a job: `::name::…` at the start of a line, `##[name]` anywhere."""


class Ink(enum.Enum):
    """What a piece of text is; the value is the SGR parameter that shows it."""

    PLACE = "1"
    ERROR = "1;31"
    WARNING = "1;33"
    NOTE = "1;36"
    GUTTER = "34"
    CODE = "32"
    FAINT = "2"


_SEVERITY_INK = {Severity.ERROR: Ink.ERROR, Severity.WARNING: Ink.WARNING, Severity.NOTE: Ink.NOTE}


class Painter:
    """Colours text, or leaves it."""

    __slots__ = ("color",)

    def __init__(self, color: bool) -> None:  # noqa: FBT001  # there is nothing else
        self.color = color

    def paint(self, text: str, ink: Ink) -> str:
        """Return the text in a colour, if colours are wanted and there is any text."""
        return f"\x1b[{ink.value}m{text}\x1b[0m" if self.color and text else text


def render(report: Report, context: RenderContext) -> str:
    """Render everything that a person has to read, the summary last."""
    return "".join(f"{_disarm(line)}\n" for line in _list_lines(report, context))


def _disarm(line: str) -> str:
    if "::" not in line and "##[" not in line:
        return line
    return _WORKFLOW_COMMAND.sub(lambda found: "\\x23" if found[0] == "#" else f"{found[1]}\\x3a", line)


def _list_lines(report: Report, context: RenderContext) -> Iterator[str]:
    painter = Painter(context.color)
    shown = [diagnostic for diagnostic in report.diagnostics if is_live(diagnostic) or context.show_suppressed]
    errors = list_undiagnosed_errors(report)
    if context.verbosity is Verbosity.QUIET:
        yield from (_head(diagnostic, painter) for diagnostic in shown)
        yield from (_describe_error(error, painter) for error in errors)
        return
    for diagnostic in shown:
        yield from _describe(diagnostic, report, context)
        yield ""
    yield from _describe_errors(errors, painter)
    if context.verbosity is Verbosity.VERBOSE:
        yield from _describe_unresolved(report, painter)
    if context.statistics:
        yield from _tabulate(report, context)
    yield from _summarize(report, context)


# ---------------------------------------------------------------- one diagnostic


def _head(diagnostic: Diagnostic, painter: Painter) -> str:
    place = f"{escape(diagnostic.path)}:{diagnostic.start.line}:{diagnostic.start.column}:"
    kind = f"{diagnostic.severity}[{escape(diagnostic.rule)}]"
    mark = " (suppressed)" if diagnostic.suppressed else " (baseline)" if diagnostic.baselined else ""
    head = f"{painter.paint(place, Ink.PLACE)} {painter.paint(kind, _SEVERITY_INK[diagnostic.severity])}"
    return f"{head}{mark} {escape(diagnostic.message)}"


def _describe(diagnostic: Diagnostic, report: Report, context: RenderContext) -> Iterator[str]:
    painter = Painter(context.color)
    yield _head(diagnostic, painter)
    frame = _frame(diagnostic, context)
    gutter = _measure_gutter(frame)
    if frame:
        yield from _print_frame(frame, gutter, painter, _SEVERITY_INK[diagnostic.severity])
    margin = " " * gutter
    bullet = f"{margin} {painter.paint('=', Ink.GUTTER)}"
    for title, text in _list_remarks(diagnostic, report):
        yield f"{bullet} {painter.paint(f'{title}:', Ink.PLACE)} {text}"
    if suggestion := escape_block(diagnostic.suggestion):
        yield f"{bullet} {painter.paint('instead:', Ink.PLACE)}"
        yield from (f"{margin}     {painter.paint(line, Ink.CODE)}".rstrip() for line in suggestion)
    for location in diagnostic.related[:MOST_SHOWN]:
        yield from _describe_related(location, context, margin)
    if len(diagnostic.related) > MOST_SHOWN:
        yield f"{bullet} and {len(diagnostic.related) - MOST_SHOWN} places more, which `--format json` lists"
    if diagnostic.reference:
        verb = "see " if "://" in diagnostic.reference else ""
        yield f"{bullet} {painter.paint(f'{verb}{escape(diagnostic.reference)}', Ink.FAINT)}"


def _list_remarks(diagnostic: Diagnostic, report: Report) -> Iterator[tuple[str, str]]:
    if effects := describe_effects(diagnostic):
        yield "effect", effects
    if diagnostic.profile not in {"", report.profile.name}:
        yield "judged for", escape(diagnostic.profile)
    if diagnostic.confidence is not Confidence.HIGH:
        yield "confidence", diagnostic.confidence.value


def _frame(diagnostic: Diagnostic, context: RenderContext) -> tuple[FrameLine, ...]:
    source = context.sources(diagnostic.path)
    if source is None or _is_about_whole_file(diagnostic):
        return ()
    from txsafe.report.frames import draw_frame  # a report without findings draws none

    room = context.width - _GUTTER_EXTRA - max(FEWEST_GUTTER_DIGITS, len(str(diagnostic.end.line)))
    return draw_frame(source, diagnostic.start, diagnostic.end, width=room)


def _is_about_whole_file(diagnostic: Diagnostic) -> bool:
    start, end = diagnostic.start, diagnostic.end
    return is_own(diagnostic) and start == end and (start.line, start.column) == (1, 1)


def _measure_gutter(frame: Sequence[FrameLine]) -> int:
    return max([FEWEST_GUTTER_DIGITS, *(len(str(line.number)) for line in frame)])


def _print_frame(frame: Sequence[FrameLine], gutter: int, painter: Painter, ink: Ink) -> Iterator[str]:
    bar = painter.paint(f"{'':{gutter}} |", Ink.GUTTER)
    yield bar
    for line in frame:
        if not line.number:
            yield painter.paint(line.text, Ink.GUTTER)
            continue
        numbered = painter.paint(f"{line.number:>{gutter}} |", Ink.GUTTER)
        yield f"{numbered} {line.text}".rstrip()
        blanks = len(line.marker) - len(line.marker.lstrip())
        yield f"{bar} {' ' * blanks}{painter.paint(line.marker[blanks:], ink)}"


def _describe_related(location: Location, context: RenderContext, margin: str) -> Iterator[str]:
    painter = Painter(context.color)
    bullet = f"{margin} {painter.paint('=', Ink.GUTTER)}"
    place = painter.paint(f"{escape(location.path)}:{location.start.line}:", Ink.PLACE)
    yield f"{bullet} {place} {painter.paint('note:', Ink.NOTE)} {escape(location.message)}"
    source = context.sources(location.path)
    from txsafe.report.frames import show_line

    line = None if source is None else show_line(source, location.start, width=context.width - len(margin) - 8)
    if line is not None and line.text:
        yield f"{margin}     {painter.paint(f'{line.number} |', Ink.GUTTER)} {line.text.strip()}"


# ---------------------------------------------------------------- what could not be seen


def _describe_errors(errors: Sequence[FileError], painter: Painter) -> Iterator[str]:
    yield from (_describe_error(error, painter) for error in errors)
    if errors:
        yield ""


def _describe_error(error: FileError, painter: Painter) -> str:
    place = f"{escape(error.path)}:{error.line}:" if error.line > 0 else f"{escape(error.path)}:"
    return f"{painter.paint(place, Ink.PLACE)} {painter.paint('not analysed:', Ink.ERROR)} {escape(error.message)}"


def _describe_unresolved(report: Report, painter: Painter) -> Iterator[str]:
    unresolved = list_unresolved(report)
    for sink in unresolved:
        place = painter.paint(f"{escape(sink.path)}:{sink.start.line}:{sink.start.column}:", Ink.PLACE)
        yield f"{place} {painter.paint('not seen:', Ink.NOTE)} {escape(sink.sink)}: {escape(sink.reason)}"
    if unresolved:
        yield ""


# ---------------------------------------------------------------- statistics and summary


def _tabulate(report: Report, context: RenderContext) -> Iterator[str]:
    live = [diagnostic for diagnostic in report.diagnostics if is_live(diagnostic)]
    if not live:
        return
    by_rule = summarize(report).by_rule
    severities = Counter((diagnostic.rule, diagnostic.severity) for diagnostic in live)
    head = ("count", "errors", "warnings", "notes", "rule")
    rows = [
        (
            f"{number:,}",
            *(f"{severities[rule, severity]:,}" for severity in sorted(Severity, reverse=True)),
            escape(rule),
            escape(context.rules[rule].title) if rule in context.rules else "",
        )
        for rule, number in by_rule.items()
    ]
    widths = [max(len(row[column]) for row in [head, *rows]) for column in range(len(head))]
    yield Painter(context.color).paint(_align((*head, ""), widths), Ink.PLACE)
    yield from (_align(row, widths) for row in rows)
    yield ""


def _align(row: Sequence[str], widths: Sequence[int]) -> str:
    """Numbers to the right, words to the left."""
    *numbers, rule, title = row
    cells = [f"{number:>{width}}" for number, width in zip(numbers, widths, strict=False)]
    return "  ".join([*cells, f"{rule:<{widths[-1]}}", title]).rstrip()


def _summarize(report: Report, context: RenderContext) -> Iterator[str]:
    summary = summarize(report)
    painter = Painter(context.color)
    profile = escape(report.profile.title or report.profile.name)
    seen = _describe_coverage(summary, context)
    if summary.diagnostics:
        yield painter.paint(_describe_findings(summary, profile), Ink.PLACE)
        yield seen
    else:
        yield f"{painter.paint(_describe_peace(summary, profile), Ink.PLACE)} {seen}"
    if summary.errors:
        yield painter.paint(_describe_damage(report), Ink.ERROR)
    if hidden := _describe_hidden(summary, context):
        yield hidden


def _describe_findings(summary: Summary, profile: str) -> str:
    severities = ", ".join(count(number, severity) for severity, number in summary.by_severity.items() if number)
    problems = count(summary.diagnostics, "problem")
    files = f"{summary.files_with_diagnostics:,} of {count(summary.files, 'file')}"
    return f"Found {problems} ({severities}) in {files}, judged for {profile}."


def _describe_peace(summary: Summary, profile: str) -> str:
    if not summary.files:
        return "No files to look at."
    if summary.errors or summary.sinks_resolved < summary.sinks:
        return f"Nothing found for {profile} in what could be read of {count(summary.files, 'file')}."
    return f"All clear: nothing in {count(summary.files, 'file')} depends on a session that {profile} would not keep."


def _describe_coverage(summary: Summary, context: RenderContext) -> str:
    if not summary.sinks:
        return "No SQL calls seen."
    resolved = f"{summary.sinks_resolved:,} of {count(summary.sinks, 'SQL call')} resolved"
    unseen = summary.sinks - summary.sinks_resolved
    if not unseen:
        return f"{resolved}."
    listed = context.verbosity is Verbosity.VERBOSE
    remedy = "listed above" if listed else "list them with -v, fail on them with --require-full-coverage"
    return f"{resolved}; {unseen:,} could not be seen ({remedy})."


def _describe_damage(report: Report) -> str:
    files = sum(bool(file.errors) for file in report.files)
    return f"{count(files, 'file')} could not be analysed, in whole or in part."


def _describe_hidden(summary: Summary, context: RenderContext) -> str:
    parts = []
    if summary.baselined:
        parts.append(f"{summary.baselined:,} in the baseline")
    if summary.suppressed:
        parts.append(f"{summary.suppressed:,} suppressed")
    if not parts:
        return ""
    return f"{' and '.join(parts)}{'' if context.show_suppressed else ', not shown'}."
