"""Comments that silence: `# txsafe: ignore[rule, …] reason` in Python, `-- txsafe: …` in SQL.

In: a file and its diagnostics. Out: the same diagnostics, some marked as suppressed, and new ones about comments
(`unused-suppression`) that are malformed, unknown, expired, lack the reason that a project demands, or silence nothing.
Only a comment that is right in every word silences anything.
"""

from __future__ import annotations

import ast
import datetime as dt
import re
from collections import defaultdict
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from txsafe.errors import SourceError, did_you_mean
from txsafe.model import (
    Applicability,
    Confidence,
    Diagnostic,
    Edit,
    Fix,
    Outcome,
    Place,
    Severity,
    SourceFile,
    Span,
)
from txsafe.own_rules import OWN_RULES, UNUSED_SUPPRESSION
from txsafe.python.tree import parse_module
from txsafe.source import FileKind, file_kind

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

UNUSED = "unused"
"""The variant of that rule: a comment that silences nothing."""

_MARK = "txsafe:"
_ANY_LINE = 0
"""Where suppressions of a whole file are found."""

# Comments and string literals of any version of Python, also where the file does not parse. Possessive, so linear.
_PYTHON_TOKEN = re.compile(
    r"""(?P<comment>\#[^\r\n]*+)
    | (?P<string>
        \"\"\"(?:[^\"\\]|\\.|\"(?!\"\"))*+(?:\"\"\"|\Z)
      | '''(?:[^'\\]|\\.|'(?!''))*+(?:'''|\Z)
      | \"(?:[^\"\\\r\n]|\\.)*+\"?
      | '(?:[^'\\\r\n]|\\.)*+'?
    )""",
    re.VERBOSE | re.DOTALL,
)
_HASH_START = re.compile(r"#[ \t]*txsafe:")
_DASH_START = re.compile(r"--[ \t]*txsafe:")
_OTHER_COMMENT = re.compile(r"[ \t]+#[ \t]")
"""`# noqa` and the like behind a reason; `#12` is part of one."""
_BLANK = re.compile(r"[^\S\r\n]*+[\r\n]")
_REST_OF_LINE = re.compile(r"[^\r\n]*+")
_CLOSING_QUOTES = re.compile(r"\"{1,3}\Z|'{1,3}\Z")
_BODY = re.compile(r"[ \t]*(?P<word>[\w-]*)(?:\[(?P<rules>[^\]]*)\])?(?P<rest>.*)", re.DOTALL)
UNTIL = "until="
"""What makes a suppression depend on the day."""
_UNTIL = re.compile(rf"(?:^|\s){UNTIL}(\S*)")
_WORDS = ("ignore", "ignore-file")
_LONGEST_SHOWN = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class SuppressionOptions:
    """What decides whether a comment counts."""

    rules: Collection[str]
    """All rule ids there are."""
    today: dt.date
    require_reason: bool = False


@dataclass(frozen=True, slots=True)
class _Comment:
    """A comment that speaks to txsafe, as spelled."""

    span: Span
    """From its `#` or `--` to its end."""
    body: str
    """What follows `txsafe:`."""
    line: int
    alone: bool
    """Nothing else stands on its line."""


@dataclass(slots=True)
class _Suppression:
    """A comment that silences, and what it silenced so far."""

    comment: _Comment
    rules: tuple[str, ...]
    """Empty: all but the tool's own."""
    whole_file: bool
    lines: frozenset[int] = frozenset()
    """Lines that it stands for."""
    used: set[str] = field(default_factory=set)

    def names(self, rule: str) -> bool:
        return rule in self.rules if self.rules else rule not in OWN_RULES


@dataclass(frozen=True, slots=True)
class _Fault:
    comment: _Comment
    variant: str
    message: str
    severity: Severity = Severity.WARNING


def apply_suppressions(
    source: SourceFile, diagnostics: Iterable[Diagnostic], options: SuppressionOptions
) -> tuple[Diagnostic, ...]:
    """Return the diagnostics with the suppressed ones marked, and what is wrong with the comments."""
    given = tuple(diagnostics)
    if _MARK not in source.text:
        return given
    suppressions: list[_Suppression] = []
    faults: list[_Fault] = []
    targets = _Targets(source)
    for comment in _find_comments(source):
        parsed = _parse(comment, targets, options)
        if isinstance(parsed, _Fault):
            faults.append(parsed)
        else:
            suppressions.append(parsed)
    statements = _Statements.of(source) if suppressions else _Statements({})
    by_line = _by_line(suppressions)
    marked = [_mark(diagnostic, by_line, statements) for diagnostic in given]
    unused = [_unused(suppression, source) for suppression in suppressions]
    own = [*(_fault_diagnostic(fault, source) for fault in faults), *(each for each in unused if each is not None)]
    return (*marked, *(_mark(diagnostic, by_line, statements) for diagnostic in own))


def _by_line(suppressions: Iterable[_Suppression]) -> Mapping[int, Sequence[_Suppression]]:
    found: dict[int, list[_Suppression]] = defaultdict(list)
    for suppression in suppressions:
        for line in {_ANY_LINE} if suppression.whole_file else suppression.lines:
            found[line].append(suppression)
    return found


def _mark(
    diagnostic: Diagnostic, suppressions: Mapping[int, Sequence[_Suppression]], statements: _Statements
) -> Diagnostic:
    lines = statements.lines_of(diagnostic) | {_ANY_LINE}
    concerning = (suppression for line in lines for suppression in suppressions.get(line, ()))
    covering = [suppression for suppression in concerning if suppression.names(diagnostic.rule)]
    for suppression in covering:
        suppression.used.add(diagnostic.rule)
    return replace(diagnostic, suppressed=True) if covering else diagnostic


# ---------------------------------------------------------------- finding comments


def _find_comments(source: SourceFile) -> Iterator[_Comment]:
    text = source.text
    kind = file_kind(source.path)
    if kind in {FileKind.SQL, FileKind.SETTINGS}:
        yield from _comments_between(source, Span(0, len(text)), _DASH_START if kind is FileKind.SQL else _HASH_START)
        return
    for token in _PYTHON_TOKEN.finditer(text):
        if _MARK in token[0]:
            if token["comment"]:
                yield from _comments_between(source, Span(*token.span()), _HASH_START)
            else:
                closing = _CLOSING_QUOTES.search(token[0])
                end = token.end() - (len(closing[0]) if closing else 0)
                yield from _comments_between(source, Span(token.start(), end), _DASH_START)


def _comments_between(source: SourceFile, span: Span, start: re.Pattern[str]) -> Iterator[_Comment]:
    """Yield the comments of one Python comment, of one string literal, or of a SQL file."""
    text = source.text
    matches = list(start.finditer(text, span.start, span.end))
    for number, match in enumerate(matches):
        line = source.position(match.start()).line
        line_start = source.line_starts[line - 1]
        limit = matches[number + 1].start() if number + 1 < len(matches) else span.end
        end = match.end() + len(_REST_OF_LINE.match(text, match.end(), limit)[0])  # type: ignore[index]  # fits anything
        is_first = number == 0 or matches[number - 1].start() < line_start
        if text[match.start()] == "#" and (other := _OTHER_COMMENT.search(text, match.end(), end)):
            end = other.start()
        yield _Comment(
            span=Span(match.start(), match.end() + len(text[match.end() : end].rstrip())),
            body=text[match.end() : end].strip(),
            line=line,
            alone=is_first and not text[line_start : match.start()].strip(),
        )


# ---------------------------------------------------------------- understanding one


def _parse(comment: _Comment, targets: _Targets, options: SuppressionOptions) -> _Suppression | _Fault:
    match = _BODY.match(comment.body)
    word, bracket, rest = (match["word"], match["rules"], match["rest"]) if match else ("", None, "")
    if word not in _WORDS:
        known = " or ".join(f"`{each}`" for each in _WORDS)
        return _Fault(comment, "malformed", f"`txsafe:` is followed by {known}{did_you_mean(word, _WORDS)}")
    if bracket is None and rest.lstrip()[:1] in {"[", "("}:
        return _Fault(comment, "malformed", f"rules stand in brackets right behind `{word}`: `{word}[rule, …] reason`")
    if bracket is None and rest[:1] not in {"", " ", "\t"}:
        return _Fault(comment, "malformed", f"unexpected {rest[:1]!r} behind `{word}`")
    rules = tuple(rule.strip() for rule in bracket.split(",")) if bracket is not None else ()
    if "" in rules:
        return _Fault(comment, "malformed", "a rule is missing between the brackets")
    for rule in rules:
        if rule not in options.rules and rule not in OWN_RULES:
            hint = did_you_mean(rule, (*options.rules, *OWN_RULES))
            return _Fault(
                comment, "unknown-rule", f"there is no rule {rule[:_LONGEST_SHOWN]!r}{hint}; nothing is suppressed"
            )
    return _check_rest(comment, rest, options) or _Suppression(
        comment, rules, whole_file=word == "ignore-file", lines=targets.lines_of(comment)
    )


def _check_rest(comment: _Comment, rest: str, options: SuppressionOptions) -> _Fault | None:
    until = _UNTIL.search(rest)
    if until is not None:
        try:
            last_day = dt.date.fromisoformat(until[1])
        except ValueError:
            return _Fault(
                comment, "malformed", f"{until[1][:_LONGEST_SHOWN]!r} is not a date of the form until=2027-01-31"
            )
        if last_day < options.today:
            return _Fault(comment, "expired", f"this suppression expired on {last_day}")
    reason = _UNTIL.sub("", rest).strip(" \t-:;,.#")
    if options.require_reason and not reason:
        return _Fault(comment, "missing-reason", "this suppression gives no reason, so nothing is suppressed")
    return None


class _Targets:
    """Answers which lines a comment stands for, and walks a run of comments once."""

    def __init__(self, source: SourceFile) -> None:
        self._source = source
        self._ends: dict[tuple[str, int], int] = {}

    def lines_of(self, comment: _Comment) -> frozenset[int]:
        """Return the comment's line, or, where it stands alone, the next one that holds more than a comment."""
        if not comment.alone:
            return frozenset({comment.line})
        sign = "#" if self._source.text[comment.span.start] == "#" else "--"
        return frozenset({comment.line, self._end_of_run(sign, comment.line + 1)})

    def _end_of_run(self, sign: str, line: int) -> int:
        passed: list[int] = []
        while line <= len(self._source.line_starts) and self._source.line_text(line).lstrip().startswith(sign):
            if (sign, line) in self._ends:
                line = self._ends[sign, line]
                break
            passed.append(line)
            line += 1
        self._ends |= {(sign, each): line for each in passed}
        return line


# ---------------------------------------------------------------- what a line stands for


@dataclass(frozen=True, slots=True)
class _Statements:
    """The first and the last line of the innermost statement of each line of a Python file."""

    ranges: Mapping[int, tuple[int, int]]

    @classmethod
    def of(cls, source: SourceFile) -> _Statements:
        if file_kind(source.path) in {FileKind.SQL, FileKind.SETTINGS}:
            return cls({})
        try:
            tree = parse_module(source)
        except SourceError:
            return cls({})
        outer_first = sorted(_ranges(tree), key=lambda each: (each[0], -each[1]))
        return cls({line: (first, last) for first, last in outer_first for line in range(first, last + 1)})

    def lines_of(self, diagnostic: Diagnostic) -> frozenset[int]:
        """Return the lines where a comment concerns a diagnostic: its own first and last, and its statement's."""
        start = diagnostic.start.line
        return frozenset({start, diagnostic.end.line, *self.ranges.get(start, ())})


def _ranges(tree: ast.Module) -> Iterator[tuple[int, int]]:
    """Yield the lines of each statement; of a compound one those of its head."""
    for node in ast.walk(tree):
        if isinstance(node, ast.stmt):
            body = getattr(node, "body", None)
            last = node.end_lineno or node.lineno
            yield node.lineno, max(node.lineno, body[0].lineno - 1) if body else last


# ---------------------------------------------------------------- what is said about comments


def _fault_diagnostic(fault: _Fault, source: SourceFile) -> Diagnostic:
    return Diagnostic(
        rule=UNUSED_SUPPRESSION,
        variant=fault.variant,
        severity=fault.severity,
        confidence=Confidence.HIGH,
        path=source.path,
        start=source.position(fault.comment.span.start),
        end=source.position(fault.comment.span.end),
        message=fault.message,
        outcome=Outcome.UNKNOWN,
    )


def _unused(suppression: _Suppression, source: SourceFile) -> Diagnostic | None:
    """Return what to say of a comment that silences less than it claims.

    One that names this very rule is for what is found here, and is left alone.
    """
    rules = suppression.rules
    idle = tuple(rule for rule in rules if rule not in suppression.used and rule != UNUSED_SUPPRESSION)
    if UNUSED_SUPPRESSION in rules or (suppression.used and not idle):
        return None
    what = f"of {', '.join(f'`{rule}`' for rule in idle)} " if idle else ""
    fault = _Fault(suppression.comment, UNUSED, f"this suppression {what}silences nothing", Severity.NOTE)
    return replace(_fault_diagnostic(fault, source), fix=_removal(suppression, idle, source))


def _removal(suppression: _Suppression, idle: tuple[str, ...], source: SourceFile) -> Fix:
    span = suppression.comment.span
    kept = [rule for rule in suppression.rules if rule not in idle]
    if kept:
        spelled = source.text[span.start : span.end]
        opening, closing = spelled.index("["), spelled.index("]")
        edit = Edit(
            place=Place(source.path, Span(span.start + opening + 1, span.start + closing)), replacement=", ".join(kept)
        )
        return Fix(title="Leave out the idle rules", edits=(edit,), applicability=Applicability.SAFE)
    edit = Edit(place=Place(source.path, _removable(suppression.comment, source)), replacement="")
    return Fix(title="Remove the suppression", edits=(edit,), applicability=Applicability.SAFE)


def _removable(comment: _Comment, source: SourceFile) -> Span:
    """Widen a comment's span to its whole line where it stands alone there, else to the space before it."""
    line_start = source.line_starts[comment.line - 1]
    if comment.alone and comment.line < len(source.line_starts) and _BLANK.match(source.text, comment.span.end):
        return Span(line_start, source.line_starts[comment.line])
    start = comment.span.start
    while start > line_start and source.text[start - 1].isspace():
        start -= 1
    return Span(start, comment.span.end)
