"""A `.sql` file → its statements, one `SqlSite` for each section that is run by itself, and its faults.

Nothing in the file says how it is run, but much hints at it: see `sections` (migration tools, named queries) and
`templates` (psql, jinja).
"""

from __future__ import annotations

import enum
import itertools
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

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
    Unresolved,
)
from txsafe.sql.calls import SESSION_FUNCTIONS
from txsafe.sql.dialects import foreign_dialect
from txsafe.sql.reading import Detail, read_with_faults
from txsafe.sql.sections import Section, find_sections
from txsafe.sql.templates import ScriptSyntax, find_unclosed, fragments, has_meta_commands, script_syntax

if TYPE_CHECKING:
    from collections.abc import Iterator

    from txsafe.sql.splitting import Fault


class ScriptRunner(enum.StrEnum):
    """What the user says of how a script is run."""

    UNKNOWN = "unknown"
    IN_TRANSACTION = "in-transaction"
    """By something that wraps it in one transaction (`assume-in-transaction`)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ScriptSection:
    """A stretch that is run on its own: where it stands and how it runs, and its statements in text order."""

    site: SqlSite
    statements: tuple[Statement, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ScriptReading:
    """What a script holds. Spans of statements are in their section's template."""

    sections: tuple[ScriptSection, ...]
    errors: tuple[FileError, ...] = ()
    unresolved: tuple[Unresolved, ...] = ()
    """Where the text stops to be what the server gets to see."""
    dialect: str | None = None
    """The other database that the script is evidently for; then there are no sections."""

    @property
    def statements(self) -> tuple[Statement, ...]:
        """All statements, in text order, each followed by those nested in it."""
        return tuple(itertools.chain.from_iterable(section.statements for section in self.sections))


def read_script(
    source: SourceFile,
    *,
    assume_in_transaction: ScriptRunner = ScriptRunner.UNKNOWN,
    functions: frozenset[str] = SESSION_FUNCTIONS,
    detail: Detail = Detail.ALL,
) -> ScriptReading:
    """Read a script; an unterminated quotation is an error that names its line, and the rest is read all the same."""
    dialect = None if has_meta_commands(source.text) else foreign_dialect(source.text)
    if dialect is not None:
        return ScriptReading(sections=(), dialect=dialect)
    sections: list[ScriptSection] = []
    errors: list[FileError] = []
    syntax = script_syntax(source.text)
    for section in _sections(source.text, assume_in_transaction, syntax):
        pieces = fragments(source, section.start, section.end, syntax=syntax)
        template = SqlTemplate(fragments=pieces)
        statements, faults = read_with_faults(
            template.text,
            transaction=section.transaction,
            message=section.message,
            block_prefix=f"{source.path}:{section.start}+",
            functions=functions,
            detail=detail,
        )
        if statements:
            sections.append(ScriptSection(site=_site(section, template, source.path), statements=statements))
        errors.extend(
            FileError(path=source.path, line=source.position(_offset(fault, pieces)).line, message=fault.message)
            for fault in faults
        )
    unresolved = tuple(_unclosed(source)) if syntax is ScriptSyntax.JINJA else ()
    return ScriptReading(sections=tuple(sections), errors=tuple(errors), unresolved=unresolved)


def _unclosed(source: SourceFile) -> Iterator[Unresolved]:
    start = find_unclosed(source.text)
    if start is not None:
        sign = source.text[start : start + 2]
        place = Place(source.path, Span(start, start + len(sign)))
        yield Unresolved(place=place, sink="script", reason=f"text behind `{sign}`, which nothing closes")


def _sections(text: str, runner: ScriptRunner, syntax: ScriptSyntax) -> tuple[Section, ...]:
    """Let what the file says stand; where it says nothing, believe the user, then psql's traces."""
    sections = find_sections(text)
    if any(section.name or section.transaction.kind is not Transaction.UNKNOWN for section in sections):
        return sections
    transaction = TransactionContext()
    if runner is ScriptRunner.IN_TRANSACTION:
        transaction = TransactionContext(kind=Transaction.EXPLICIT, block="script", end=TransactionEnd.COMMIT)
    elif syntax is ScriptSyntax.PSQL:
        transaction = TransactionContext(kind=Transaction.AUTOCOMMIT)
    return tuple(replace(section, transaction=transaction) for section in sections)


def _site(section: Section, template: SqlTemplate, path: str) -> SqlSite:
    return SqlSite(
        place=Place(path, Span(section.start, section.end)),
        sink="script",
        driver=None,
        template=template,
        transaction=section.transaction,
        scope=section.name,
    )


def _offset(fault: Fault, pieces: tuple[Fragment, ...]) -> int:
    """Return the offset in the file of what is at fault, or of what is spelled there in its stead."""
    start = 0
    for piece in pieces:
        if fault.offset < start + len(piece.text):
            return piece.place.span.start + (fault.offset - start if piece.exact else 0)
        start += len(piece.text)
    return pieces[-1].place.span.end
