"""Settings of a connection that no known call takes → `ApiUse`s: `run(options="-c statement_timeout=0")`.

They travel to `connect` through functions and mappings that were not followed, but are written as nothing else is:
libpq's `options`, and asyncpg's `server_settings` beside other arguments of asyncpg's.
"""

from __future__ import annotations

import ast
import re
from types import MappingProxyType
from typing import TYPE_CHECKING

from txsafe.model import ApiUse, Confidence
from txsafe.python.arguments import Argument
from txsafe.python.keyed import keyed
from txsafe.python.names import last_name
from txsafe.python.scopes import BindingKind, position
from txsafe.python.sinks import scope_name
from txsafe.python.startup_options import read_options
from txsafe.python.values import Table, Text, evaluate

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from txsafe.model import Place
    from txsafe.python.views import View

_OPTIONS = re.compile(r"\s*-c\s*[a-z_]{3,}\s*=", re.IGNORECASE)
"""How `options` begins; a dot in the name would be git's as well as an extension's."""
_SPOKEN = re.compile(r"-c\s?(?:search_path|\w+_timeout|synchronous_commit|default_transaction_\w+|work_mem|jit)=\S")
"""What stands in a list of options without being said to be one."""
_BESIDE = frozenset(
    {
        "command_timeout", "database", "dsn", "host", "init", "max_size", "min_size", "password", "setup",
        "statement_cache_size", "user",
    }
)  # fmt: skip
"""Arguments of asyncpg's beside which `server_settings` is one of them; a port is what starts a server given, too."""


class Presumed:
    """Finds the settings of one module that nothing described has taken."""

    def __init__(self, view: View) -> None:
        self._view = view
        self._module = view.module
        text = view.module.source.text
        self._has_options = "-c" in text and "option" in text
        self._has_settings = "server_settings" in text

    def find(self, taken: Iterable[ApiUse]) -> Iterator[ApiUse]:
        """Yield a use for each parameter outside the places of the uses that were found already."""
        if not self._has_options and not self._has_settings:
            return
        places = [use.place for use in taken if use.api.startswith("startup-")]
        for use in (*self._options(), *self._server_settings()):
            if not any(_overlap(use.place, place) for place in places):
                yield use

    # ---------------------------------------------------------------- libpq's options

    def _options(self) -> Iterator[ApiUse]:
        for node, value in self._given("options") if self._has_options else ():
            for each in evaluate(self._module, value):
                if isinstance(each, Text) and _OPTIONS.match(each.template.text):
                    in_call = isinstance(node, ast.keyword)
                    place = self._module.place(node) if in_call else each.template.fragments[0].place
                    yield from self._parameters(node, each.template.text, place)
        for literal in self._module.strings if self._has_options else ():
            if isinstance(literal, ast.Constant) and isinstance(literal.value, str) and self._is_listed(literal):
                yield from self._parameters(literal, literal.value, self._module.place(literal))

    def _is_listed(self, literal: ast.Constant) -> bool:
        """Return whether a text is put into a list of options: `options.append("-c search_path=app")`."""
        if not _SPOKEN.match(str(literal.value)):
            return False
        match self._module.parent(literal):
            case ast.Call(func=ast.Attribute(attr="append" | "extend", value=target)):
                return "option" in last_name(target).lower()
        return False

    def _parameters(self, node: ast.AST, text: str, place: Place) -> Iterator[ApiUse]:
        for api, facts, where, _ in read_options(text, place):
            yield self._use(node, api, facts["name"], facts["value"], where, "options")

    # ---------------------------------------------------------------- asyncpg's server_settings

    def _server_settings(self) -> Iterator[ApiUse]:
        for node, value in self._given("server_settings") if self._has_settings else ():
            if not _BESIDE.isdisjoint(self._siblings(node)):
                yield from self._entries(node, value)

    def _entries(self, node: ast.AST, value: ast.expr) -> Iterator[ApiUse]:
        for table in evaluate(self._module, value):
            for key, values in table.entries if isinstance(table, Table) else ():
                if isinstance(key, Text):
                    where = key.template.fragments[0].place
                    name, said = key.template.text, Argument(values).text
                    yield self._use(node, "startup-parameter", name, said, where, "server_settings")

    def _siblings(self, node: ast.AST) -> frozenset[str]:
        """Return the names of what is given with a setting, in one call or mapping."""
        match self._module.parent(node):
            case ast.Call(keywords=keywords):
                return frozenset(keyword.arg for keyword in keywords if keyword.arg is not None)
            case ast.Dict(keys=keys):
                return frozenset(str(key.value) for key in keys if isinstance(key, ast.Constant))
            case _:
                return frozenset()

    # ---------------------------------------------------------------- both

    def _given(self, name: str) -> Iterator[tuple[ast.AST, ast.expr]]:
        """Yield where a setting is given a value by keyword or key, and not for another database."""
        for call in self._module.calls:
            yield from (
                (keyword, keyword.value)
                for keyword in call.keywords
                if keyword.arg == name and self._may_be_ours(keyword)
            )
        yield from (
            (key, value)
            for key, value in keyed(self._module)
            if key.value == name and self._may_be_ours(key) and self._leaves(key)
        )

    def _may_be_ours(self, node: ast.AST) -> bool:
        guards = self._view.guards
        return not guards.is_excluded(node) and not guards.is_named_foreign(node)

    def _leaves(self, key: ast.AST) -> bool:
        """Return whether a mapping with this key gets to where nobody has looked: not if a local name just has it."""
        child = key
        for ancestor in self._module.ancestors(key):
            match ancestor:
                case ast.Assign(targets=[ast.Name(id=name)]):
                    return self._gets_out(name, ancestor)
                case ast.Assign(targets=[ast.Subscript(value=ast.Name() as base)]):
                    bound = {binding.kind for binding in self._module.reaching(base)}
                    return BindingKind.PARAMETER in bound or self._gets_out(base.id, ancestor)
                case ast.Call() if child is not ancestor.func:
                    return self._view.described_at(ancestor) is None
                case ast.stmt():
                    return True
            child = ancestor
        return True

    def _gets_out(self, name: str, statement: ast.Assign) -> bool:
        function = self._module.function(statement)
        if function is None:
            return True
        later = (
            each for each in ast.walk(function) if isinstance(each, ast.Name) and position(each) > position(statement)
        )
        return any(self._is_handed_on(each, name) for each in later)

    def _is_handed_on(self, node: ast.Name, name: str) -> bool:
        """Return whether a name is returned, kept, or given to a function that no driver file describes."""
        if node.id != name or not isinstance(node.ctx, ast.Load):
            return False
        parent = self._module.parent(node)
        holder = self._module.parent(parent) if isinstance(parent, ast.keyword | ast.Starred) else parent
        match holder:
            case ast.Call(func=ast.Name(id="len" | "print" | "sorted" | "bool" | "repr" | "str")):
                return False
            case ast.Call():
                return holder.func is not parent and self._view.described_at(holder) is None
            case _:
                return isinstance(holder, ast.Return | ast.Yield | ast.Assign | ast.AnnAssign | ast.Dict | ast.Tuple)

    def _use(self, node: ast.AST, api: str, name: str, value: str, where: Place, carrier: str) -> ApiUse:
        return ApiUse(
            place=where,
            api=api,
            driver=None,
            facts=MappingProxyType({"name": name, "value": value, "carrier": carrier}),
            scope=scope_name(self._module, node),
            confidence=Confidence.MEDIUM,
        )


def _overlap(place: Place, other: Place) -> bool:
    return place.path == other.path and place.span.start < other.span.end and other.span.start < place.span.end
