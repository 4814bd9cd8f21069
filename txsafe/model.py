"""The nouns of the pipeline: one frozen value type each, in the order in which they arise.

bytes → `SourceFile` → `SqlSite` and `ApiUse` → `Statement` → `FeatureUse` → `Verdict` → `Diagnostic`.

Nothing here does I/O or imports anything but the standard library and `txsafe.results`, so every other module may
import this one.
Offsets are code points from 0; a `Span` is half-open; lines and columns of a `Position` count from 1.
"""

from __future__ import annotations

import bisect
import enum
from collections.abc import Mapping  # noqa: TC003  # the cache reads the hints
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import NamedTuple

# Named here, too: what a run comes to belongs to the nouns, wherever it is defined.
from txsafe.results import (  # noqa: F401
    NO_FACTS,
    Confidence,
    FileError,
    FileReport,
    Keeps,
    Profile,
    Report,
    Severity,
)


class Outcome(enum.StrEnum):
    """What a pooler does with a use of session state."""

    SAFE = "safe"
    UNSAFE = "unsafe"
    COSTLY = "costly"
    """Works, but pins the server connection, so that multiplexing is lost."""
    UNKNOWN = "unknown"


class Effect(enum.StrEnum):
    """What goes wrong where the outcome is unsafe."""

    LOST = "lost"
    """Gone in the next transaction."""
    LEAKED = "leaked"
    """Another client inherits it."""
    WRONG_RESULT = "wrong-result"
    """Another statement runs than the one meant, without any error."""
    ERROR = "error"
    """Refused, or fails later."""
    STUCK = "stuck"
    """Cannot be released any more."""
    IGNORED = "ignored"
    """Accepted without effect."""


class Basis(enum.StrEnum):
    """How a cell of the matrix is known."""

    OBSERVED = "observed"
    SOURCE = "source"
    DOCUMENTATION = "documentation"
    UNKNOWN = "unknown"


# ---------------------------------------------------------------- source text


class Span(NamedTuple):
    """Half-open range of code points of a text."""

    start: int
    end: int


@dataclass(frozen=True, slots=True, order=True)
class Position:
    """Line and column, both from 1, the column in code points."""

    line: int
    column: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceFile:
    """One decoded file. `text` has no byte-order mark; line ends are as in the file."""

    path: str
    """Posix, relative to the working directory where it lies below it."""
    text: str
    encoding: str
    bom: bool
    line_starts: tuple[int, ...]

    def position(self, offset: int) -> Position:
        """Return the line and column of a code point offset."""
        line = bisect.bisect_right(self.line_starts, offset)
        return Position(line, offset - self.line_starts[line - 1] + 1)

    def offset(self, position: Position) -> int:
        """Return the code point offset of a line and column."""
        return self.line_starts[position.line - 1] + position.column - 1

    def line_text(self, line: int) -> str:
        """Return one line (from 1) without its line end."""
        start = self.line_starts[line - 1]
        end = self.line_starts[line] if line < len(self.line_starts) else len(self.text)
        return self.text[start:end].rstrip("\r\n")


class Place(NamedTuple):
    """A span of a file."""

    path: str
    span: Span


# ---------------------------------------------------------------- SQL as a program spells it


class Hole(enum.StrEnum):
    """What is known of a piece of SQL that is not spelled in the program."""

    VALUE = "value"
    """A bound parameter or a quoted literal: no SQL can come out of it."""
    IDENTIFIER = "identifier"
    """A quoted or composed name."""
    SQL = "sql"
    """Could be anything."""


HOLE_CHARACTERS: Mapping[Hole, str] = MappingProxyType(
    {Hole.VALUE: "\uf8f0", Hole.IDENTIFIER: "\uf8f1", Hole.SQL: "\uf8f2"}
)
"""One private-use code point stands for each hole in `SqlTemplate.text`, so that offsets stay simple."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fragment:
    """A piece of a SQL text and where it is spelled.

    Where `exact`, the n-th character of `text` is the n-th character of the file's text from `place.span.start`. Where
    not (an escape, a literal whose spelling was not looked at yet), the fragment is indivisible: all of it maps to all
    of `place`.
    """

    text: str
    place: Place
    exact: bool = False
    hole: Hole | None = None
    part: int = 0
    """How many replacement fields come before it in the same literal expression; what `python.spelling` aligns by."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SqlTemplate:
    """What is known of one SQL text: its fragments in order."""

    fragments: tuple[Fragment, ...]

    @property
    def text(self) -> str:
        """The text with one `HOLE_CHARACTERS` code point for each hole."""
        fragments = self.fragments
        return fragments[0].text if len(fragments) == 1 else "".join([fragment.text for fragment in fragments])

    def locate(self, span: Span) -> Place:
        """Return where a span of `text` is spelled.

        A span over several fragments of one file becomes one place from the first to the last; over several files, the
        part in the file where it starts.
        """
        first: Place | None = None
        last: Place | None = None
        offset = 0
        for fragment in self.fragments:
            end = offset + len(fragment.text)
            overlaps = offset < max(span.end, span.start + 1) and span.start < end
            if overlaps:
                place = _clip(fragment, offset, span)
                if first is None:
                    first = place
                if place.path == first.path and place.span.start >= first.span.start:
                    last = place
            offset = end
        if first is None or last is None:
            return self.fragments[-1].place
        return Place(first.path, Span(first.span.start, max(first.span.end, last.span.end)))


def _clip(fragment: Fragment, offset: int, span: Span) -> Place:
    if not fragment.exact:
        return fragment.place
    base = fragment.place.span.start - offset
    start = max(span.start, offset)
    end = min(max(span.end, start), offset + len(fragment.text))
    return Place(fragment.place.path, Span(base + start, base + end))


class Transaction(enum.StrEnum):
    """The transaction that a statement runs in."""

    EXPLICIT = "explicit"
    """A block that the program opens: BEGIN, `with conn.transaction()`, `atomic`, one multi-statement message."""
    IMPLICIT = "implicit"
    """Opened by the driver before the first statement (DB-API), or by the server around a function body."""
    AUTOCOMMIT = "autocommit"
    """Each statement is a transaction of its own."""
    UNKNOWN = "unknown"


class TransactionEnd(enum.StrEnum):
    """How the transaction is known to end."""

    COMMIT = "commit"
    ROLLBACK = "rollback"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class TransactionContext:
    """What is known of the transaction around a site or a statement."""

    kind: Transaction = Transaction.UNKNOWN
    block: str | None = None
    """Two uses with the same block, not None, surely run in the same transaction on the same connection."""
    end: TransactionEnd = TransactionEnd.UNKNOWN
    opened: Place | None = None
    """What opens it, for related locations."""
    certainty: Confidence = Confidence.HIGH
    """How sure `kind` is: less than high where a caller that was not seen may hold a transaction open."""
    trail: tuple[Related, ...] = ()
    """The calls that decide about it, where it is not the function itself."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Related:
    """Another place that explains a diagnostic, and what it has to do with it."""

    place: Place
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SqlSite:
    """SQL on its way to a server connection."""

    place: Place
    """The call, or the construct, that sends it."""
    sink: str
    """Qualified name of what sends it (`psycopg.Cursor.execute`); `"script"` for a `.sql` file, `"literal"` where the
    flow was lost."""
    driver: str | None
    """Id of a file in `rules/drivers/`; None where unknown."""
    template: SqlTemplate
    transaction: TransactionContext = TransactionContext()
    scope: str = ""
    """Qualified name of the function it stands in."""
    connection: str = ""
    """Two sites of one file with the same one, not empty, send through the same connection."""
    parameters: bool = False
    """Bound parameters are passed along: then a driver sends one statement only, by the extended protocol."""
    route: tuple[str, ...] = ()
    """Names that the connection goes by (a DSN variable, an engine, a Django alias), for `[tool.txsafe.routes]`."""
    confidence: Confidence = Confidence.HIGH
    trail: tuple[Related, ...] = ()
    """How the SQL got here: the constant's definition, the wrapper's call."""
    doubt: str = ""
    """Why the transaction is not known: the first link that is missing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiUse:
    """A driver call, keyword argument or setting that touches the session without any SQL in the program."""

    place: Place
    """The keyword argument, the attribute or the call's name: what a reader would change."""
    api: str
    """A name that rules match (`named-prepare`, `notifications`, `hold-cursor`, `startup-parameter` …)."""
    driver: str | None
    facts: Mapping[str, str] = NO_FACTS
    transaction: TransactionContext = TransactionContext()
    scope: str = ""
    route: tuple[str, ...] = ()
    confidence: Confidence = Confidence.HIGH
    trail: tuple[Related, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Unresolved:
    """A sink whose SQL or transaction could not be seen: said, so that silence means judged safe."""

    place: Place
    sink: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Sighting:
    """All that one file shows: what the language front ends return."""

    sites: tuple[SqlSite, ...] = ()
    uses: tuple[ApiUse, ...] = ()
    unresolved: tuple[Unresolved, ...] = ()
    sinks: int = 0
    """Calls that send SQL, resolved or not; sites found without a call (`"literal"`) do not count."""
    loose: tuple[str, ...] = ()
    """Names of the file's constants and functions that stand for session state which nothing in it sends."""


# ---------------------------------------------------------------- SQL as the server reads it


class StatementKind(enum.StrEnum):
    """What a statement is, with the facts that `Statement.facts` carries for it (values lower-case unless quoted)."""

    SET = "set"
    """`scope` (session, local), `name`, `value` (as spelled).

    SET TIME ZONE is `timezone`, SET NAMES `client_encoding`.
    """
    RESET = "reset"
    """`name` or `all`; `SET x TO DEFAULT` is one too, with `scope`."""
    SET_ROLE = "set-role"
    """`action` (set, reset), `role`, `scope`."""
    SET_SESSION_AUTHORIZATION = "set-session-authorization"
    """`action` (set, reset), `role`, `scope`."""
    SET_CHARACTERISTICS = "set-characteristics"
    """`modes`; `parameter` = the default_transaction_… parameter that the first mode sets."""
    SET_TRANSACTION = "set-transaction"
    """`modes`."""
    SET_CONSTRAINTS = "set-constraints"
    SHOW = "show"
    """`name`."""
    DISCARD = "discard"
    """`target` (all, plans, sequences, temp)."""
    PREPARE = "prepare"
    """`name`, `body` (SQL text)."""
    EXECUTE = "execute"
    """`name`, `arguments`."""
    DEALLOCATE = "deallocate"
    """`name` or `all`."""
    TWO_PHASE = "two-phase"
    """PREPARE TRANSACTION, COMMIT PREPARED, ROLLBACK PREPARED."""
    LISTEN = "listen"
    """`channel`."""
    UNLISTEN = "unlisten"
    """`channel` or `*`."""
    NOTIFY = "notify"
    """`channel`."""
    DECLARE_CURSOR = "declare-cursor"
    """`name`, `hold` (yes, no), `body`."""
    FETCH = "fetch"
    """`name`; MOVE too."""
    CLOSE = "close"
    """`name` or `all`."""
    LOAD = "load"
    """`library`."""
    CREATE_TEMPORARY = "create-temporary"
    """`object` (table, view, sequence, function …), `name`, `if-not-exists` (yes, no), `body`.

    Of tables also `on-commit` (drop, delete-rows, preserve-rows, none) and `form` (create, as, select-into).
    """
    DROP = "drop"
    """`object`, `name` (the first one)."""
    BEGIN = "begin"
    COMMIT = "commit"
    ROLLBACK = "rollback"
    SAVEPOINT = "savepoint"
    """SAVEPOINT, RELEASE, ROLLBACK TO."""
    LOCK = "lock"
    COPY = "copy"
    CALL = "call"
    DO = "do"
    CREATE_ROUTINE = "create-routine"
    EXPLAIN = "explain"
    QUERY = "query"
    """SELECT, VALUES, TABLE, WITH, INSERT, UPDATE, DELETE, MERGE."""
    DDL = "ddl"
    """CREATE, ALTER, GRANT, COMMENT … without session state of their own; `ALTER ROLE … SET` belongs here."""
    OTHER = "other"
    UNSEEN = "unseen"
    """What EXECUTE runs in PL/pgSQL where that is not known, or a body too deep to be read: `why`."""


class StatementContext(enum.StrEnum):
    """What a statement stands in."""

    TOP = "top"
    DO_BODY = "do-body"
    ROUTINE_BODY = "routine-body"
    DYNAMIC = "dynamic"
    """The literal of an EXECUTE in PL/pgSQL."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SqlCall:
    """A function call anywhere in a statement."""

    name: str
    """Folded as the server folds it: `PG_CATALOG."pg_advisory_lock"` is `pg_advisory_lock`."""
    schema: str | None
    arguments: tuple[str, ...]
    """As spelled, trimmed; holes and driver placeholders included."""
    span: Span
    """From the first character of the (qualified) name to the closing parenthesis, in the template's text."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Statement:
    """One SQL statement, wherever it stands, and what it does to the session."""

    kind: StatementKind
    span: Span
    """In the template's text, without surrounding space, comments and semicolon."""
    facts: Mapping[str, str] = NO_FACTS
    calls: tuple[SqlCall, ...] = ()
    context: StatementContext = StatementContext.TOP
    transaction: TransactionContext = TransactionContext()


# ---------------------------------------------------------------- verdicts


@dataclass(frozen=True, slots=True, kw_only=True)
class Spelling:
    """How the program writes a use of SQL: what a rewrite changes."""

    site: SqlSite
    """Its template maps character by character, as far as the program spells it."""
    statement: Statement
    span: Span
    """The statement's, or that of the function call in it that counts; in the template's text."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FeatureUse:
    """One use of session state: a rule's variant, at a place."""

    rule: str
    variant: str
    place: Place
    """Where the offending statement is spelled."""
    sql: str
    """The statement, holes shown as `…`; empty for an API use."""
    captures: Mapping[str, str] = NO_FACTS
    """The statement's or the API use's facts: what messages and suggestions are built from."""
    transaction: TransactionContext = TransactionContext()
    driver: str | None = None
    scope: str = ""
    route: tuple[str, ...] = ()
    confidence: Confidence = Confidence.HIGH
    trail: tuple[Related, ...] = ()
    paired: bool = False
    """Opened and closed on one connection within one transaction (lock … unlock, create … drop)."""
    part_of: Place | None = None
    """Where the use stands that it closes, in another function of the same helper: the two are one finding."""
    pattern: str | None = field(default=None, compare=False, repr=False)
    """What a rewrite's pattern says to write instead, kept where the use leaves the process that read its file."""
    spelling: Spelling | None = field(default=None, compare=False, repr=False)
    """None for an API use, which is no SQL."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What a profile does with a feature use, and how that is known."""

    outcome: Outcome
    effects: tuple[Effect, ...] = ()
    reason: str = ""
    basis: Basis = Basis.UNKNOWN
    reference: str = ""
    severity: Severity | None = None
    """At most, where the effect is a nuisance rather than a fault."""


class Applicability(enum.StrEnum):
    """Whether a fix may be applied unseen; the words are ruff's."""

    SAFE = "safe"
    UNSAFE = "unsafe"
    DISPLAY_ONLY = "display-only"


@dataclass(frozen=True, slots=True, kw_only=True)
class Edit:
    """Replace what a place spells."""

    place: Place
    replacement: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Fix:
    """Edits that belong together."""

    title: str
    edits: tuple[Edit, ...]
    applicability: Applicability
    settings: tuple[tuple[str, str], ...] = ()
    """Parameters to give to the database role first, with their values as SQL spells them: without that the edits would
    lose them, so such a fix is only displayed, or applied together with a script that does it (`txsafe fix --ddl`)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Diagnostic:
    """What a user reads."""

    rule: str
    severity: Severity
    confidence: Confidence
    path: str
    start: Position
    end: Position
    message: str
    sql: str = ""
    outcome: Outcome = Outcome.UNSAFE
    effects: tuple[Effect, ...] = ()
    transaction: Transaction = Transaction.UNKNOWN
    driver: str | None = None
    suggestion: str = ""
    related: tuple[Location, ...] = ()
    fix: Fix | None = None
    fingerprint: str = ""
    profile: str = ""
    variant: str = ""
    gathers: str = ""
    """The variant of its rule that stands for the cause, where one diagnostic is enough for a whole program."""
    reference: str = ""
    suppressed: bool = False
    baselined: bool = False

    @property
    def sort_key(self) -> tuple[str, Position, str, Position, str]:
        """The order of all output: path, line, column, rule."""
        return (self.path, self.start, self.rule, self.end, self.message)


@dataclass(frozen=True, slots=True, kw_only=True)
class Location:
    """A related place, resolved to lines and columns."""

    path: str
    start: Position
    end: Position
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class UnresolvedSink:
    """An `Unresolved`, resolved to its line and column."""

    path: str
    start: Position
    sink: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class FileUses:
    """What one file uses of the session, before any pooler judges it."""

    uses: tuple[FeatureUse, ...]
    """Paired, in the order of the text, and one more than the bound where there are more."""
    neighbours: tuple[FeatureUse, ...]
    """What suggestions look at: the uses, and statements that a rewrite must know of."""
    unresolved: tuple[UnresolvedSink, ...]
    errors: tuple[FileError, ...]
    sinks: int
    literals: tuple[Span, ...]
    """Texts that nothing in this file runs, in order."""
    reached: tuple[Location, ...]
    """Texts of other files that this file is seen to run."""
    loose: tuple[str, ...] = ()
    """Names under which other files may get hold of session state that nothing in this file sends."""
    sites: tuple[tuple[SqlSite, tuple[Statement, ...]], ...] = ()
    """What the file sends: what rewrites look at. They are not made of uses that come from another process."""


class Asked(enum.StrEnum):
    """What the analysis of a file may ask of the program around it."""

    CONTENT = "content"
    """What another file holds."""
    IDENTITY = "identity"
    """Which package a file belongs to."""
    MODULE = "module"
    """Which file a dotted name stands for."""
    FOLDER = "folder"
    """Where a package lies."""
    WORD = "word"
    """Which files hold a name; see `scopes.Project.references`."""
    VERSIONS = "versions"
    """Which packages the files of a folder run with."""
    DAY = "day"
    """What day it is, where a suppression may expire."""


Question = tuple[str, str, str]
"""An `Asked`, from where it is asked (the folders that bound the answer), and its subject."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Consulted:
    """What the analysis of one file has asked of the program around it: change an answer, and the report may change."""

    answers: tuple[tuple[str, str, str, str], ...] = ()
    """Questions with their answers, sorted; `project.Project.answer` asks them again."""
