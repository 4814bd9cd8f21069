"""A node and the connection it uses → the transaction that it runs in.

In go what `described` found in a module, out come `TransactionContext`s: enclosing blocks and decorators first, then
BEGIN and COMMIT in the program's own SQL, then what the connection does by itself. Each function is looked at alone:
`surroundings` asks its callers where that decides.
"""

from __future__ import annotations

import ast
import math
import re
from bisect import bisect_left, bisect_right
from collections import defaultdict
from dataclasses import dataclass, replace
from functools import cached_property
from operator import itemgetter
from typing import TYPE_CHECKING

from txsafe.model import Confidence, Place, Transaction, TransactionContext, TransactionEnd
from txsafe.python.arguments import Arguments, Truth
from txsafe.python.assured import assured
from txsafe.python.callsites import is_made_in
from txsafe.python.entries import entered, entries, wrapped
from txsafe.python.receiver import Certainty, Receiver
from txsafe.python.receivers import Receivers, any_holds
from txsafe.python.scopes import FunctionNode

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from txsafe.catalog.drivers import Block, Drivers, Type
    from txsafe.python.described import Described
    from txsafe.python.scopes import Module

_OPENS = re.compile(r"\s*(?:BEGIN|START\s+TRANSACTION)\b(?![^;]*;\s*\S)", re.IGNORECASE)
_ENDS = re.compile(
    r"\s*(?:COMMIT|END|ROLLBACK|ABORT)\b(?!\s+(?:TO|PREPARED)\b)(?:\s+(?:WORK|TRANSACTION))?\s*+(?:;\s*+)?\Z",
    re.IGNORECASE,
)
_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
_WITHS = (ast.With, ast.AsyncWith)
_GLOBAL = "global:"

_Line = tuple[ast.AST | None, str]
"""A function and a connection in it: what happens there happens in the order of the text."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Spoken:
    """A statement that opens or ends a transaction, in the program's own SQL."""

    function: ast.AST | None
    root: str
    start: int
    opens: bool
    end: TransactionEnd
    place: Place


@dataclass(frozen=True, slots=True, kw_only=True)
class _Opened:
    """A block of the program around a node."""

    block: Block
    root: str
    driver: str | None
    node: ast.expr


class Transactions:
    """Answers what transaction a node of one module runs in."""

    def __init__(self, module: Module, receivers: Receivers, drivers: Drivers, described: Iterable[Described]) -> None:
        self._module = module.open_all()
        self._receivers = receivers
        self._drivers = drivers
        self._described = {id(found.node): found for found in described}
        self._endings: dict[_Line, list[Described]] = defaultdict(list)
        self._last_commit: dict[_Line, int] = {}
        self._by_hand: dict[_Line, int] = {}
        self._switches: dict[_Line, list[tuple[int, Truth]]] = defaultdict(list)
        self._switching: dict[str, dict[Truth, set[ast.AST | None]]] = defaultdict(lambda: defaultdict(set))
        self._spoken: dict[_Line, list[Spoken]] = defaultdict(list)
        for found in self._described.values():  # in the order of the text
            self._note(found)
        self._blocks = self._all_blocks()
        self._find_made_by_hand()
        self._migration = _find_migration(module, drivers, receivers)

    def _note(self, found: Described) -> None:
        root = found.receiver.root or _global_root(found)
        if found.meaning.ends is not None and root:
            line = (self._module.function(found.node), root)
            self._endings[line].append(found)
            if found.meaning.ends is TransactionEnd.COMMIT:
                self._last_commit[line] = found.start
        makes_another = found.meaning.returns is not None if found.receiver.type is None else found.receiver.type.pool
        if makes_another or not root:
            return
        if found.meaning.autocommit or found.meaning.transactional:
            answers = {
                self._receivers.decide_autocommit(found.arguments, found.meaning, before)
                for before in (Truth.YES, Truth.NO)
            }
            if len(answers) == 1:
                function, truth = self._module.function(found.node), answers.pop()
                connection = found.receiver.connection or root
                self._switches[function, connection].append((found.start, truth))
                self._switching[connection][truth].add(function)

    def speak(self, spoken: Iterable[Spoken]) -> None:
        """Take notice of the transactions that the program opens and ends in SQL."""
        for word in sorted(spoken, key=_start):
            self._spoken[word.function, word.root].append(word)

    def context(self, node: ast.AST, receiver: Receiver, start: int) -> TransactionContext:
        """Return the transaction that a node runs in which uses `receiver`, at its place in the order of execution."""
        held = self.held(node, receiver, start)
        if held is not None:
            return held
        function = self._module.function(node)
        return self._by_default(function, receiver, self._autocommit(function, receiver, start), start)

    def held(self, node: ast.AST, receiver: Receiver, start: int) -> TransactionContext | None:
        """Return the transaction that the node's own function decides, or the kind of file; None where neither does."""
        function = self._module.function(node)
        autocommit = self._autocommit(function, receiver, start)
        opened = self._enclosing(node, receiver)
        if opened is not None:
            found = self._in_block(opened, autocommit, function, receiver, start)
            if found is not None:
                return found
        spoken = self._spoken_around(function, receiver, start)
        if spoken is not None:
            return spoken
        test = assured(self._module, node)
        if test is not None:
            block = self._of_run(f"test:{self._module.span(test).start}", function)
            return TransactionContext(kind=Transaction.EXPLICIT, block=block, certainty=Confidence.MEDIUM)
        if self._migration is not None and _may_be(receiver, self._migration[0]):
            return replace(self._migration[1], block=self._of_run(self._migration[1].block, function))
        return None

    def is_switched(self, function: ast.AST, receiver: Receiver, start: int) -> bool:
        """Return whether a function itself has told its connection to be in autocommit or not, or opened a block."""
        switches = self._switches.get((function, receiver.connection), ())
        return bisect_left(switches, start, key=itemgetter(0)) > 0 or self._opened_by_hand(function, receiver, start)

    def opened_around(self, node: ast.AST) -> TransactionContext | None:
        """Return the transaction that a block around a node opens, of whichever connection."""
        for opened in self._around(node):
            if opened.block.kind is Transaction.EXPLICIT:
                block = f"{self._module.span(opened.node).start}"
                return TransactionContext(
                    kind=Transaction.EXPLICIT,
                    block=block,
                    end=opened.block.end,
                    opened=self._module.place(opened.node),
                    certainty=Confidence.MEDIUM,
                )
        return None

    def has_endings(self, function: ast.AST, receiver: Receiver) -> bool:
        """Return whether a function itself commits or rolls back."""
        return bool(self._endings.get((function, receiver.root)))

    # ---------------------------------------------------------------- blocks

    def _all_blocks(self) -> tuple[_Opened, ...]:
        expressions = entries(self._module)
        return tuple(opened for expr in expressions if (opened := self._block_of(expr)) is not None)

    def _block_of(self, expr: ast.expr) -> _Opened | None:
        """Return the block that `with expr:` opens."""
        found = self._described.get(id(expr.value if isinstance(expr, ast.Await) else expr))
        if found is not None and found.meaning.block is not None:
            root = self._receivers.of(expr).root or found.receiver.root or _global_root(found)
            block = found.meaning.block
            if any_holds(found.arguments, found.meaning.rolls_back) is Truth.YES:
                block = replace(block, end=TransactionEnd.ROLLBACK)
            return _Opened(block=block, root=root, driver=found.driver, node=expr)
        if isinstance(expr, ast.Call) and found is None:
            return None
        receiver = self._receivers.of(expr)
        if receiver.type is None or receiver.type.block is None or receiver.certainty is not Certainty.KNOWN:
            return None
        return _Opened(block=receiver.type.block, root=receiver.root, driver=receiver.type.driver, node=expr)

    def _enclosing(self, node: ast.AST, receiver: Receiver) -> _Opened | None:
        """Return the innermost block around a node that concerns its connection, decorators included."""
        implicit: _Opened | None = None
        for opened in self._around(node):
            if not _concerns(opened, receiver):
                continue
            if opened.block.kind is not Transaction.IMPLICIT:
                return opened
            implicit = implicit or opened
        if implicit is not None:
            return implicit
        return self._handed_out.get(receiver.root)

    @cached_property
    def _handed_out(self) -> Mapping[str, _Opened]:
        """The first block of each connection that hands it to a caller."""
        blocks: dict[str, _Opened] = {}
        for opened in self._blocks:
            if opened.root.startswith(_GLOBAL):  # hands out nothing: who enters it is in it, and nobody else
                continue
            if opened.root not in blocks and self._yields(opened):
                blocks[opened.root] = opened
        return blocks

    def _around(self, node: ast.AST) -> Iterator[_Opened]:
        for expr in entered(self._module, node):
            opened = self._block_of(expr)
            if opened is not None:
                yield opened
        function = wrapped(self._module, node)
        if function is not None:
            yield from self._decorators(function)

    def _decorators(self, function: ast.FunctionDef | ast.AsyncFunctionDef) -> Iterator[_Opened]:
        for decorator in function.decorator_list:
            if isinstance(decorator, ast.Call):
                opened = self._block_of(decorator)
                if opened is not None:
                    yield opened
                continue
            found = self._receivers.function(decorator)
            if found is not None and found[2].block is not None:
                yield _Opened(block=found[2].block, root=f"{_GLOBAL}{found[1]}", driver=found[1], node=decorator)

    def _yields(self, opened: _Opened) -> bool:
        """Return whether a block hands its connection to the caller: a context manager or fixture of this file."""
        statement = next(
            (
                ancestor
                for ancestor in self._module.ancestors(opened.node)
                if isinstance(ancestor, ast.With | ast.AsyncWith)
            ),
            None,
        )
        return statement is not None and any(
            isinstance(inner, ast.Yield) for child in statement.body for inner in ast.walk(child)
        )

    def _in_block(
        self, opened: _Opened, autocommit: Truth, function: ast.AST | None, receiver: Receiver, start: int
    ) -> TransactionContext | None:
        block = opened.block
        place = self._module.place(opened.node)
        if block.kind is Transaction.AUTOCOMMIT:
            return TransactionContext(kind=Transaction.AUTOCOMMIT, opened=place)
        depends = block.kind is Transaction.IMPLICIT or block.void_in_autocommit
        if depends and autocommit is not Truth.NO:
            if block.kind is Transaction.IMPLICIT:
                return None
            kind = Transaction.AUTOCOMMIT if autocommit is Truth.YES else Transaction.UNKNOWN
            return TransactionContext(kind=kind)
        if block.kind is Transaction.IMPLICIT and self._spoken_around(function, receiver, start) is not None:
            return None
        since = self._module.span(opened.node).start
        count, end = self._endings_around(function, receiver.root, since, start, until=self._end_of(opened))
        return TransactionContext(
            kind=block.kind,
            block=self._of_run(f"{since}:{count}", None if self._is_opened_in(opened, function) else function),
            end=end or block.end,
            opened=place if block.kind is Transaction.EXPLICIT else None,
        )

    def _is_opened_in(self, opened: _Opened, function: ast.AST | None) -> bool:
        return function is None or self._module.function(opened.node) is function

    def _of_run(self, block: str | None, function: ast.AST | None) -> str | None:
        """Return a block's name for one run of a function that does not open it itself: each run has its own."""
        if block is None or function is None:
            return block
        return f"{block}@{self._module.span(function).start}"

    def _end_of(self, opened: _Opened) -> int | None:
        """Return where the `with` statement of a block ends; None where a decorator opens it."""
        around = self._module.ancestors(opened.node)
        statement = next((each for each in around if isinstance(each, (*_WITHS, *_FUNCTIONS))), None)
        return self._module.span(statement).end if isinstance(statement, _WITHS) else None

    def _endings_around(
        self, function: ast.AST | None, root: str, since: int, start: int, *, until: int | None = None
    ) -> tuple[int, TransactionEnd | None]:
        """Return how many commits and rollbacks come before a place, and what the next one after it is.

        `until` is where a block ends the transaction itself: what is called later ends another one.
        """
        here: Sequence[Described] = self._endings.get((function, root), ())
        if until is not None:
            here = here[: bisect_right(here, until, key=_start)]
        first = bisect_right(here, since, key=_start)
        next_ = max(first, bisect_right(here, start, key=_start))
        end = here[next_].meaning.ends if next_ < len(here) else None
        if max(since, start) < self._last_commit.get((function, root), -1) <= (until or math.inf):
            end = TransactionEnd.COMMIT
        return next_ - first, end

    # ---------------------------------------------------------------- the program's own SQL

    def _spoken_around(self, function: ast.AST | None, receiver: Receiver, start: int) -> TransactionContext | None:
        words = self._spoken.get((function, receiver.root), ()) if receiver.root else ()
        first, next_ = bisect_left(words, start, key=_start), bisect_right(words, start, key=_start)
        before = words[first - 1] if first else None
        after = next((word for word in words[next_:] if not word.opens), None)
        if before is None or not before.opens:
            return None
        end = TransactionEnd.UNKNOWN if after is None else after.end
        return TransactionContext(kind=Transaction.EXPLICIT, block=f"sql:{before.start}", end=end, opened=before.place)

    # ---------------------------------------------------------------- the connection itself

    def _autocommit(self, function: ast.AST | None, receiver: Receiver, start: int) -> Truth:
        if not receiver.root:
            return receiver.autocommit
        here = self._switches.get((function, receiver.connection), ())
        before = bisect_left(here, start, key=itemgetter(0))
        if before:
            return here[before - 1][1]
        # Under its root it is known where it is made: what the maker tells it holds for whoever gets it.
        others = {
            truth
            for connection in {receiver.connection, receiver.root}
            for truth, functions in self._switching.get(connection, {}).items()
            if functions - {function}
        }
        if not others:
            return receiver.autocommit
        return others.pop() if len(others) == 1 else Truth.MAYBE

    def _by_default(
        self, function: ast.AST | None, receiver: Receiver, autocommit: Truth, start: int
    ) -> TransactionContext:
        if receiver.certainty not in {Certainty.KNOWN, Certainty.GUESSED} or receiver.type is None:
            return TransactionContext()
        kind = self._default_kind(function, receiver, autocommit, start)
        if kind not in {Transaction.IMPLICIT, Transaction.EXPLICIT}:
            return TransactionContext(kind=kind)
        count, end = self._endings_around(function, receiver.root, -1, start)
        if kind is Transaction.IMPLICIT:
            count += self._handings_out(function, receiver, start)
        name = 0 if function is None else self._module.span(function).start
        block = f"{receiver.root}:{name}:{count}" if receiver.root else None
        is_committed = receiver.type.transaction is Transaction.EXPLICIT
        default = TransactionEnd.COMMIT if is_committed else TransactionEnd.UNKNOWN
        return TransactionContext(kind=kind, block=block, end=end or default)

    def _handings_out(self, function: ast.AST | None, receiver: Receiver, start: int) -> int:
        """Return how often a function has given control to a caller that has the connection, too, and may commit."""
        if not isinstance(function, FunctionNode):
            return 0
        own = is_made_in(self._module, function, receiver.root)
        return sum(
            isinstance(node, ast.Yield) and self._module.span(node).start < start and not (own and node.value is None)
            for node in self._module.returns.get(function, ())
        )

    def _default_kind(self, function: ast.AST | None, receiver: Receiver, autocommit: Truth, start: int) -> Transaction:
        kind = receiver.transaction
        if autocommit is Truth.YES:
            kind = Transaction.AUTOCOMMIT
        elif autocommit is Truth.MAYBE and kind is not Transaction.EXPLICIT:
            kind = Transaction.UNKNOWN
        elif kind is Transaction.AUTOCOMMIT and self._is_switched_off(function, receiver, start):
            return Transaction.IMPLICIT
        if kind is not Transaction.AUTOCOMMIT:
            return kind
        if self._opened_by_hand(function, receiver, start):
            return Transaction.EXPLICIT
        return Transaction.UNKNOWN if self._opened_by_others(function, receiver) else kind

    def _is_switched_off(self, function: ast.AST | None, receiver: Receiver, start: int) -> bool:
        """Return whether a function has told a connection to leave the autocommit that it starts with."""
        switches = self._switches.get((function, receiver.connection), ())
        before = bisect_left(switches, start, key=itemgetter(0))
        return before > 0 and switches[before - 1][1] is Truth.NO

    def _opened_by_hand(self, function: ast.AST | None, receiver: Receiver, start: int) -> bool:
        """Return whether a block was made before and not entered by `with`: `tx = conn.transaction(); tx.start()`."""
        made = self._by_hand.get((function, receiver.root))
        if made is None or made >= start:
            return False
        return self._endings_around(function, receiver.root, made, start)[0] == 0

    def _find_made_by_hand(self) -> None:
        entered = {id(opened.node) for opened in self._blocks}
        for found in self._described.values():
            block, root = found.meaning.block, found.receiver.root
            if block is None or block.kind is not Transaction.EXPLICIT or not root or id(found.node) in entered:
                continue
            line = (self._module.function(found.node), root)
            self._by_hand[line] = min(found.start, self._by_hand.get(line, found.start))

    def _opened_by_others(self, function: ast.AST | None, receiver: Receiver) -> bool:
        """Return whether another function opens blocks on the same connection, and may call this one within."""
        if receiver.root.startswith(_GLOBAL):
            return False
        return bool(self._opening.get(receiver.root, frozenset()) - {function})

    @cached_property
    def _opening(self) -> Mapping[str, set[ast.AST | None]]:
        """The functions that open blocks on each connection."""
        functions: dict[str, set[ast.AST | None]] = defaultdict(set)
        for opened in self._blocks:
            if opened.block.kind is Transaction.EXPLICIT and opened.root:
                functions[opened.root].add(self._module.function(opened.node))
        return functions


def _start(item: Described | Spoken) -> int:
    return item.start


def read_transaction_word(text: str) -> tuple[bool, TransactionEnd] | None:
    """Return whether a SQL text opens (or ends) a transaction, and how it ends; None for anything else."""
    if _OPENS.match(text):
        return True, TransactionEnd.UNKNOWN
    if _ENDS.match(text):
        word = text.split(maxsplit=1)[0].rstrip(";").upper()
        return False, TransactionEnd.COMMIT if word in {"COMMIT", "END"} else TransactionEnd.ROLLBACK
    return None


def _global_root(found: Described) -> str:
    return f"{_GLOBAL}{found.driver}" if found.receiver.type is None else ""


def _concerns(opened: _Opened, receiver: Receiver) -> bool:
    """Return whether a block is one of the connection behind a receiver."""
    if opened.root.startswith(_GLOBAL):
        return receiver.root.startswith(opened.root) or _may_be(receiver, opened.driver)
    return bool(opened.root) and opened.root in receiver.root.split("|")


def _may_be(receiver: Receiver, driver: str | None) -> bool:
    """Return whether a receiver can be a connection of a driver that keeps one connection for everybody."""
    return receiver.type is None or receiver.type.driver in {driver, None}


def _find_migration(
    module: Module, drivers: Drivers, receivers: Receivers
) -> tuple[str | None, TransactionContext] | None:
    """Return the driver and the transaction of a file whose code a migration tool runs inside one of its own."""
    for owner in module.classes:
        for base in owner.bases:
            type_ = drivers.types.get(module.qualified_name(base) or "")
            if type_ is None or not type_.class_body:
                continue
            if any(_switches_off(module, statement, type_, receivers) for statement in owner.body):
                return type_.driver, TransactionContext(kind=Transaction.AUTOCOMMIT)
            return type_.driver, TransactionContext(
                kind=type_.transaction, block="migration", end=TransactionEnd.COMMIT
            )
    return None


def _switches_off(module: Module, statement: ast.stmt, type_: Type, receivers: Receivers) -> bool:
    match statement:
        case ast.Assign(targets=[ast.Name(id=name)], value=value) if name in type_.class_body:
            arguments = Arguments.of_value(module, value)
            return receivers.decide_autocommit(arguments, type_.class_body[name], Truth.NO) is Truth.YES
        case _:
            return False
