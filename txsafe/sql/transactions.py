"""The transaction around a text, and the BEGINs and COMMITs within → the transaction of each of its statements.

https://www.postgresql.org/docs/current/protocol-flow.html#PROTOCOL-FLOW-MULTI-STATEMENT has the rule for several
statements in one message.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, NamedTuple

from txsafe.model import StatementKind, Transaction, TransactionContext, TransactionEnd

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence


class MessageKind(enum.StrEnum):
    """How a text with several statements reaches the server."""

    SINGLE_MESSAGE = "single-message"
    """As one message of the simple protocol: what no BEGIN … COMMIT holds is one implicit transaction block."""
    SEPARATE = "separate"
    """One by one, as psql and most migration tools do."""


_ENDS = {StatementKind.COMMIT: TransactionEnd.COMMIT, StatementKind.ROLLBACK: TransactionEnd.ROLLBACK}


class Step(NamedTuple):
    """As much of a statement as decides about transactions."""

    kind: StatementKind
    start: int
    chains: bool = False
    """COMMIT AND CHAIN."""

    @property
    def ends(self) -> bool:
        """Whether it ends the transaction."""
        return self.kind in _ENDS


@dataclass(frozen=True, slots=True)
class _Stretch:
    """Statements `[first, last)` that no transaction reaches out of, and what comes before them in the text."""

    first: int
    last: int
    after_end: bool
    chained: bool


def contexts(
    steps: Sequence[Step], incoming: TransactionContext, *, message: MessageKind, block_prefix: str
) -> tuple[TransactionContext, ...]:
    """Return the context of each statement."""
    if len(steps) == 1 and steps[0].kind is not StatementKind.BEGIN:
        return (incoming,)
    found: list[TransactionContext] = []
    for stretch in _stretches(steps, incoming, message):
        base = _after_end(incoming) if stretch.after_end else incoming
        members = steps[stretch.first : stretch.last]
        begins = stretch.chained or any(step.kind is StatementKind.BEGIN for step in members)
        block = f"{block_prefix}{members[0].start}"
        context = _context(members, base, message=message, block=block, begins=_Begins(begins))
        found.extend([context] * len(members))
    return tuple(found)


def _stretches(steps: Sequence[Step], incoming: TransactionContext, message: MessageKind) -> Iterator[_Stretch]:
    """Yield the stretches: up to a COMMIT, and, where each statement is sent alone, up to a BEGIN."""
    first = 0
    opened = incoming.kind is Transaction.EXPLICIT
    after_end = chained = False
    for index, step in enumerate(steps):
        if step.kind is StatementKind.BEGIN and not opened:
            if message is MessageKind.SEPARATE and index > first:
                yield _Stretch(first, index, after_end, chained)
                first = index
            opened = True
        if step.ends:
            yield _Stretch(first, index + 1, after_end, chained)
            first = index + 1
            after_end = True
            opened = chained = step.chains
    if first < len(steps):
        yield _Stretch(first, len(steps), after_end, chained)


class _Begins(enum.Enum):
    """Whether a transaction is opened by the text itself."""

    YES = True
    NO = False


def _context(
    members: Sequence[Step], base: TransactionContext, *, message: MessageKind, block: str, begins: _Begins
) -> TransactionContext:
    end = _ENDS.get(members[-1].kind)
    if base.kind is Transaction.EXPLICIT:
        return replace(base, end=end or base.end)
    if begins is _Begins.YES:
        opened = TransactionContext(kind=Transaction.EXPLICIT, block=base.block or block, opened=base.opened)
        return replace(opened, end=end or TransactionEnd.UNKNOWN)
    if base.kind is Transaction.AUTOCOMMIT:
        if message is MessageKind.SEPARATE or len(members) == 1:
            return base
        return TransactionContext(kind=Transaction.EXPLICIT, block=block, end=end or TransactionEnd.COMMIT)
    shared = message is MessageKind.SINGLE_MESSAGE and len(members) > 1
    return replace(base, block=base.block or (block if shared else None), end=end or base.end)


def _after_end(incoming: TransactionContext) -> TransactionContext:
    """Return what holds after a COMMIT: a driver that opens transactions opens another one, the server does not."""
    if incoming.kind is Transaction.IMPLICIT and incoming.block is None:
        return incoming
    return TransactionContext(kind=Transaction.AUTOCOMMIT)
