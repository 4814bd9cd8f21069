"""A `.sql` file → its statements, one `SqlSite` for each that stands by itself, and what is wrong with the file.

Nothing in the file says how it is run, but much hints at it: see `sections` (migration tools, named queries) and
`templates` (psql, jinja).
"""

from __future__ import annotations

import bisect
import enum
import itertools
from dataclasses import dataclass, replace

from txsafe.model import (
    FileError,
    Fragment,
    Place,
    SourceFile,
    Span,
    SqlSite,
    SqlTemplate,
    Statement,
    Transaction,
    TransactionContext,
    TransactionEnd,
)
from txsafe.sql.calls import SESSION_FUNCTIONS
from txsafe.sql.dialects import foreign_dialect
from txsafe.sql.reading import read_with_faults
from txsafe.sql.sections import Section, find_sections
from txsafe.sql.templates import fragments, is_psql


class ScriptRunner(enum.StrEnum):
    """What the user says of how a script is run."""

    UNKNOWN = "unknown"
    IN_TRANSACTION = "in-transaction"
    """By something that wraps it in one transaction (`assume-in-transaction`)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ScriptUnit:
    """A top-level statement: where it stands, itself, and the statements within it."""

    site: SqlSite
    statements: tuple[Statement, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ScriptReading:
    """What a script holds. Spans of statements are in their site's template, which is one per section."""

    units: tuple[ScriptUnit, ...]
    errors: tuple[FileError, ...] = ()
    dialect: str | None = None
    """The other database that the script is evidently for; then there are no units."""

    @property
    def sites(self) -> tuple[SqlSite, ...]:
        """The sites, in text order."""
        return tuple(unit.site for unit in self.units)

    @property
    def statements(self) -> tuple[Statement, ...]:
        """All statements, in text order."""
        return tuple(itertools.chain.from_iterable(unit.statements for unit in self.units))


def read_script(
    source: SourceFile,
    *,
    assume_in_transaction: ScriptRunner = ScriptRunner.UNKNOWN,
    functions: frozenset[str] = SESSION_FUNCTIONS,
) -> ScriptReading:
    """Read a script; an unterminated quotation is an error that names its line, and the rest is read all the same."""
    dialect = foreign_dialect(source.text)
    if dialect is not None:
        return ScriptReading(units=(), dialect=dialect)
    units: list[ScriptUnit] = []
    errors: list[FileError] = []
    for section in _sections(source.text, assume_in_transaction):
        pieces = fragments(source, section.start, section.end)
        template = SqlTemplate(fragments=pieces)
        groups, faults = read_with_faults(
            template.text,
            transaction=section.transaction,
            message=section.message,
            block_prefix=f"{source.path}:{section.start}+",
            functions=functions,
        )
        locator = _Locator(source.path, pieces)
        units.extend(
            ScriptUnit(site=_site(group[0], section, template=template, locator=locator), statements=group)
            for group in groups
        )
        lines = (source.position(locator.offset(fault.offset)).line for fault in faults)
        errors.extend(
            FileError(path=source.path, line=line, message=fault.message)
            for line, fault in zip(lines, faults, strict=True)
        )
    return ScriptReading(units=tuple(units), errors=tuple(errors))


def _sections(text: str, runner: ScriptRunner) -> tuple[Section, ...]:
    """Let what the file says stand; where it says nothing, believe the user, then psql's traces."""
    sections = find_sections(text)
    if any(section.name or section.transaction.kind is not Transaction.UNKNOWN for section in sections):
        return sections
    transaction = TransactionContext()
    if runner is ScriptRunner.IN_TRANSACTION:
        transaction = TransactionContext(kind=Transaction.EXPLICIT, block="script", end=TransactionEnd.COMMIT)
    elif is_psql(text):
        transaction = TransactionContext(kind=Transaction.AUTOCOMMIT)
    return tuple(replace(section, transaction=transaction) for section in sections)


def _site(statement: Statement, section: Section, *, template: SqlTemplate, locator: _Locator) -> SqlSite:
    return SqlSite(
        place=locator.place(statement.span),
        sink="script",
        driver=None,
        template=template,
        transaction=statement.transaction,
        scope=section.name,
    )


class _Locator:
    """Finds where characters of a template stand in the file, without a walk over all fragments for each."""

    def __init__(self, path: str, pieces: tuple[Fragment, ...]) -> None:
        self._path = path
        self._pieces = pieces
        self._starts = list(itertools.accumulate((len(piece.text) for piece in pieces), initial=0))

    def offset(self, offset: int) -> int:
        """Return the offset in the file of a character, or of what is spelled there in its stead."""
        return self._spelling(offset).start

    def place(self, span: Span) -> Place:
        """Return the place from the first character of a span to the last."""
        return Place(self._path, Span(self.offset(span.start), self._spelling(span.end - 1).end))

    def _spelling(self, offset: int) -> Span:
        index = min(bisect.bisect_right(self._starts, offset), len(self._pieces)) - 1
        piece = self._pieces[index]
        if not piece.exact:
            return piece.place.span
        start = piece.place.span.start + offset - self._starts[index]
        return Span(start, start + 1)
