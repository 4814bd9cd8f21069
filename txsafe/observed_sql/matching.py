"""Statements that were seen to run, and those in the code, come in; which code issues which goes out."""

from __future__ import annotations

import enum
from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

from txsafe.catalog.templates import MISSING
from txsafe.observed_sql.normalise import normalise

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from txsafe.model import FeatureUse, Report, SourceFile
    from txsafe.observed_sql.recognition import Use

SHORTEST = 8
"""Letters that a template must spell to be held against what ran."""
_NAMES = ("channel", "name")
"""What an API use tells of the SQL that its driver sends."""


class Fit(enum.StrEnum):
    """How well a statement fits the code."""

    EXACT = "exact"
    PARTIAL = "partial"
    """As far as the program spells it."""
    DRIVER = "driver"
    """The driver does it, as it is set up there."""


@dataclass(frozen=True, slots=True, order=True)
class Issuer:
    """A place in the code that issues a statement."""

    path: str
    line: int
    rule: str
    fit: Fit


@dataclass(frozen=True, slots=True, kw_only=True)
class CodeUse:
    """A use of session state in the code, and the line it stands in."""

    use: FeatureUse
    path: str
    line: int


def list_code(report: Report, sources: Callable[[str], SourceFile | None]) -> tuple[CodeUse, ...]:
    """Return the uses that a report keeps, with the lines that diagnostics would point at."""
    return tuple(_list_code(report, sources))


def _list_code(report: Report, sources: Callable[[str], SourceFile | None]) -> Iterator[CodeUse]:
    for file in report.files:
        for use in () if file.uses is None else file.uses.uses:
            source = sources(use.place.path)
            if source is not None:
                line = source.position(use.place.span.start).line
                yield CodeUse(use=use, path=use.place.path, line=line)


class Code:
    """The uses in the code, by what their statements look like."""

    def __init__(self, uses: Iterable[CodeUse]) -> None:
        self._exact: dict[tuple[str, str], list[CodeUse]] = defaultdict(list)
        self._templates: dict[str, list[tuple[tuple[str, ...], CodeUse]]] = defaultdict(list)
        self._apis: dict[str, list[CodeUse]] = defaultdict(list)
        for each in uses:
            self._add(each)

    def _add(self, each: CodeUse) -> None:
        captures = each.use.captures
        text = captures.get("text") or captures.get("sql", "")
        if not text:
            self._apis[each.use.rule].append(each)
            return
        for statement in text.split(";") if "api" in captures else (text,):
            form = normalise(statement)
            if MISSING not in form:
                self._exact[each.use.rule, form].append(each)
                continue
            parts = tuple(form.split(MISSING))
            if sum(character.isalpha() for part in parts for character in part) >= SHORTEST:
                self._templates[each.use.rule].append((parts, each))

    def issuers(self, seen: Use) -> tuple[Issuer, ...]:
        """Return who issues a statement: exactly, else as far as templates spell it, else by what drivers send."""
        rule = seen.use.rule
        exact = self._exact.get((rule, seen.sql))
        if exact:
            return _issuers(exact, Fit.EXACT)
        partial = [each for parts, each in self._templates.get(rule, ()) if _fits(seen.sql, parts)]
        if partial:
            return _issuers(partial, Fit.PARTIAL)
        return _issuers([each for each in self._apis.get(rule, ()) if _is_sent_by(seen.use, each.use)], Fit.DRIVER)


def _issuers(uses: Iterable[CodeUse], fit: Fit) -> tuple[Issuer, ...]:
    return tuple(sorted({Issuer(each.path, each.line, each.use.rule, fit) for each in uses}))


def _fits(text: str, parts: tuple[str, ...]) -> bool:
    """Tell whether the parts stand in the text in order, the first and the last at its ends."""
    if not text.startswith(parts[0]) or not text.endswith(parts[-1]):
        return False
    position, end = len(parts[0]), len(text) - len(parts[-1])
    for part in parts[1:-1]:
        position = text.find(part, position, end)
        if position < 0:
            return False
        position += len(part)
    return position <= end


def _is_sent_by(seen: FeatureUse, code: FeatureUse) -> bool:
    if not seen.sql:
        return seen.driver is not None and seen.driver == code.driver
    names = {name: seen.captures[name] for name in _NAMES if seen.captures.get(name)}
    return bool(names) and all(code.captures.get(name) == value for name, value in names.items())
