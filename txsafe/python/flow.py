"""Which bindings of a name are in force where it is read.

In goes a name as it is read, out come its bindings: along straight lines the last one, after a branch those of both
sides, in a loop those of the round before as well. Read from the block structure alone; `goto`-like jumps (`break`,
`continue`, exceptions) are taken to join at the next block.
"""

from __future__ import annotations

import ast
import bisect
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from txsafe.python.scopes import Binding, BindingKind, Module, Scope, ScopeKind, position

if TYPE_CHECKING:
    from collections.abc import Sequence

_END = 1 << 60
_JUMPS = (ast.Return, ast.Raise)
_TRIES = (ast.Try, ast.TryStar)
_LOOPS = (ast.For, ast.AsyncFor, ast.While)


def reaching(module: Module, name: ast.Name) -> tuple[Binding, ...]:
    """Return the bindings that can be in force where a name is read, in the file's order."""
    scope = module.scope(name)
    owner = scope.owner(name.id)
    if owner is None:
        return ()
    bindings = owner.bindings[name.id]
    if len(bindings) == 1 or owner.kind in {ScopeKind.COMPREHENSION, ScopeKind.LAMBDA}:
        return tuple(bindings)
    flow = _flow_of(module, owner, name.id)
    found = flow.at(name) if _is_inline(scope, owner) else flow.at_end()
    chosen = {*found, *flow.foreign}
    return tuple(sorted(chosen, key=flow.order.__getitem__)) or owner.own(name.id)


def _is_inline(scope: Scope, owner: Scope) -> bool:
    """Return whether code of `scope` runs where it stands in `owner`, not when a function is called later."""
    inner: Scope | None = scope
    while inner is not None and inner is not owner:
        if inner.kind in {ScopeKind.FUNCTION, ScopeKind.LAMBDA}:
            return False
        inner = inner.parent
    return inner is owner


def _flow_of(module: Module, owner: Scope, name: str) -> _Flow:
    key = (_Flow, owner.node, name)
    flow = module.memory.get(key)
    if not isinstance(flow, _Flow):
        flow = _Flow(module, owner.node)
        for binding in owner.own(name):
            flow.add(binding, owner)
        module.memory[key] = flow
    return flow


@dataclass(slots=True, eq=False)
class _Flow:
    """One name of one scope: which statements bind it, by block."""

    module: Module
    root: ast.AST
    blocks: dict[tuple[ast.AST, str], list[ast.AST]] = field(default_factory=dict)
    """By parent and field: the statements of that block that bind, in order."""
    order: dict[Binding, int] = field(default_factory=dict)
    headers: dict[ast.AST, list[Binding]] = field(default_factory=dict)
    """By the innermost statement, handler or case: what it binds itself."""
    entry: list[Binding] = field(default_factory=list)
    """Parameters."""
    foreign: set[Binding] = field(default_factory=set)
    """Bound from another function (`global`, `nonlocal`): in force at any time."""

    def add(self, binding: Binding, owner: Scope) -> None:
        self.order[binding] = len(self.order)
        if binding.kind is BindingKind.PARAMETER:
            self.entry.append(binding)
            return
        if not _is_inline(self.module.scope(binding.node), owner):
            self.foreign.add(binding)
            return
        node = binding.node
        innermost = True
        while node is not self.root:
            slot = self.module.slots.get(node)
            parent = self.module.parents[node]
            if slot is not None:
                if innermost:
                    self.headers.setdefault(node, []).append(binding)
                    innermost = False
                block = self.blocks.setdefault((parent, slot[0]), [])
                if not block or block[-1] is not node:
                    block.append(node)
            node = parent

    # ------------------------------------------------------------ from a use outwards

    def at_end(self) -> list[Binding]:
        found: list[Binding] = []
        if not self.before(self.root, "body", _END, found):
            found += self.entry
        return found

    def at(self, use: ast.AST) -> list[Binding]:
        found: list[Binding] = []
        node = use
        is_header = True
        while node is not self.root:
            parent = self.module.parents[node]
            slot = self.module.slots.get(node)
            if slot is not None:
                if is_header and self.walrus(node, use, found):
                    return found
                is_header = False
                field_name, index = slot
                straight = field_name not in {"handlers", "cases"}
                if straight and self.before(parent, field_name, index, found):
                    return found
                if self.entered(parent, field_name, found):
                    return found
            node = parent
        return found + self.entry

    def walrus(self, statement: ast.AST, use: ast.AST, found: list[Binding]) -> bool:
        """Add `:=` of the same statement before the use."""
        earlier = [
            binding
            for binding in self.headers.get(statement, ())
            if isinstance(binding.node, ast.NamedExpr) and position(binding.node) < position(use)
        ]
        found += earlier
        return bool(earlier)

    def entered(self, parent: ast.AST, field_name: str, found: list[Binding]) -> bool:
        """Add what a compound statement binds before one of its blocks is entered; return whether surely."""
        own = self.headers.get(parent, [])
        if isinstance(parent, _LOOPS):
            surely = bool(own) and (field_name == "body" or isinstance(parent, ast.While))
            found += own
            if not surely:
                self.before(parent, "body", _END, found)
            return surely
        if isinstance(parent, _TRIES):
            return self.entered_try(parent, field_name, found)
        if isinstance(parent, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            return False
        found += own
        return bool(own)

    def entered_try(self, parent: ast.Try | ast.TryStar, field_name: str, found: list[Binding]) -> bool:
        match field_name:
            case "orelse":
                return self.before(parent, "body", _END, found)
            case "handlers":
                self.everything(parent, "body", found)
            case "finalbody":
                for block in ("body", "orelse"):
                    self.everything(parent, block, found)
                for handler in parent.handlers:
                    self.everything(handler, "body", found)
        return False

    def everything(self, parent: ast.AST, field_name: str, found: list[Binding]) -> None:
        """Add what any statement of a block binds: an exception can leave it anywhere."""
        for statement in self.blocks.get((parent, field_name), ()):
            self.leave(statement, found)

    # ------------------------------------------------------------ from a block's end backwards

    def before(self, parent: ast.AST, field_name: str, limit: int, found: list[Binding]) -> bool:
        """Add what a block binds before an index; return whether it surely does."""
        marked = self.blocks.get((parent, field_name))
        if marked is None:
            return False
        below = bisect.bisect_left(marked, limit, key=self.index_of)
        return any(self.leave(statement, found) for statement in reversed(marked[:below]))

    def index_of(self, statement: ast.AST) -> int:
        return self.module.slots[statement][1]

    def leave(self, statement: ast.AST, found: list[Binding]) -> bool:
        """Add what is bound when a statement is done; return whether it surely binds."""
        own = self.headers.get(statement, [])
        match statement:
            case ast.If():
                return self.leave_if(statement, found)
            case ast.For() | ast.AsyncFor() | ast.While():
                found += own
                self.before(statement, "body", _END, found)
                self.before(statement, "orelse", _END, found)
                return False
            case ast.Try() | ast.TryStar():
                return self.leave_try(statement, found)
            case ast.With() | ast.AsyncWith():
                inside = self.before(statement, "body", _END, found)
                if not inside:
                    found += own
                return inside or bool(own)
            case ast.Match():
                return self.leave_match(statement, found)
        found += [binding for binding in own if binding.kind is not BindingKind.DELETE]
        return bool(own)

    def leave_if(self, statement: ast.If, found: list[Binding]) -> bool:
        """Follow the whole `elif` chain in a loop: it may be longer than the stack is deep."""
        surely = True
        while True:
            own = self.headers.get(statement, [])
            found += own
            surely = (self.branch(statement, "body", statement.body, found) or bool(own)) and surely
            following = statement.orelse
            if len(following) == 1 and isinstance(following[0], ast.If):
                statement = following[0]
                continue
            return bool(following) and self.branch(statement, "orelse", following, found) and surely

    def leave_try(self, statement: ast.Try | ast.TryStar, found: list[Binding]) -> bool:
        if self.before(statement, "finalbody", _END, found):
            return True
        surely = self.before(statement, "orelse", _END, found) or self.before(statement, "body", _END, found)
        for handler in statement.handlers:
            surely = self.branch(handler, "body", handler.body, found) and surely
        return surely

    def leave_match(self, statement: ast.Match, found: list[Binding]) -> bool:
        surely = True
        for case in statement.cases:
            found += self.headers.get(case, [])
            surely = self.branch(case, "body", case.body, found) and surely
        last = statement.cases[-1]
        wildcard = isinstance(last.pattern, ast.MatchAs) and last.pattern.pattern is None and last.guard is None
        return surely and wildcard

    def branch(self, parent: ast.AST, field_name: str, block: Sequence[ast.stmt], found: list[Binding]) -> bool:
        """Add what a branch binds; one that leaves the function counts as sure, since nothing comes after it."""
        if isinstance(block[-1], _JUMPS):
            return True
        return self.before(parent, field_name, _END, found) or isinstance(block[-1], ast.Continue | ast.Break)
