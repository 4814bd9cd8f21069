"""What `described` found in a module → the SQL that it sends.

Out come `SqlSite`s, one for each alternative of each statement, and an `Unresolved` for every sink whose SQL is not in
view. SQL that a function of the file takes as a parameter is judged where the function is called.
"""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from txsafe.model import (
    HOLE_CHARACTERS,
    Confidence,
    Place,
    Related,
    Span,
    SqlSite,
    SqlTemplate,
    StatementKind,
    Transaction,
    TransactionContext,
    Unresolved,
)
from txsafe.python.arguments import Presence
from txsafe.python.callsites import parameter_at
from txsafe.python.docstrings import written_in
from txsafe.python.given import is_given
from txsafe.python.made_statements import procedure_calls, statements_in, temporary_table
from txsafe.python.receiver import Certainty
from txsafe.python.spoken import words_of_calls
from txsafe.python.statement_objects import is_statement_object
from txsafe.python.transactions import Spoken, read_transaction_word
from txsafe.python.values import Items, Text, Unknown, Value, evaluate, evaluate_through
from txsafe.python.wrappers import Passed, Wrappers, depends_on_parameters
from txsafe.sql import may_hold_session_state, read_statements

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from txsafe.python.arguments import Alternative
    from txsafe.python.described import Described
    from txsafe.python.scopes import FunctionNode, Module
    from txsafe.python.views import View

PREAMBLE = r"(?>(?:\s+|--[^\n]*(?:\n|\Z)|/\*.*?\*/|\()*)"
"""Space, comments and parentheses before a statement; atomic, so that hostile comments cost one pass."""
EVIDENT = re.compile(
    PREAMBLE + r"(?:SELECT|INSERT\s+INTO|UPDATE\s+\S+.{0,80}\sSET|DELETE\s+FROM|WITH\s+(?:RECURSIVE\s+)?\w+.{0,60}\sAS"
    r"|(?:CREATE|DROP|ALTER|TRUNCATE|CALL)\s+\w+|(?:COPY|PREPARE|EXECUTE|DECLARE|FETCH|LOCK)\s+\S+|MERGE\s+INTO|VALUES\s*\("
    r"|(?:GRANT|REVOKE|EXPLAIN|NOTIFY|DISCARD|SAVEPOINT|REINDEX)\s|REFRESH\s+MATERIALIZED|COMMENT\s+ON|START\s+TRANSACTION"
    r"|(?:VACUUM|ANALYZE|LISTEN|UNLISTEN|DEALLOCATE|BEGIN|COMMIT|ROLLBACK|CLUSTER|CHECKPOINT)\b|DO\s+['$]|LOAD\s+'"
    r"|SET\s+(?:LOCAL\s+|SESSION\s+)?[\w.\"]+\s*(?:=|\bTO\b)|SHOW\s+[\w.]+"
    r"|SET\s+(?:ROLE|TIME\s+ZONE|NAMES|SESSION|CONSTRAINTS|TRANSACTION)\b|(?:RESET|CLOSE)\s+[\w.]+\s*+(?:;\s*+)?\Z)",
    re.IGNORECASE | re.DOTALL,
)
"""What no text but SQL starts like, for objects of which nobody knows what they are."""

_CALL_ALONE = re.compile(
    r"(?!(?:analy[sz]e|cluster|copy|explain|reindex|vacuum|values)\b)[A-Za-z_][\w.]*\s*\(", re.IGNORECASE
)
"""A function call that is no statement: it is one with SELECT in front."""
_INDIFFERENT = frozenset(
    {
        StatementKind.QUERY, StatementKind.DDL, StatementKind.OTHER, StatementKind.SHOW, StatementKind.NOTIFY,
        StatementKind.COPY, StatementKind.EXPLAIN, StatementKind.BEGIN, StatementKind.COMMIT, StatementKind.ROLLBACK,
        StatementKind.SAVEPOINT,
    }
)  # fmt: skip
"""What is the same whoever calls: callers are looked for in the whole program, so not without need."""
_WRAPPER_DEPTH = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """What the sinks of a module come to."""

    sites: tuple[SqlSite, ...]
    unresolved: tuple[Unresolved, ...]
    sinks: int
    covered: frozenset[Span]
    """The literals that reached a sink."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Sink:
    """One SQL argument of one call, as seen from that call or from a caller of the function that makes it."""

    described: Described
    node: ast.expr
    """The call to point at and judge the transaction of."""
    alternatives: tuple[Alternative, ...]
    expr: ast.expr | None
    trail: tuple[Related, ...] = ()
    inner: TransactionContext | None = None


@dataclass(slots=True)
class _Found:
    sites: list[tuple[_Sink, SqlTemplate, bool]] = field(default_factory=list)
    unresolved: list[tuple[Unresolved, _Sink]] = field(default_factory=list)
    sinks: int = 0


class Sinks:
    """Finds what one module sends."""

    def __init__(self, view: View) -> None:
        self._view = view
        self._module = view.module
        self._receivers = view.receivers
        self._drivers = view.drivers
        self._guards = view.guards
        self._transactions = view.transactions
        self._wrappers = Wrappers(view)
        self._makes_temporary = False

    def find(self, described: Iterable[Described]) -> Sent:
        """Return the SQL that the described calls send."""
        found = _Found()
        wrapped = {call: passed for call, passed in self._wrappers.find() if not self._guards.is_excluded(call)}
        for one in described:
            if isinstance(one.node, ast.Call) and not self._guards.is_excluded(one.node):
                if one.node in wrapped and one.receiver.certainty is Certainty.KNOWN:
                    del wrapped[one.node]
                if one.node not in wrapped:
                    self._find_in(one, found)
        for call, passed in wrapped.items():
            self._find_wrapped(call, passed, found)
        self._transactions.speak(self._spoken(found.sites))
        self._makes_temporary = any("temp" in template.text.lower() for _, template, _ in found.sites)
        sites = _without_repeats(site for sent in found.sites if (site := self._site(*sent)) is not None)
        return Sent(
            sites=sites,
            unresolved=tuple(dict.fromkeys(one for one, sink in found.unresolved if not self._is_given(sink))),
            sinks=found.sinks,
            covered=frozenset(
                fragment.place.span
                for _, template, _ in found.sites
                for fragment in template.fragments
                if fragment.place.path == self._module.source.path
            ),
        )

    # ---------------------------------------------------------------- one call

    def _find_in(self, described: Described, found: _Found) -> None:
        for name in described.meaning.sql:
            argument = described.arguments.get(name)
            if argument.alternatives == (Presence.ABSENT,) or _is_hook(described, argument.alternatives):
                continue
            sink = _Sink(
                described=described, node=described.node, alternatives=argument.alternatives, expr=argument.expr
            )
            before = len(found.sites), len(found.unresolved)
            self._resolve(sink, found, _WRAPPER_DEPTH)
            found.sinks += (len(found.sites), len(found.unresolved)) != before or self._is_sure(described)
        if described.meaning.temporary is not None:
            self._add_made(described, temporary_table(self._module, described, described.meaning.temporary), found)
        if described.meaning.procedure is not None:
            for template in procedure_calls(self._module, described, described.meaning.procedure):
                self._add_made(described, template, found)

    def _add_made(self, described: Described, template: SqlTemplate | None, found: _Found) -> None:
        """Take in a statement that a call makes by itself."""
        if template is not None:
            sink = _Sink(described=described, node=described.node, alternatives=(), expr=None)
            found.sites.append((sink, template, False))

    def _find_wrapped(self, call: ast.Call, passed: Iterable[Passed], found: _Found) -> None:
        """Judge what a call hands to the sinks of other files as if it stood at the call."""
        before = len(found.sites)
        for one in passed:
            described = replace(one.described, receiver=replace(one.described.receiver, root=_root_of(call, one)))
            sink = _Sink(
                described=described,
                node=call,
                alternatives=(),
                expr=None,
                trail=one.trail,
                inner=one.context,
            )
            for alternative in evaluate_through(one.steps, one.home, one.expr):
                for template, parameters in statements_in(alternative):
                    self._add(sink, template, parameters, found)
        found.sinks += len(found.sites) != before

    def _is_sure(self, described: Described) -> bool:
        return described.driver is not None

    def _resolve(self, sink: _Sink, found: _Found, depth: int) -> None:
        for alternative in sink.alternatives:
            match alternative:
                case Unknown():
                    self._resolve_unknown(sink, alternative, found, depth)
                case Presence():
                    continue
                case _:
                    for template, parameters in statements_in(alternative):
                        self._add(sink, template, parameters, found)
                    for missing in _unknowns(alternative):
                        self._say_unresolved(sink, missing.reason, found)
        if sink.expr is not None and all(isinstance(alternative, Text) for alternative in sink.alternatives):
            self._follow_parameters(sink, found, depth)

    def _add(self, sink: _Sink, template: SqlTemplate, parameters: bool, found: _Found) -> None:  # noqa: FBT001
        text = template.text
        if not text.strip():
            return
        if _CALL_ALONE.match(text):
            first = template.fragments[0]
            prefix = replace(first, text="SELECT ", exact=False, hole=None)
            template = SqlTemplate(fragments=(prefix, *template.fragments))
        elif text.strip() in set(HOLE_CHARACTERS.values()):
            self._say_unresolved(sink, "computed", found)
            return
        elif not self._is_sure(sink.described) and not EVIDENT.match(text):
            return
        found.sites.append((sink, template, parameters))

    def _resolve_unknown(self, sink: _Sink, unknown: Unknown, found: _Found, depth: int) -> None:
        if sink.expr is not None and self._is_no_text(sink.expr):
            return
        if not self._follow_parameters(sink, found, depth):
            self._say_unresolved(sink, unknown.reason, found)

    def _is_no_text(self, expr: ast.expr) -> bool:
        """Return whether an expression is a library's object rather than a text that is not in view."""
        if self._module.qualified_name(expr) in self._drivers.no_statement:
            return True
        return is_statement_object(self._module, expr)

    def _say_unresolved(self, sink: _Sink, reason: str, found: _Found) -> None:
        if self._is_sure(sink.described) and not self._is_foreign(sink):
            place = self._module.place(sink.node)
            found.unresolved.append((Unresolved(place=place, sink=sink.described.name, reason=reason), sink))

    def _is_given(self, sink: _Sink) -> bool:
        """Return whether all callers, in whatever file, tell what a sink sends: it is judged where they stand."""
        function = self._module.function(sink.node)
        return function is not None and sink.expr is not None and is_given(self._view, function, sink.expr)

    # ---------------------------------------------------------------- functions that pass SQL on

    def _follow_parameters(self, sink: _Sink, found: _Found, depth: int) -> bool:
        """Judge SQL that comes in as a parameter where the function is called; return whether that is all of it."""
        function = self._module.function(sink.node)
        if (
            function is None
            or sink.expr is None
            or depth == 0
            or not depends_on_parameters(self._module, sink.expr, function)
        ):
            return False
        callers = self._view.local_calls.of(function)
        inner = (
            self._transactions.context(sink.described.node, sink.described.receiver, sink.described.start)
            if sink.inner is None
            else sink.inner
        )
        for caller in callers:
            if self._guards.is_excluded(caller):
                continue
            values = evaluate(self._module, sink.expr, call=caller)
            related = Related(place=self._module.place(sink.node), message=f"sent here by {sink.described.name}")
            outer = _Sink(
                described=self._as_handed_in(sink.described, function, caller),
                node=caller,
                alternatives=values,
                expr=_argument_of(self._module, sink.expr, function, caller),
                trail=(*sink.trail, related),
                inner=inner,
            )
            self._resolve(outer, found, depth - 1)
        return bool(callers) and self._view.local_calls.are_all(function)

    def _as_handed_in(self, described: Described, function: FunctionNode, caller: ast.Call) -> Described:
        """Return a sink with the connection that a caller gives for a parameter of the function."""
        parameter = parameter_at(self._module, function, described.receiver.root)
        argument = None if parameter is None else _argument_for(self._module, parameter.arg, function, caller)
        handed = None if argument is None else self._receivers.of(argument)
        if handed is None or handed.type is None or not handed.root:
            return described
        return replace(described, receiver=handed)

    # ---------------------------------------------------------------- sites

    def _spoken(self, sites: Iterable[tuple[_Sink, SqlTemplate, bool]]) -> Iterator[Spoken]:
        functions: set[ast.AST] = set()
        for sink, template, _ in sites:
            function = self._module.function(sink.node)
            word = read_transaction_word(template.text)
            if word is None:
                if function is not None and may_hold_session_state(template.text):
                    functions.add(function)
                continue
            opens, end = word
            yield Spoken(
                function=function,
                root=sink.described.receiver.root,
                start=self._start(sink),
                opens=opens,
                end=end,
                place=self._module.place(sink.node),
            )
        yield from words_of_calls(self._view, functions)

    def _start(self, sink: _Sink) -> int:
        return sink.described.start if sink.node is sink.described.node else self._module.span(sink.node).end

    def _site(self, sink: _Sink, template: SqlTemplate, parameters: bool) -> SqlSite | None:  # noqa: FBT001
        if self._is_foreign(sink):
            return None
        described = sink.described
        transaction = self._transaction(sink, template)
        return SqlSite(
            place=self._module.place(sink.node),
            sink=described.name,
            driver=described.driver,
            template=template,
            transaction=transaction,
            doubt=self._doubt(sink) if transaction.kind is Transaction.UNKNOWN else "",
            scope=scope_name(self._module, sink.node),
            connection=described.receiver.root,
            parameters=parameters or _has_parameters(described),
            route=described.receiver.route,
            confidence=self._confidence(sink),
            trail=(
                *sink.trail,
                *_definition_of(self._module, sink, template),
                *self._event(sink),
                *written_in(self._module, described.node, template),
            ),
        )

    def _doubt(self, sink: _Sink) -> str:
        """Return what it would take to know the transaction: the first link that is missing."""
        receiver, function = sink.described.receiver, self._module.function(sink.node)
        if receiver.type is None:
            return "what sends it is not known"
        for root in receiver.root.split("|") if function is not None else ():
            parameter = parameter_at(self._module, function, root) if function is not None else None
            if parameter is not None:
                name = scope_name(self._module, sink.node)
                return f"it hangs on what {name}() is given as {parameter.arg!r}"
        return "it hangs on what other code does with the connection"

    def _event(self, sink: _Sink) -> Iterator[Related]:
        """Yield what makes the function run that a sink stands in: `@event.listens_for(engine, "connect")`."""
        hook = self._receivers.hooks.of(self._module.function(sink.node))
        if hook is not None:
            yield Related(place=self._module.place(hook.call), message=hook.label)

    def _transaction(self, sink: _Sink, template: SqlTemplate) -> TransactionContext:
        """Return the transaction of a site; callers are asked only where it may matter."""
        asked = self._view.surroundings if self._may_matter(template.text) else self._transactions
        here = asked.context(sink.node, sink.described.receiver, self._start(sink))
        if sink.inner is None:
            return here
        if here.block is None and sink.described.module is not self._module and self._may_be_opened(sink.node):
            return sink.inner if sink.inner.opened is not None else TransactionContext()
        return here if here.block is not None or sink.inner.opened is None else replace(sink.inner, block=None)

    def _may_matter(self, text: str) -> bool:
        """Return whether a text holds session state, or drops some that the file sends the making of."""
        if "drop" in text.lower() and self._makes_temporary:
            return True
        return may_hold_session_state(text) and any(
            statement.calls or statement.kind not in _INDIFFERENT for statement in read_statements(text)
        )

    def _may_be_opened(self, node: ast.AST) -> bool:
        """Return whether a `with` of this function, of which nothing is known, may open a transaction."""
        for ancestor in self._module.ancestors(node):
            if isinstance(ancestor, ast.With | ast.AsyncWith):
                return True
            if isinstance(ancestor, ast.FunctionDef | ast.AsyncFunctionDef):
                return False
        return False

    def _is_foreign(self, sink: _Sink) -> bool:
        many = sink.described.driver is None or sink.described.driver in self._drivers.any_database
        return many and self._guards.is_named_foreign(sink.node) and not self._receivers.has_own_driver

    def _confidence(self, sink: _Sink) -> Confidence:
        described = sink.described
        if described.driver is None and self._guards.is_named_foreign(sink.node):
            return Confidence.LOW
        if described.receiver.certainty is Certainty.GUESSED or described.driver is None:
            return Confidence.MEDIUM
        return Confidence.HIGH


def _is_hook(described: Described, alternatives: Iterable[Alternative]) -> bool:
    """Return whether an event is given a function to call, and no statement to send."""
    return described.meaning.event is not None and all(isinstance(each, Unknown) for each in alternatives)


def _root_of(call: ast.Call, passed: Passed) -> str:
    """Return what stands for the connection of a wrapper: the object whose method it is."""
    root = passed.described.receiver.root
    if root.startswith("global:"):
        return root
    value = call.func.value if isinstance(call.func, ast.Attribute) else None
    return f"wrapped:{ast.unparse(value)}" if isinstance(value, ast.Name | ast.Attribute) else ""


def _without_repeats(sites: Iterable[SqlSite]) -> tuple[SqlSite, ...]:
    """Keep the surest of the sites that send the same text from the same place."""
    kept: dict[tuple[Place, SqlTemplate], SqlSite] = {}
    for site in sites:
        key = site.place, site.template
        if key not in kept or kept[key].confidence < site.confidence:
            kept[key] = site
    return tuple(kept.values())


def scope_name(module: Module, node: ast.AST) -> str:
    """Return the qualified name of the function that a node stands in."""
    function = module.function(node)
    if function is None:
        return ""
    named = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
    around = [ancestor.name for ancestor in module.ancestors(function) if isinstance(ancestor, named)]
    return ".".join([*reversed(around), getattr(function, "name", "<lambda>")])


def _unknowns(value: Value) -> Iterator[Unknown]:
    match value:
        case Items(values=elements, rest=rest):
            if rest is not None:
                yield rest
            for element in elements:
                yield from (alternative for alternative in element if isinstance(alternative, Unknown))
        case _:
            return


def _has_parameters(described: Described) -> bool:
    name = described.meaning.parameters
    return name is not None and described.arguments.is_given(name)


def _argument_of(module: Module, expr: ast.expr, function: FunctionNode, caller: ast.Call) -> ast.expr | None:
    """Return what a caller passes, where the SQL is nothing but a parameter of the function."""
    return _argument_for(module, expr.id, function, caller) if isinstance(expr, ast.Name) else None


def _argument_for(module: Module, name: str, function: FunctionNode, caller: ast.Call) -> ast.expr | None:
    """Return what a caller passes for a parameter of the function."""
    names = [argument.arg for argument in (*function.args.posonlyargs, *function.args.args)]
    if isinstance(module.parent(function), ast.ClassDef) and isinstance(caller.func, ast.Attribute):
        names = names[1:]
    for keyword in caller.keywords:
        if keyword.arg == name:
            return keyword.value
    if name not in names or names.index(name) >= len(caller.args):
        return None
    argument = caller.args[names.index(name)]
    return None if isinstance(argument, ast.Starred) else argument


def _definition_of(module: Module, sink: _Sink, template: SqlTemplate) -> tuple[Related, ...]:
    """Return the call as a related place where the SQL is spelled somewhere else."""
    call = module.place(sink.node)
    first = next((fragment.place for fragment in template.fragments if fragment.hole is None), None)
    if first is None or (first.path == call.path and call.span.start <= first.span.start <= call.span.end):
        return ()
    return (Related(place=call, message=f"sent here by {sink.described.name}"),)


__all__ = ["EVIDENT", "Place", "Sent", "Sinks", "scope_name"]
