"""A node and the connection it uses → the transaction that it runs in, callers included.

In goes a viewed file; out come `TransactionContext`s. What a function decides for itself is `transactions`' answer.
Where it does not, and the connection is not its own, its callers are asked what they hold: one that is surely outside
a transaction decides, with the calls on the way as the trail; a function that is only called inside one is inside.
Depth and number of calls are bounded and cycles end; what was not seen lowers the certainty.
"""

from __future__ import annotations

import ast
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, TypeAlias

from txsafe.model import Confidence, Related, Transaction, TransactionContext
from txsafe.python.callers import Unseen, callers_of
from txsafe.python.callsites import is_made_in, parameter_at
from txsafe.python.openers import held_around
from txsafe.python.requests import in_request
from txsafe.python.search import Reach

if TYPE_CHECKING:
    from collections.abc import Sequence

    from txsafe.python.callsites import CallSite
    from txsafe.python.receiver import Receiver
    from txsafe.python.scopes import FunctionNode
    from txsafe.python.views import View

_DEPTH = 6
"""Callers of callers."""
_MOST_QUESTIONS = 2_000
"""Functions of one file whose callers are asked."""
_MOST_TOLD = 3
"""Calls that a trail names."""
_GLOBAL = "global:"
_SELF = "self:"

_Question: TypeAlias = "tuple[FunctionNode, str, Reach]"
"""A function, the root of a connection that it does not make itself, and where callers are looked for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Held:
    """What the callers of a function hold."""

    contexts: tuple[TransactionContext, ...]
    unseen: Unseen


class Surroundings:
    """Answers what transaction a node of one file runs in."""

    def __init__(self, view: View) -> None:
        self._view = view
        self._module = view.module
        self._known: dict[_Question, _Held] = {}
        self._asked: set[_Question] = set()
        self._left = _MOST_QUESTIONS

    def context(
        self, node: ast.AST, receiver: Receiver, start: int, *, reach: Reach = Reach.PROGRAM
    ) -> TransactionContext:
        """Return the transaction that a node runs in which uses `receiver`, at its place in the order of execution."""
        self._view.search.reach = reach
        return self.at_depth(node, receiver, start, depth=_DEPTH) or TransactionContext()

    def at_depth(self, node: ast.AST, receiver: Receiver, start: int, *, depth: int) -> TransactionContext | None:
        """Return the same, with so many callers of callers; None where the question is already being asked."""
        held = self.held(node, receiver, start, depth=depth)
        if held is not None:
            return held
        alone = self._alone(node, receiver, start)
        function = self._module.function(node)
        if function is None or not self._is_handed_in(function, receiver, start):
            return alone
        if (function, receiver.root, self._view.search.reach) in self._asked:
            return None
        found = self._by_callers(function, receiver, depth)
        combined = _combined(alone, found, self._own_block(function))
        return combined if found.contexts else in_request(self._view, function, receiver, combined)

    def held(self, node: ast.AST, receiver: Receiver, start: int, *, depth: int) -> TransactionContext | None:
        """Return the transaction that is decided by the node's own function and what wraps its code; None for none."""
        held = None if self._is_idle(receiver) else self._view.transactions.held(node, receiver, start)
        return held or held_around(self._view, node, receiver, depth)

    def _alone(self, node: ast.AST, receiver: Receiver, start: int) -> TransactionContext:
        if self._is_idle(receiver):
            return TransactionContext(kind=Transaction.AUTOCOMMIT)
        return self._view.transactions.context(node, receiver, start)

    def _is_idle(self, receiver: Receiver) -> bool:
        """Return whether nothing in the file can touch the transaction of a connection that everybody shares.

        Then the file need not be described, which is most of the cost of a look into it.
        """
        if not receiver.root.startswith(_GLOBAL) or receiver.type is None or receiver.type.driver is None:
            return False
        return receiver.transaction is Transaction.AUTOCOMMIT and not self._view.may_open(receiver.type.driver)

    def _is_handed_in(self, function: FunctionNode, receiver: Receiver, start: int) -> bool:
        """Return whether a connection comes to a function from outside, as the callers left it."""
        if not receiver.root:
            return False
        if self._is_idle(receiver):
            return True
        transactions = self._view.transactions
        if transactions.is_switched(function, receiver, start) or transactions.has_endings(function, receiver):
            return False
        return any(not is_made_in(self._module, function, root) for root in receiver.root.split("|"))

    def _own_block(self, function: FunctionNode) -> str | None:
        """Return a name for what a function's statements share; None where a caller goes on between them."""
        if any(isinstance(node, ast.Yield) for node in self._module.returns.get(function, ())):
            return None
        return f"callers:{self._module.span(function).start}"

    # ---------------------------------------------------------------- callers

    def _by_callers(self, function: FunctionNode, receiver: Receiver, depth: int) -> _Held:
        question = function, receiver.root, self._view.search.reach
        known = self._known.get(question)
        if known is not None:
            return known
        if depth == 0 or self._left == 0:
            return _Held(contexts=(), unseen=Unseen.PROBABLY)
        self._left -= 1
        self._asked.add(question)
        callers = callers_of(self._view, function)
        found = [self._at(site, receiver, depth - 1) for site in callers.sites]
        self._asked.discard(question)
        held = _Held(contexts=tuple(each for each in found if each is not None), unseen=callers.unseen)
        if len(held.contexts) == len(found) or depth == _DEPTH:  # what a circle has cut short is not the answer
            self._known[question] = held
        return held

    def _at(self, site: CallSite, receiver: Receiver, depth: int) -> TransactionContext | None:
        """Return the transaction in which a call hands on, or shares, a connection; None in a circle of calls."""
        seen = self._seen_at(site, receiver)
        if seen is None:
            return TransactionContext()
        start = site.view.module.span(site.call).end
        context: TransactionContext | None = TransactionContext(kind=site.transaction or Transaction.UNKNOWN)
        if site.transaction is None:
            context = site.view.surroundings.at_depth(site.call, seen, start, depth=depth)
        if context is not None and context.block is not None and site.view is not self._view:
            context = replace(context, block=f"{site.view.module.source.path}:{context.block}")
        if context is None or context.kind is not Transaction.AUTOCOMMIT:
            return context
        called = Related(place=site.view.module.place(site.call), message="called here outside a transaction")
        return replace(context, trail=(*context.trail, called))

    def _seen_at(self, site: CallSite, receiver: Receiver) -> Receiver | None:
        """Return a connection of the called function as the caller has it."""
        for root in receiver.root.split("|"):
            parameter = parameter_at(self._module, site.function, root)
            if parameter is not None:
                argument = site.argument(parameter)
                return None if argument is None else site.view.receivers.of(argument)
            made = site.made_with(self._module, root)
            if made is not None:
                return site.view.receivers.of(made)
        if site.view.module is self._module or receiver.root.startswith((_GLOBAL, _SELF)):
            return receiver
        return replace(receiver, root=f"{self._module.source.path}:{receiver.root}")


def _combined(alone: TransactionContext, held: _Held, own_block: str | None) -> TransactionContext:
    """Return what a function's statements run in that are not in a transaction of its own."""
    outside = [each for each in held.contexts if each.kind is Transaction.AUTOCOMMIT]
    if outside:
        surest = max(each.certainty.rank for each in outside)
        chosen = [each for each in outside if each.certainty.rank == surest]
        trail = dict.fromkeys(related for each in chosen for related in each.trail)
        return TransactionContext(
            kind=Transaction.AUTOCOMMIT, certainty=chosen[0].certainty, trail=tuple(trail)[:_MOST_TOLD]
        )
    inside = [each for each in held.contexts if each.kind in {Transaction.EXPLICIT, Transaction.IMPLICIT}]
    if inside and len(inside) == len(held.contexts) and held.unseen is not Unseen.PROBABLY:
        return _shared(inside, own_block)
    if alone.kind is not Transaction.AUTOCOMMIT or (held.unseen is Unseen.NO and not inside):
        return alone
    return replace(alone, certainty=Confidence.LOW if inside else Confidence.MEDIUM)


def _shared(inside: Sequence[TransactionContext], own_block: str | None) -> TransactionContext:
    """Return the transaction of a function that is only called in one."""
    kinds = {each.kind for each in inside}
    kind = kinds.pop() if len(kinds) == 1 else Transaction.IMPLICIT
    ends = {each.end for each in inside}
    blocks = {each.block for each in inside}
    if kind is Transaction.IMPLICIT:  # which whoever has the connection may commit in between
        block = own_block
    else:
        block = own_block if None in blocks else "|".join(sorted(filter(None, blocks)))
    return replace(
        inside[0],
        kind=kind,
        block=block,
        end=ends.pop() if len(ends) == 1 else TransactionContext().end,
        certainty=min(each.certainty for each in inside),
    )
