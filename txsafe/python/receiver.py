"""What is known of one object of a program: `Receiver`, and what becomes of several that an expression can be."""

from __future__ import annotations

import enum
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from txsafe.model import Transaction
from txsafe.python.arguments import Truth

if TYPE_CHECKING:
    import ast
    from collections.abc import Iterable

    from txsafe.catalog.drivers import Type
    from txsafe.python.arguments import Arguments
    from txsafe.python.scopes import Module


class Certainty(enum.Enum):
    """How a receiver is known."""

    KNOWN = "known"
    GUESSED = "guessed"
    """By its name."""
    FOREIGN = "foreign"
    """Known to be another database's, or no database's at all."""
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class Receiver:
    """What is known of the object behind an expression."""

    certainty: Certainty = Certainty.UNKNOWN
    type: Type | None = None
    owner: ast.ClassDef | None = None
    """The class of the project that it is an instance of."""
    home: Module | None = None
    """The file of that class, where it is another one."""
    root: str = ""
    """Two receivers with the same root, not empty, use the same connection."""
    got_at: int | None = None
    """Where a function of the program was called for it that makes a new one each time: one root, many connections."""
    elsewhere: bool = False
    """It was handed in: what was done to it before is not in view."""
    autocommit: Truth = Truth.NO
    made: Arguments | None = None
    """Arguments of the call that made the connection or the pool."""
    route: tuple[str, ...] = ()
    """Names that its connection goes by."""

    @property
    def connection(self) -> str:
        """Return a name for its connection: the root, and which of the many that are made at one place."""
        return self.root if self.got_at is None or not self.root else f"{self.root}@{self.got_at}"

    @property
    def transaction(self) -> Transaction:
        """Return the transaction that its statements run in if nothing around them says otherwise."""
        if self.type is None:
            return Transaction.UNKNOWN
        kind = self.type.elsewhere if self.elsewhere else self.type.transaction
        if kind is Transaction.EXPLICIT or self.autocommit is Truth.NO:
            return kind
        return Transaction.AUTOCOMMIT if self.autocommit is Truth.YES else Transaction.UNKNOWN


NOTHING = Receiver()
FOREIGN = Receiver(certainty=Certainty.FOREIGN)


def combine(receivers: Iterable[Receiver]) -> Receiver:
    """Return what an object is that can be any of these."""
    found = list(receivers)
    known = [receiver for receiver in found if receiver.certainty is Certainty.KNOWN]
    foreign = any(receiver.certainty is Certainty.FOREIGN for receiver in found)
    if known:
        first = known[0]
        types = {receiver.type.name for receiver in known if receiver.type is not None}
        autocommit = first.autocommit if len({receiver.autocommit for receiver in known}) == 1 else Truth.MAYBE
        certainty = Certainty.GUESSED if foreign else Certainty.KNOWN
        same = len({receiver.root for receiver in known}) == 1
        root = first.root if same else "|".join(receiver.root for receiver in known)
        chosen = replace(first, certainty=certainty, autocommit=autocommit, root=root)
        return chosen if len(types) < 2 else replace(chosen, elsewhere=True)
    if foreign:
        return FOREIGN
    guessed = next((receiver for receiver in found if receiver.certainty is Certainty.GUESSED), None)
    if guessed is not None:
        return guessed
    return next((receiver for receiver in found if receiver.owner is not None), NOTHING)
