"""The text of a `.sql` file → its sections: stretches that a tool runs on their own, and in what transaction.

dbmate, goose, sql-migrate and yoyo say in comments what they do; files of named queries (aiosql, sqlc, pugsql and
home-made ones) are never run as a whole. Nothing is known of any other file.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from txsafe.model import Transaction, TransactionContext, TransactionEnd
from txsafe.sql.transactions import MessageKind

if TYPE_CHECKING:
    from collections.abc import Iterator

_UNKNOWN = TransactionContext()
_AUTOCOMMIT = TransactionContext(kind=Transaction.AUTOCOMMIT)
_WRAPPED = TransactionContext(kind=Transaction.EXPLICIT, end=TransactionEnd.COMMIT)

_DBMATE = re.compile(r"^--[ \t]*migrate:(up|down)([^\r\n]*)", re.MULTILINE)
_GOOSE = re.compile(r"^--[ \t]*\+goose[ \t]+(up|down|statementbegin|statementend)\b", re.MULTILINE | re.IGNORECASE)
_GOOSE_PLAIN = re.compile(r"^--[ \t]*\+goose[ \t]+no[ \t]+transaction\b", re.MULTILINE | re.IGNORECASE)
_SQL_MIGRATE = re.compile(r"^--[ \t]*\+migrate[ \t]+(up|down)([^\r\n]*)", re.MULTILINE | re.IGNORECASE)
_YOYO = re.compile(r"^--[ \t]*(?:depends|transactional):([^\r\n]*)", re.MULTILINE)
_YOYO_PLAIN = re.compile(r"^--[ \t]*transactional:[ \t]*false\b", re.MULTILINE | re.IGNORECASE)
_QUERY_NAME = re.compile(
    r"^--[ \t]*(?::?name(?::[ \t]*|[ \t]+)([A-Za-z_][\w-]*)[^\r\n]*|([A-Za-z_]\w*)[ \t]+--[ \t]*$)", re.MULTILINE
)
_OWN_TRANSACTION = re.compile(
    r"^[ \t]*(?:begin|start[ \t]+transaction|commit)\b[^\r\n;]*;", re.MULTILINE | re.IGNORECASE
)
"""With its semicolon: PL/pgSQL's `BEGIN` has none."""


@dataclass(frozen=True, slots=True)
class Section:
    """A stretch of a file, and how it is run."""

    start: int
    end: int
    name: str = ""
    transaction: TransactionContext = _UNKNOWN
    message: MessageKind = MessageKind.SEPARATE


def find_sections(text: str) -> tuple[Section, ...]:
    """Return the sections, which together are the whole text."""
    for marker, split in _TOOLS:
        if marker in text:
            found = tuple(split(text))
            if found:
                return _closed(text, found)
    return (Section(0, len(text)),)


def _closed(text: str, heads: tuple[Section, ...]) -> tuple[Section, ...]:
    """Let each section end where the next one starts, and give each wrapped one its block."""
    ends = (*(head.start for head in heads[1:]), len(text))
    preamble = (Section(0, heads[0].start),) if heads[0].start else ()
    return (*preamble, *(_with_block(replace(head, end=end)) for head, end in zip(heads, ends, strict=True)))


def _with_block(section: Section) -> Section:
    if section.transaction.kind is not Transaction.EXPLICIT:
        return section
    return replace(section, transaction=replace(section.transaction, block=f"section-{section.start}"))


def _dbmate(text: str) -> Iterator[Section]:
    """Read what dbmate sends: a section is one message.

    https://github.com/amacneil/dbmate#migration-options
    """
    for head in _DBMATE.finditer(text):
        wrapped = "transaction:false" not in head[2].replace(" ", "").lower()
        transaction = _WRAPPED if wrapped else _AUTOCOMMIT
        yield Section(head.start(), 0, head[1], transaction, MessageKind.SINGLE_MESSAGE)


def _goose(text: str) -> Iterator[Section]:
    """Goose sends statement by statement, and what StatementBegin and StatementEnd hold as one message.

    https://pressly.github.io/goose/documentation/annotations/
    """
    wrapped = _GOOSE_PLAIN.search(text) is None
    direction = ""
    for head in _GOOSE.finditer(text):
        word = head[1].lower()
        if word in ("up", "down"):
            direction = word
        elif wrapped:
            continue
        message = MessageKind.SINGLE_MESSAGE if word == "statementbegin" else MessageKind.SEPARATE
        yield Section(head.start(), 0, direction, _WRAPPED if wrapped else _AUTOCOMMIT, message)


def _sql_migrate(text: str) -> Iterator[Section]:
    """Read what sql-migrate sends, statement by statement.

    https://github.com/rubenv/sql-migrate#writing-migrations
    """
    for head in _SQL_MIGRATE.finditer(text):
        wrapped = "notransaction" not in head[2].lower()
        yield Section(head.start(), 0, head[1].lower(), _WRAPPED if wrapped else _AUTOCOMMIT)


def _yoyo(text: str) -> Iterator[Section]:
    """Read what yoyo runs: a file is one step.

    https://ollycope.com/software/yoyo/latest/#transactions
    """
    if _YOYO.search(text):
        yield Section(0, 0, "", _WRAPPED if _YOYO_PLAIN.search(text) is None else _AUTOCOMMIT)


def _named_queries(text: str) -> Iterator[Section]:
    heads = tuple(_QUERY_NAME.finditer(text))
    if not any(head[1] for head in heads) and _OWN_TRANSACTION.search(text):
        return  # a script with headings
    for head in heads:
        yield Section(head.start(), 0, head[1] or head[2])


_TOOLS = (
    ("migrate:", _dbmate),
    ("+goose", _goose),
    ("+migrate", _sql_migrate),
    ("transactional:", _yoyo),
    ("depends:", _yoyo),
    ("--", _named_queries),
)
