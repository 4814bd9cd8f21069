"""SQL text → `Statement`s, nested ones included: the pieces of this package put together.

Most statements never become tokens: their first word tells what they are, and a substring search that no function of
interest, temporary object or body is in them. The search is over the whole text first, so a text without any costs
next to nothing.
"""

from __future__ import annotations

import enum
import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from txsafe.model import (
    HOLE_CHARACTERS,
    NO_FACTS,
    Hole,
    Span,
    SqlCall,
    Statement,
    StatementContext,
    StatementKind,
    Transaction,
    TransactionContext,
    TransactionEnd,
)
from txsafe.sql.bodies import SegmentForm, find_segments
from txsafe.sql.calls import SESSION_FUNCTIONS, find_calls, mentions_only, name_stems
from txsafe.sql.cursor import Cursor
from txsafe.sql.dynamic import evaluate
from txsafe.sql.gate import may_hold_session_state
from txsafe.sql.lexer import NAME_CHARACTER, Token, significant_tokens
from txsafe.sql.literals import Passage, decode
from txsafe.sql.splitting import Fault, is_closed, split_statements
from txsafe.sql.statements import SIMPLE_KINDS, Inner, InnerForm, recognize
from txsafe.sql.transactions import MessageKind, Step, contexts

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

_DEPTH = 8
"""How deep bodies within bodies are read; a bound, so that hostile nesting costs linear time."""
_HEAD = re.compile(rf"[A-Za-z]++(?!{NAME_CHARACTER})")
_PLAIN_CREATE = re.compile(
    r"create\s++(?:unique\s++)?(?:unlogged\s++)?(table|index|extension|type|schema|trigger|materialized|domain|sequence|role|user)\b",
    re.IGNORECASE,
)
_TEMPORARY = "temp"
_TEMPORARY_HEADS = frozenset({"create", "select", "with"})
_UNSURE = ('u&"', HOLE_CHARACTERS[Hole.SQL], HOLE_CHARACTERS[Hole.IDENTIFIER])
"""Where one of these occurs, a name need not be spelled in full."""
_ASCII_LOWER = {upper: upper + 32 for upper in range(ord("A"), ord("Z") + 1)}
_NO_TRANSACTION = TransactionContext()


class Detail(enum.Enum):
    """Which statements of a text are wanted."""

    ALL = enum.auto()
    TELLING = enum.auto()
    """Those that touch the session or the transaction or call a function of interest; of others as few as suffice.

    The transactions of those that are left come out the same.
    """


@dataclass(slots=True)
class _Draft:
    """A statement before its transaction is known."""

    kind: StatementKind
    span: Span
    facts: Mapping[str, str] = NO_FACTS
    calls: tuple[SqlCall, ...] = ()
    children: Sequence[_Draft] = ()
    context: StatementContext = StatementContext.TOP


def read_with_faults(
    text: str,
    *,
    transaction: TransactionContext = _NO_TRANSACTION,
    message: MessageKind = MessageKind.SINGLE_MESSAGE,
    block_prefix: str = "",
    functions: frozenset[str] = SESSION_FUNCTIONS,
    detail: Detail = Detail.ALL,
) -> tuple[tuple[Statement, ...], tuple[Fault, ...]]:
    """Return the statements in text order, each followed by those nested in it, and the unterminated quotations."""
    if detail is Detail.TELLING and not may_hold_session_state(text, functions=functions) and is_closed(text):
        return (), ()
    split = split_statements(text)
    drafts = _Reader(functions, detail).text(text, split.ranges)
    return tuple(_finish(drafts, transaction, message=message, block_prefix=block_prefix)), split.faults


def _finish(
    drafts: Sequence[_Draft], transaction: TransactionContext, *, message: MessageKind, block_prefix: str
) -> Iterator[Statement]:
    steps = [
        Step(draft.kind, draft.span.start, draft.facts is not NO_FACTS and "chain" in draft.facts) for draft in drafts
    ]
    found = contexts(steps, transaction, message=message, block_prefix=block_prefix)
    for draft, context in zip(drafts, found, strict=True):
        yield from _statements(draft, context, block_prefix)


def _statements(draft: _Draft, transaction: TransactionContext, prefix: str) -> Iterator[Statement]:
    yield Statement(
        kind=draft.kind,
        span=draft.span,
        facts=draft.facts,
        calls=draft.calls,
        context=draft.context,
        transaction=transaction,
    )
    if draft.children:
        inner = _inner_transaction(draft, transaction, prefix)
        for child in draft.children:
            yield from _statements(child, inner, prefix)


def _inner_transaction(draft: _Draft, transaction: TransactionContext, prefix: str) -> TransactionContext:
    """Return the transaction of what stands in a statement; a body never runs outside of one."""
    own = f"{prefix}{draft.span.start}/body"
    if draft.kind is StatementKind.DO:
        if transaction.kind is Transaction.EXPLICIT:
            return transaction
        end = TransactionEnd.COMMIT if transaction.kind is Transaction.AUTOCOMMIT else transaction.end
        block = transaction.block or own
        inner = TransactionContext(kind=Transaction.IMPLICIT, block=block, end=end, opened=transaction.opened)
    elif any(child.context is StatementContext.ROUTINE_BODY for child in draft.children):
        inner = TransactionContext(kind=Transaction.IMPLICIT, block=own)
    else:
        return transaction
    ends = any(child.kind in (StatementKind.COMMIT, StatementKind.ROLLBACK) for child in draft.children)
    return replace(inner, block=None, end=TransactionEnd.UNKNOWN) if ends else inner


@dataclass(frozen=True, slots=True)
class _Stretch:
    """A text at one level of nesting."""

    passage: Passage
    context: StatementContext
    depth: int = 0

    def span(self, tokens: Sequence[Token]) -> Span:
        """Return where the tokens stand in the outermost text."""
        origin = self.passage.origin
        return Span(origin.at(tokens[0].start), origin.at(tokens[-1].end - 1) + 1)


class _Gate:
    """Tells by substrings which statements of a text need no tokens."""

    def __init__(self, text: str, functions: frozenset[str]) -> None:
        self._text = text
        lowered = text.lower()
        # Case mapping can change the length (U+0130); offsets must agree.
        self._lowered = lowered if len(lowered) == len(text) else text.translate(_ASCII_LOWER)
        unsure = any(sign in lowered for sign in _UNSURE)
        self._stems = ("",) if unsure else tuple(stem for stem in name_stems(functions) if stem in lowered)
        self._temporary = _TEMPORARY in lowered
        self._executes = "execute" in lowered

    def plain_kind(self, start: int, end: int) -> StatementKind | None:
        """Return the kind of a statement that has no facts, calls or inner statements; None where that is not sure."""
        head = _HEAD.match(self._text, start, end)
        if head is None:
            return None
        word = head[0].lower()
        kind = SIMPLE_KINDS.get(word)
        if kind is None:
            if word != "create" or not _PLAIN_CREATE.match(self._text, start, end):
                return None
            kind = StatementKind.DDL
        return None if self._may_hold_more(word, start, end) else kind

    def _may_hold_more(self, word: str, start: int, end: int) -> bool:
        find = self._lowered.find
        for stem in self._stems:
            if find(stem, start, end) >= 0:
                return True
        if word not in _TEMPORARY_HEADS:
            return False
        if self._temporary and find(_TEMPORARY, start, end) >= 0:
            return True
        return self._executes and word == "create" and find("execute", start, end) >= 0


class _Reader:
    """Reads texts for calls of certain functions."""

    def __init__(self, functions: frozenset[str], detail: Detail) -> None:
        self._functions = functions
        self._skips = detail is Detail.TELLING

    def text(self, text: str, ranges: Sequence[tuple[int, int]]) -> list[_Draft]:
        """Read the statements of an outermost text, by the cheap path where it will do."""
        gate = _Gate(text, self._functions)
        stretch = _Stretch(Passage(text), StatementContext.TOP)
        drafts: list[_Draft] = []
        skips = False
        for start, end in ranges:
            kind = gate.plain_kind(start, end)
            if kind is None:
                drafts.extend(self._range(stretch, start, end))
                skips = False
            elif not skips:
                drafts.append(_Draft(kind, Span(start, end)))
                skips = self._skips
        return drafts

    def _range(self, stretch: _Stretch, start: int, end: int) -> list[_Draft]:
        tokens = significant_tokens(stretch.passage.text, start, end)
        return [self._statement(stretch, tokens)] if tokens else []

    def _statement(self, stretch: _Stretch, tokens: Sequence[Token]) -> _Draft:
        recognition = recognize(Cursor(stretch.passage.text, tokens, 0, len(tokens)))
        own: list[Token] = []
        children: list[_Draft] = []
        position = 0
        for inner in recognition.inner:
            own.extend(tokens[position : inner.first])
            position = inner.last
            children.extend(self._inner(stretch, tokens, inner))
        own.extend(tokens[position:])
        calls = () if recognition.kind is StatementKind.EXPLAIN or mentions_only(tokens) else self._calls(stretch, own)
        return _Draft(recognition.kind, stretch.span(tokens), recognition.facts, calls, children, stretch.context)

    def _calls(self, stretch: _Stretch, tokens: Sequence[Token]) -> tuple[SqlCall, ...]:
        return find_calls(stretch.passage, tokens, self._functions)

    def _inner(self, stretch: _Stretch, tokens: Sequence[Token], inner: Inner) -> list[_Draft]:
        part = tokens[inner.first : inner.last]
        if not part:
            return []
        if stretch.depth >= _DEPTH:
            return [_unseen(stretch, part, "a body that is nested too deeply")]
        context = _CONTEXTS[inner.form] or stretch.context
        match inner.form:
            case InnerForm.DO_BODY | InnerForm.ROUTINE_BODY:
                passage = decode(part, stretch.passage.origin)
                return self._body(_Stretch(passage, context, stretch.depth + 1), inner.language)
            case InnerForm.STATEMENT | InnerForm.STATEMENTS:
                within = _Stretch(stretch.passage, context, stretch.depth + 1)
                return [self._statement(within, one) for one in _split_tokens(part)]

    def _body(self, stretch: _Stretch, language: str) -> list[_Draft]:
        if language == "sql":
            return self._script(stretch)
        return self._procedure(stretch) if language == "plpgsql" else []

    def _script(self, stretch: _Stretch) -> list[_Draft]:
        ranges = split_statements(stretch.passage.text).ranges
        return [draft for start, end in ranges for draft in self._range(stretch, start, end)]

    def _procedure(self, stretch: _Stretch) -> list[_Draft]:
        tokens = significant_tokens(stretch.passage.text)
        return [
            draft
            for segment in find_segments(tokens)
            for draft in self._segment(stretch, tokens[segment.first : segment.last], segment.form)
        ]

    def _segment(self, stretch: _Stretch, tokens: Sequence[Token], form: SegmentForm) -> list[_Draft]:
        if not tokens:
            return []
        match form:
            case SegmentForm.STATEMENT:
                return [_without_variables(self._statement(stretch, tokens))]
            case SegmentForm.EXPRESSION:
                calls = self._calls(stretch, tokens)
                query = _Draft(StatementKind.QUERY, stretch.span(tokens), calls=calls, context=stretch.context)
                return [query] if calls else []
            case SegmentForm.DYNAMIC if stretch.depth < _DEPTH:
                passage = evaluate(tokens, stretch.passage.origin)
                found = self._script(_Stretch(passage, StatementContext.DYNAMIC, stretch.depth + 1))
                if not passage.text.lstrip().startswith(HOLE_CHARACTERS[Hole.SQL]):
                    return found
                return [_unseen(stretch, tokens, "EXECUTE of what is not known"), *found]
            case SegmentForm.DYNAMIC:
                return [_unseen(stretch, tokens, "a body that is nested too deeply")]


_CONTEXTS = {
    InnerForm.DO_BODY: StatementContext.DO_BODY,
    InnerForm.ROUTINE_BODY: StatementContext.ROUTINE_BODY,
    InnerForm.STATEMENTS: StatementContext.ROUTINE_BODY,
    InnerForm.STATEMENT: None,
}


def _unseen(stretch: _Stretch, tokens: Sequence[Token], why: str) -> _Draft:
    facts = {"why": why}
    return _Draft(StatementKind.UNSEEN, stretch.span(tokens), facts, context=StatementContext.DYNAMIC)


def _split_tokens(tokens: Sequence[Token]) -> Iterator[Sequence[Token]]:
    first = 0
    for index, token in enumerate(tokens):
        if token.text == ";":
            if index > first:
                yield tokens[first:index]
            first = index + 1
    if first < len(tokens):
        yield tokens[first:]


def _without_variables(draft: _Draft) -> _Draft:
    """Undo SELECT … INTO TEMP where INTO names a PL/pgSQL variable that happens to be called so."""
    if draft.facts.get("form") != "select-into":
        return draft
    return replace(draft, kind=StatementKind.QUERY, facts=NO_FACTS)
