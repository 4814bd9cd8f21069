"""Entries with session and transaction come in, proofs go out: state of a session that was used across transactions.

A proof is a pair of lines: one that opens something that lasts, in one transaction, and a later one of the same
session, in another transaction, that runs under it or uses it. Behind a transaction-mode pooler they may meet
different server connections.
"""

from __future__ import annotations

import re
from collections import OrderedDict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from txsafe.observed_sql.recognition import NOTHING, Act, Deed, State

if TYPE_CHECKING:
    from collections.abc import Iterator

    from txsafe.observed_sql.entries import Client, Entry
    from txsafe.observed_sql.recognition import Reading

MOST_SESSIONS = 10_000
MOST_OPEN = 100
"""Of one session: who opens more makes them up as it goes."""
_AMBIENT = frozenset({State.SETTING, State.LISTENING})
"""What every later statement runs under."""
_PASSIVE = frozenset({Deed.ENDS, Deed.ROLLS_BACK, Deed.CLOSES})
LONGEST_KEPT = 1_000


@dataclass(frozen=True, slots=True)
class Mark:
    """A statement in a log."""

    path: str
    line: int
    sql: str
    """Normal form where it keeps state, else as it stands in the log; cut."""
    transaction: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Proof:
    """State that was used across transactions."""

    state: State
    key: str
    opened: Mark
    used: Mark
    session: str
    client: Client


_Name = tuple[State, str]


@dataclass(slots=True)
class _Opened:
    """What a session has opened and not yet used in another transaction: the statement that did it."""

    under: dict[_Name, Mark] = field(default_factory=dict)
    """What later statements run under, or may mention."""
    named: dict[_Name, Mark] = field(default_factory=dict)
    """What is only used by its name."""

    def of(self, state: State) -> dict[_Name, Mark]:
        return self.under if state in _AMBIENT or state is State.TABLE else self.named


class Tracker:
    """Follows the sessions of one log."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._sessions: OrderedDict[str, _Opened] = OrderedDict()

    def see(self, entry: Entry, reading: Reading) -> Iterator[Proof]:
        """Yield what an entry proves, and take note of what it opens and closes."""
        if not entry.session or not entry.transaction:
            return
        opened = self._sessions.get(entry.session)
        idle = reading is NOTHING and not entry.statement_name
        if opened is None:
            if idle:
                return
            opened = self._start(entry.session)
        if opened.under:
            yield from self._prove_under(entry, reading, opened)
        if idle:
            return
        yield from self._prove_named(entry, reading, opened)
        for act in reading.acts:
            self._apply(act, entry, reading, opened)
        if entry.statement_name:
            opened.named.setdefault(_protocol_name(entry), self._mark(entry, reading))

    def _start(self, session: str) -> _Opened:
        if len(self._sessions) >= MOST_SESSIONS:
            self._sessions.popitem(last=False)
        opened = self._sessions[session] = _Opened()
        return opened

    def _prove_under(self, entry: Entry, reading: Reading, opened: _Opened) -> Iterator[Proof]:
        """Yield what a statement runs under, and forget that it was opened: one proof is enough."""
        if any(act.deed in _PASSIVE and act.state is not State.TABLE for act in reading.acts):
            return
        for name, mark in tuple(opened.under.items()):
            if mark.transaction == entry.transaction or Act(Deed.OPENS, *name) in reading.acts:
                continue
            if name[0] is not State.TABLE or _mentions(entry.sql, name[1]):
                del opened.under[name]
                yield self._proof(name, mark, entry, reading)

    def _prove_named(self, entry: Entry, reading: Reading, opened: _Opened) -> Iterator[Proof]:
        """Yield what a statement uses by its name."""
        used = [(act.state, act.key) for act in reading.acts if act.deed is Deed.USES]
        if entry.statement_name:
            used.append(_protocol_name(entry))
        for name in used:
            mark = opened.named.get(name)
            if mark is not None and mark.transaction != entry.transaction:
                del opened.named[name]
                yield self._proof(name, mark, entry, reading)

    def _proof(self, name: _Name, mark: Mark, entry: Entry, reading: Reading) -> Proof:
        state, key = name
        used = self._mark(entry, reading)
        return Proof(state=state, key=key, opened=mark, used=used, session=entry.session, client=entry.client)

    def _apply(self, act: Act, entry: Entry, reading: Reading, opened: _Opened) -> None:
        match act.deed:
            case Deed.OPENS:
                table = opened.of(act.state)
                if len(table) < MOST_OPEN:
                    table[act.state, act.key] = self._mark(entry, reading)
            case Deed.CLOSES:
                _close(act, opened)
            case Deed.ROLLS_BACK:
                _undo(entry, opened)
            case _:
                return

    def _mark(self, entry: Entry, reading: Reading) -> Mark:
        return Mark(self._path, entry.line, reading.sql or entry.sql[:LONGEST_KEPT], entry.transaction)


def _protocol_name(entry: Entry) -> _Name:
    return State.STATEMENT, f"{entry.statement_name} of the protocol"


def _close(act: Act, opened: _Opened) -> None:
    for table in (opened.under, opened.named):
        if act.key:
            table.pop((act.state, act.key), None)
            continue
        for name in tuple(table):
            if act.state in {name[0], State.ANY}:
                del table[name]


def _undo(entry: Entry, opened: _Opened) -> None:
    """Forget what the transaction that is rolled back has set.

    Where its number is gone already, it is that of the last one that opened something.
    """
    marks = (*opened.under.values(), *opened.named.values())
    last = max(marks, key=lambda mark: mark.line, default=None)
    ended = {entry.transaction, "" if last is None else last.transaction}
    for table in (opened.under, opened.named):
        for name, mark in tuple(table.items()):
            if mark.transaction in ended and name[0] is not State.LOCK:
                del table[name]


def _mentions(sql: str, name: str) -> bool:
    lowered = sql.lower()
    return name in lowered and re.search(rf"(?<![\w$]){re.escape(name)}(?![\w$])", lowered) is not None
