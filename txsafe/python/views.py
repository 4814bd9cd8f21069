"""One file of the program as the analysis sees it: what several of its steps ask of a module, each worked out once.

In go a `Module` and the `Drivers`, out come the module's receivers, guards, described calls and transactions, when they
are asked for; `View.of` gives the same of another file of the program.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

from txsafe.python.described import describe
from txsafe.python.guards import Guards
from txsafe.python.local_calls import LocalCalls
from txsafe.python.receivers import Receivers
from txsafe.python.search import Search
from txsafe.python.surroundings import Surroundings
from txsafe.python.transactions import Transactions

if TYPE_CHECKING:
    import ast
    from collections.abc import Mapping

    from txsafe.catalog.drivers import Drivers
    from txsafe.python.described import Described
    from txsafe.python.scopes import Module


@dataclass(frozen=True, eq=False)
class View:
    """A module and what is known of it."""

    module: Module
    drivers: Drivers
    receivers: Receivers
    declared: Mapping[str, int] = field(default_factory=dict)
    """Qualified name of a function → position of its argument that is SQL, as the project declares them."""
    search: Search = field(default_factory=Search)
    _others: dict[Module, View] = field(default_factory=dict)

    @classmethod
    def of_file(cls, module: Module, drivers: Drivers, *, declared: Mapping[str, int]) -> View:
        """Return the view of the file that is analysed."""
        view = cls(module, drivers, Receivers(module, drivers), declared)
        view._others[module] = view
        return view

    def of(self, module: Module) -> View:
        """Return the view of another file of the program."""
        known = self._others.get(module)
        if known is None:
            receivers = self.receivers.elsewhere(module)
            known = self._others[module] = View(
                module, self.drivers, receivers, self.declared, self.search, self._others
            )
        return known

    def dissolve(self) -> None:
        """Let go of all that was found, here and in the other files; nothing can be asked of any of them any more.

        Their parts know each other in circles, and would keep whole trees until the next garbage collection.
        """
        self.receivers.dissolve()
        for view in tuple(self._others.values()):
            vars(view).clear()

    @cached_property
    def guards(self) -> Guards:
        """What is written for another database."""
        return Guards(self.module, self.drivers)

    @cached_property
    def described(self) -> tuple[Described, ...]:
        """What a driver file describes."""
        return describe(self.module, self.receivers, self.drivers, sinks=self.declared)

    @cached_property
    def _by_node(self) -> Mapping[ast.AST, Described]:
        return {one.node: one for one in self.described}

    def described_at(self, node: ast.AST) -> Described | None:
        """Return what a driver file says of a call, an assignment's target or a read."""
        return self._by_node.get(node)

    @cached_property
    def local_calls(self) -> LocalCalls:
        """Which calls of the file are of its own functions."""
        return LocalCalls(self.module, self.receivers)

    @cached_property
    def transactions(self) -> Transactions:
        """The transactions that the functions of the file open."""
        return Transactions(self.module, self.receivers, self.drivers, self.described)

    def may_open(self, driver: str) -> bool:
        """Return whether the file's text has a word that opens or ends transactions of a driver's connections."""
        return any(name in self.module.source.text for name in self.drivers.opening.get(driver, ()))

    @cached_property
    def surroundings(self) -> Surroundings:
        """The same, with those that their callers hold."""
        return Surroundings(self)
