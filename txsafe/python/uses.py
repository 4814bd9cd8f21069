"""What `described` found in a module → the `ApiUse`s: what touches the session without SQL in the program.

Conditions are those of the driver files. One that cannot be decided makes a use of low confidence, or none where the
file says `sure`. What travels in the startup packet is taken apart into one use for each parameter.
"""

from __future__ import annotations

import ast
import re
from dataclasses import replace
from types import MappingProxyType
from typing import TYPE_CHECKING

from txsafe.connection_strings import carrier_of, read_url, startup_parameters
from txsafe.model import (
    HOLE_CHARACTERS,
    ApiUse,
    Confidence,
    Fragment,
    Place,
    Related,
    Span,
    SqlTemplate,
    Transaction,
    TransactionContext,
)
from txsafe.python.arguments import Argument, Arguments, Presence, Truth, conjunction, disjunction
from txsafe.python.described import Described
from txsafe.python.forwarded import awaits_more
from txsafe.python.keyed import keyed
from txsafe.python.presumed import Presumed
from txsafe.python.program_settings import find_entry, find_switch
from txsafe.python.receiver import NOTHING, Certainty
from txsafe.python.search import Reach
from txsafe.python.sinks import scope_name
from txsafe.python.startup_options import read_options
from txsafe.python.values import Table, Text, Unknown, evaluate
from txsafe.python.wrappers import depends_on_parameters
from txsafe.versions import find_version

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from txsafe.catalog.drivers import Cure, StartUp, Use
    from txsafe.python.scopes import FunctionNode
    from txsafe.python.views import View
    from txsafe.versions import PackageVersion

_FIELD = re.compile(r"\{([^{}]+)\}")
_HOLES = str.maketrans(dict.fromkeys(HOLE_CHARACTERS.values(), "…"))
_BESIDE_MIGRATIONS = "/migrations/"
"""Where a migration's functions stand; nearly all run in its transaction, so even a doubtful use is looked into."""
_OPTIONS_VARIABLE = "PGOPTIONS"
_RECEIVER = "@receiver"
_HOOKED = "@hooked."
"""The path of the transaction that a call is made in."""


class Uses:
    """Finds the API uses of one module."""

    def __init__(self, view: View, versions: Mapping[str, PackageVersion]) -> None:
        self._view = view
        self._module = view.module
        self._receivers = view.receivers
        self._drivers = view.drivers
        self._guards = view.guards
        self._versions = versions

    def find(self, described: Iterable[Described]) -> tuple[ApiUse, ...]:
        """Return the uses of the described calls, of settings and the environment, and what reads like one."""
        found = [
            *(use for one in described for view in self._views(one) for use in self._of_described(view)),
            *(use for one in self._settings() for use in self._of_described(one)),
            *self._environment(),
            *self._urls(),
        ]
        return _without_repeats([*found, *Presumed(self._view).find(found)])

    # ---------------------------------------------------------------- described calls

    def _views(self, described: Described) -> Iterator[Described]:
        """Yield a call whose settings its function is handed as each caller makes it, any other call as it stands."""
        function = self._module.function(described.node)
        if function is None or not self._is_handed_on(described, function):
            yield described
            return
        callers = self._view.local_calls.of(function)
        if not callers or not self._view.local_calls.are_all(function):
            yield described
        yield from (replace(described, caller=caller) for caller in callers)

    def _is_handed_on(self, described: Described, function: FunctionNode) -> bool:
        meaning, call = described.meaning, described.node
        if not isinstance(call, ast.Call) or not (meaning.uses or meaning.start_up):
            return False
        given = (*call.args, *(keyword.value for keyword in call.keywords))
        return any(depends_on_parameters(self._module, expr, function) for expr in given)

    def _of_described(self, described: Described) -> Iterator[ApiUse]:
        meaning = described.meaning
        if not meaning.uses and meaning.start_up is None and meaning.block is None:
            return
        if self._guards.is_excluded(described.node) or self._is_foreign(described):
            return
        transaction = self._transaction(described)
        yield from _surest(self._of_conditions(described, transaction))
        if meaning.start_up is not None:
            for name, sent, place, confidence in self._start_up(described, meaning.start_up):
                yield self._use(described, name, sent, place, confidence, TransactionContext())
        if meaning.block is not None and meaning.block.kind is Transaction.EXPLICIT and described.driver is not None:
            place = self._place(described, None)
            yield self._use(
                described, "transaction-block", {"opens": described.name}, place, Confidence.HIGH, transaction
            )

    def _transaction(self, described: Described) -> TransactionContext:
        """Return the transaction of a call; callers are asked where that decides, and so far as the use is worth it."""
        node, receiver, start = described.node, described.receiver, described.start
        asking = [use.confidence for use in described.meaning.uses if self._hangs_on_transaction(described, use)]
        if not asking:
            return self._view.transactions.context(node, receiver, start)
        worth_it = max(asking) > Confidence.LOW or _BESIDE_MIGRATIONS in self._module.source.path
        reach = Reach.PROGRAM if worth_it else Reach.FILE
        return self._view.surroundings.context(node, receiver, start, reach=reach)

    def _hangs_on_transaction(self, described: Described, use: Use) -> bool:
        """Return whether all but the transaction allows for a use."""
        if _RECEIVER not in _paths(use):
            return False
        truth = described.arguments.decide(use.when, self._special(described, use, TransactionContext()))
        return truth is not Truth.NO

    def _of_conditions(self, described: Described, transaction: TransactionContext) -> Iterator[ApiUse]:
        for use in described.meaning.uses:
            confidence = self._decide(described, use, transaction)
            if confidence is not None:
                facts = {name: _fill(text, described.arguments) for name, text in use.facts.items()}
                assumed = [version.explain() for version in self._asked(use) if not version.is_exact]
                if assumed:
                    facts["assumed"] = "; ".join(assumed)
                found = self._use(described, use.api, facts, self._place(described, use.at), confidence, transaction)
                yield found if use.cure is None else self._with_cure(found, use.cure, described)

    def _is_foreign(self, described: Described) -> bool:
        many = described.driver is None or described.driver in self._drivers.any_database
        return many and not self._receivers.has_own_driver and self._guards.is_named_foreign(described.node)

    def _decide(self, described: Described, use: Use, transaction: TransactionContext) -> Confidence | None:
        """Return how sure a use is, None where it is none."""
        special = self._special(described, use, transaction)
        arguments = described.arguments
        harmless = disjunction(arguments.decide(condition, special) for condition in use.unless)
        if harmless is Truth.YES:
            return None
        truth = arguments.decide(use.when, special)
        if harmless is Truth.MAYBE:
            truth = conjunction([truth, Truth.MAYBE])
        if truth is Truth.MAYBE and (use.sure or _awaits_more(described)):
            return None
        truth = conjunction([truth, *self._decide_versions(use)])
        if truth is Truth.NO:
            return None
        if use.cure is not None and self._is_cured(use.cure, described):
            return None
        limit = Confidence.LOW if truth is Truth.MAYBE else use.confidence
        if _RECEIVER in special:
            limit = min(limit, transaction.certainty)
        if described.receiver.certainty is Certainty.GUESSED:
            limit = min(limit, Confidence.MEDIUM)
        return limit

    def _is_cured(self, cure: Cure, described: Described) -> bool:
        return all(
            find_switch(self._module, cure.setting, entry) is not None
            for entry in described.receiver.route or (cure.entry,)
        )

    def _with_cure(self, found: ApiUse, cure: Cure, described: Described) -> ApiUse:
        """Return a use with the place where a setting would make it harmless."""
        entries = described.receiver.route or (cure.entry,)
        place = find_entry(self._module, cure.mapping, entries[0]) if len(entries) == 1 else None
        if place is None:
            return found
        there = Related(place=place, message=f"`{cure.setting}` is not set here")
        facts = {**found.facts, "cure": cure.setting, "mapping": cure.mapping, "entry": entries[0]}
        return replace(found, facts=MappingProxyType(facts), trail=(*found.trail, there))

    def _asked(self, use: Use) -> Iterator[PackageVersion]:
        """Yield the versions that a use depends on; the assumed ones where the project does not say."""
        for package in use.versions:
            yield find_version(package, self._versions, self._drivers)

    def _decide_versions(self, use: Use) -> Iterator[Truth]:
        for version, wanted in zip(self._asked(use), use.versions.values(), strict=True):
            if version.is_surely_within(wanted):
                yield Truth.YES
            else:
                yield Truth.MAYBE if version.is_within(wanted) else Truth.NO

    def _special(self, described: Described, use: Use, transaction: TransactionContext) -> Mapping[str, Argument]:
        paths = {path for path in _paths(use) if path.startswith("@")}
        return {path: self._special_argument(described, path, transaction) for path in paths if path != "@url"}

    def _special_argument(self, described: Described, path: str, transaction: TransactionContext) -> Argument:
        if path == _RECEIVER:
            place = self._module.place(described.node)
            kind = self._kind_after(described, transaction)
            if kind is Transaction.UNKNOWN:
                return Argument((Unknown("transaction", place),))
            return Argument((Text(SqlTemplate(fragments=(Fragment(text=kind.value, place=place),))),))
        if path.startswith(_HOOKED):
            values = self._receivers.hooks.assigned(path.removeprefix(_HOOKED))
            found = tuple(value for expr in values for value in evaluate(self._module, expr))
            return Argument(found or (Presence.ABSENT,))
        made = described.receiver.made
        if made is None:
            return Argument((Presence.ABSENT,))
        if path == "@made":
            return Argument((Unknown("made in view", self._module.place(described.node)),))
        return made.get(path.removeprefix("@made."))

    def _kind_after(self, described: Described, transaction: TransactionContext) -> Transaction:
        """Return the kind of transaction, as the call itself leaves it."""
        truth = self._receivers.decide_autocommit(described.arguments, described.meaning, Truth.MAYBE)
        if truth is Truth.YES:
            return Transaction.AUTOCOMMIT
        return transaction.kind

    def _use(
        self,
        described: Described,
        api: str,
        facts: Mapping[str, str],
        place: Place,
        confidence: Confidence,
        transaction: TransactionContext,
    ) -> ApiUse:
        route = described.receiver.route
        if not route and isinstance(described.node, ast.Call) and described.meaning.returns is not None:
            route = self._receivers.of(described.node).route
        return ApiUse(
            place=place,
            api=api,
            driver=described.driver,
            facts=MappingProxyType(dict(facts)),
            transaction=transaction,
            scope=scope_name(self._module, described.node),
            route=route,
            confidence=confidence,
            trail=(*self._mappings(described), *self._call_elsewhere(described, place)),
        )

    def _call_elsewhere(self, described: Described, place: Place) -> Iterator[Related]:
        """Yield the call where a use is reported in another file: where its setting is written."""
        call = self._module.place(described.node)
        if place.path != call.path:
            yield Related(place=call, message=f"given to {described.name} here")

    def _mappings(self, described: Described) -> Iterator[Related]:
        """Yield where the mappings are written that a call gets its settings from, if not at the call."""
        call = self._module.place(described.node)
        for path in described.arguments.names:
            for alternative in described.arguments.get(path).alternatives:
                if isinstance(alternative, Table) and not _covers(call, alternative.place):
                    yield Related(place=alternative.place, message=f"`{path}` of the call")

    # ---------------------------------------------------------------- places

    def _place(self, described: Described, at: str | None) -> Place:
        """Return the keyword argument, mapping entry or name that a reader would change."""
        if at is not None:
            found = self._argument_place(described, at)
            if found is not None:
                return found
        return self._name_place(described.node)

    def _argument_place(self, described: Described, path: str) -> Place | None:
        call = described.arguments.call
        for keyword in () if call is None else call.keywords:
            if keyword.arg == path:
                return self._module.place(keyword)
        argument = described.arguments.get(path)
        if argument.expr is not None:
            return self._module.place(argument.expr)
        return argument.place

    def _name_place(self, node: ast.expr) -> Place:
        named = node.func if isinstance(node, ast.Call) else node
        place = self._module.place(named)
        if not isinstance(named, ast.Attribute):
            return place
        return Place(place.path, Span(place.span.end - len(named.attr), place.span.end))

    # ---------------------------------------------------------------- the startup packet

    def _start_up(
        self, described: Described, start_up: StartUp
    ) -> Iterator[tuple[str, Mapping[str, str], Place, Confidence]]:
        for path in start_up.options:
            argument = described.arguments.get(path)
            place = self._place(described, path.partition("?")[0])
            yield from self._options(argument, place)
        for path in start_up.settings:
            yield from self._mapping(described, path)
        for path, known in start_up.query.items():
            yield from self._query(described, path, frozenset(known))
        for path in start_up.parameters:
            argument = described.arguments.get(path)
            if all(isinstance(alternative, Presence) for alternative in argument.alternatives):
                continue
            facts = {"name": path.rpartition(".")[2], "value": argument.text, "carrier": path.rpartition(".")[2]}
            yield "startup-parameter", facts, self._place(described, path), Confidence.HIGH

    def _query(
        self, described: Described, path: str, known: frozenset[str]
    ) -> Iterator[tuple[str, Mapping[str, str], Place, Confidence]]:
        """Yield what a driver sends of a URL because it does not know it."""
        for alternative in described.arguments.get(path).alternatives:
            url = read_url(alternative.template.text) if isinstance(alternative, Text) else None
            for parameter in () if url is None else url.parameters:
                if parameter.name not in known:
                    value = parameter.value.translate(_HOLES)
                    facts = {"name": parameter.name.translate(_HOLES), "value": value, "carrier": path}
                    yield "startup-parameter", facts, self._place(described, path), Confidence.HIGH

    def _options(self, argument: Argument, place: Place) -> Iterator[tuple[str, Mapping[str, str], Place, Confidence]]:
        for alternative in argument.alternatives:
            match alternative:
                case Text(template=template):
                    yield from read_options(template.text, place)
                case Unknown():
                    yield "startup-options", {"value": "…", "carrier": "options"}, place, Confidence.LOW
                case _:
                    continue

    def _mapping(self, described: Described, path: str) -> Iterator[tuple[str, Mapping[str, str], Place, Confidence]]:
        argument = described.arguments.get(path)
        tables = [alternative for alternative in argument.alternatives if isinstance(alternative, Table)]
        sure = len(argument.alternatives) == 1
        for table in tables:
            for key, values in table.entries:
                if isinstance(key, Text):
                    value = Argument(values).text
                    facts = {"name": key.template.text, "value": value, "carrier": path.rpartition(".")[2]}
                    place = key.template.fragments[0].place
                    yield "startup-parameter", facts, place, Confidence.HIGH if sure else Confidence.MEDIUM

    # ---------------------------------------------------------------- settings and environment

    def _settings(self) -> Iterator[Described]:
        """Yield the entries of settings dictionaries: `"OPTIONS": {…}`, `DATABASES["default"]["OPTIONS"] = {…}`."""
        text = self._module.source.text
        known = {
            name: [setting for setting in settings if any(word in text for word in setting.words)]
            for name, settings in self._drivers.settings.items()
            if name in text
        }
        if not any(known.values()):
            return
        for key, value in keyed(self._module):
            for setting in known.get(key.value, ()) if isinstance(key.value, str) else ():
                yield Described(
                    module=self._module,
                    node=key,
                    start=self._module.span(key).start,
                    name=setting.name,
                    driver=setting.driver,
                    meaning=setting.call,
                    receiver=NOTHING,
                    value=value,
                )

    def _environment(self) -> Iterator[ApiUse]:
        """Yield what a variable of libpq's brings into every connection of a process."""
        if _OPTIONS_VARIABLE not in self._module.source.text:
            return
        given: list[tuple[ast.AST, ast.expr]] = [
            *((key, value) for key, value in keyed(self._module) if key.value == _OPTIONS_VARIABLE),
            *(
                (keyword, keyword.value)
                for call in self._module.calls
                for keyword in call.keywords
                if keyword.arg == _OPTIONS_VARIABLE
            ),
        ]
        for key, value in given:
            place = self._module.place(key)
            for api, facts, where, confidence in self._options(Argument(evaluate(self._module, value)), place):
                yield ApiUse(
                    place=where,
                    api=api,
                    driver=None,
                    facts=MappingProxyType({**facts, "carrier": _OPTIONS_VARIABLE}),
                    scope=scope_name(self._module, key),
                    confidence=confidence,
                )

    # ---------------------------------------------------------------- connection strings

    def _urls(self) -> Iterator[ApiUse]:
        """Yield what connection strings ask for, wherever the program has them from."""
        for node in self._module.strings:
            if isinstance(node, ast.Constant) and isinstance(node.value, str) and "://" in node.value:
                yield from self._of_url(node, node.value)

    def _of_url(self, node: ast.Constant, text: str) -> Iterator[ApiUse]:
        url = read_url(text)
        form = None if url is None else self._drivers.url_form(url.scheme)
        if url is None or form is None or self._guards.is_excluded(node):
            return
        for name, parameter in startup_parameters(url, form):
            if not name:
                continue
            yield ApiUse(
                place=self._module.place(node),
                api="startup-parameter",
                driver=form.driver,
                facts=MappingProxyType(
                    {"name": name, "value": parameter.value, "carrier": carrier_of(parameter, form)}
                ),
                scope=scope_name(self._module, node),
                confidence=Confidence.MEDIUM,
            )


def _awaits_more(described: Described) -> bool:
    """Return whether a statement is handed over to be sent, by a call that is not written out."""
    return bool(described.meaning.sql) and isinstance(described.node, ast.Call) and awaits_more(described.node)


def _paths(use: Use) -> Iterator[str]:
    for condition in (use.when, *use.unless):
        yield from condition.accepted


def _covers(place: Place, other: Place) -> bool:
    return place.path == other.path and place.span.start <= other.span.start and other.span.end <= place.span.end


def _fill(template: str, arguments: Arguments) -> str:
    return _FIELD.sub(lambda found: arguments.get(found.group(1)).text, template)


def _surest(uses: Iterable[ApiUse]) -> tuple[ApiUse, ...]:
    """Keep one use of an API for each place: where nothing can be decided, every condition of a call may hold."""
    kept: dict[tuple[Place, str], ApiUse] = {}
    for use in uses:
        key = use.place, use.api
        if key not in kept or kept[key].confidence < use.confidence:
            kept[key] = use
    return tuple(kept.values())


def _without_repeats(uses: Iterable[ApiUse]) -> tuple[ApiUse, ...]:
    """Drop uses that say the same of the same place; the first is the surest."""
    kept: dict[tuple[Place, str, tuple[tuple[str, str], ...]], ApiUse] = {}
    for use in uses:
        kept.setdefault((use.place, use.api, tuple(use.facts.items())), use)
    return tuple(kept.values())
