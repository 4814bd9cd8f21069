"""Python modules come in, the pools that they open go out, each with its size and where that was said.

What a call of a driver opens stands in `rules/drivers/*.yaml` (`pool-size`, `pool-settings`); values are followed by
the evaluation that SQL is followed by. A number that the environment decides is its default, and says so.
"""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from txsafe.budget.expressions import read_expression
from txsafe.budget.figures import Figure, Origin, Question, Source, between, known, total, unknown
from txsafe.budget.figures import unlimited as without_bound
from txsafe.catalog.drivers import PoolKind
from txsafe.model import Fragment, SqlTemplate
from txsafe.python.arguments import Argument, Arguments, Presence, Truth
from txsafe.python.guards import Guards
from txsafe.python.receivers import Receivers
from txsafe.python.values import Scalar, Table, Text, Unknown, evaluate

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from txsafe.catalog.drivers import Drivers, PoolSettings, PoolSize
    from txsafe.model import Place, SourceFile
    from txsafe.python.arguments import Alternative
    from txsafe.python.scopes import Module

_ASIDE = re.compile(
    r"(?:^|/)(?:(?:[^/]*_)?(?:tests?|testing|examples?|samples?|benchmarks?)(?:_[^/]*)?(?:/|\.py$)"
    r"|(?:docs?|migrations|alembic|versions|[^/]*template)/|(?:conftest|env)\.py$)",
    re.IGNORECASE,
)
"""Code that no instance of the application runs."""
SIZE = Question("--pool-size N", "how many connections may one process open?")


@dataclass(frozen=True, slots=True, kw_only=True)
class Pool:
    """What opens server connections in every process that runs the code."""

    name: str
    """What is called or set, and its key: `asyncpg.create_pool`, `DATABASES['default']`."""
    driver: str | None
    path: str
    line: int
    kind: PoolKind
    size: Figure
    """Connections per process, or per thread."""
    note: str = ""
    replaces: frozenset[str] = frozenset()


def is_aside(path: str) -> bool:
    """Tell by its path whether a file is part of tests, examples, templates or migrations."""
    return _ASIDE.search(path) is not None


def pool_pattern(drivers: Drivers) -> re.Pattern[bytes]:
    """Return what is found in every file that opens a pool: what decides whether to parse it."""
    functions = {name.rpartition(".")[2] for name, found in drivers.functions.items() if found.call.pool_sizes}
    words = "|".join(sorted(map(re.escape, functions | set(drivers.pool_settings))))
    # A call, an assignment, an item of a dictionary, or an import under another name.
    return re.compile(rf"\b(?:{words})(?:[\"']\]?)?\s*(?:[(=:\[]|as\b)".encode())


def find_pools(
    module: Module,
    drivers: Drivers,
    *,
    variables: Mapping[str, Figure],
    sources: Callable[[str], SourceFile | None],
) -> tuple[Pool, ...]:
    """Return the pools that a module opens; `variables` are what deployment files set, `sources` gives other files."""
    return tuple(_Finder(module, drivers, variables, sources).find())


def without_replaced(pools: Iterable[Pool]) -> tuple[Pool, ...]:
    """Leave out the calls whose pools a setting describes."""
    every = tuple(pools)
    replaced = frozenset(name for pool in every for name in pool.replaces)
    return tuple(pool for pool in every if pool.name not in replaced)


class _Finder:
    """Looks through one module."""

    def __init__(
        self,
        module: Module,
        drivers: Drivers,
        variables: Mapping[str, Figure],
        sources: Callable[[str], SourceFile | None],
    ) -> None:
        self._module = module
        self._drivers = drivers
        self._variables = variables
        self._sources = sources
        self._receivers = Receivers(module, drivers)
        self._guards = Guards(module, drivers)

    def find(self) -> Iterator[Pool]:
        yield from self._calls()
        yield from self._settings()

    def _calls(self) -> Iterator[Pool]:
        for call in self._module.calls:
            found = self._receivers.function(call.func)
            if found is None or not found[2].pool_sizes or self._guards.is_excluded(call):
                continue
            name, driver, meaning = found
            arguments = Arguments(self._module, call, meaning.arguments)
            yield from self._pool(name, driver, call, arguments, meaning.pool_sizes)

    def _settings(self) -> Iterator[Pool]:
        for name, key, value in self._assigned():
            settings = self._drivers.pool_settings.get(name)
            if settings is not None and not self._guards.is_excluded(key):
                yield from self._setting(settings, key, value)

    def _setting(self, settings: PoolSettings, key: ast.AST, value: ast.expr) -> Iterator[Pool]:
        values = evaluate(self._module, value)
        if not settings.each:
            arguments = Arguments.of_value(self._module, value)
            yield from self._pool(
                settings.name, settings.driver, key, arguments, settings.sizes, replaces=settings.replaces
            )
            return
        for table in values:
            for entry, inner in table.entries if isinstance(table, Table) else ():
                if not isinstance(entry, Text):
                    continue
                name = f"{settings.name}[{entry.template.text!r}]"
                place = entry.place if entry.place.path == self._module.source.path else None
                arguments = Arguments.of_values(self._module, inner)
                yield from self._pool(name, settings.driver, key, arguments, settings.sizes, place=place)

    def _assigned(self) -> Iterator[tuple[str, ast.AST, ast.expr]]:
        """Yield `NAME = value`, in a module or a class, and `settings["NAME"] = value`."""
        known_names = self._drivers.pool_settings
        for statement in self._module.assignments:
            targets = statement.targets if isinstance(statement, ast.Assign) else [statement.target]
            for target in targets:
                name = _name_of(target)
                if statement.value is not None and name in known_names:
                    yield name, target, statement.value

    # ---------------------------------------------------------------- sizes

    def _pool(
        self,
        name: str,
        driver: str | None,
        node: ast.AST,
        arguments: Arguments,
        sizes: tuple[PoolSize, ...],
        *,
        place: Place | None = None,
        replaces: frozenset[str] = frozenset(),
    ) -> Iterator[Pool]:
        where = place or self._module.place(node)
        chosen = self._choose(name, arguments, sizes, where)
        if chosen is None or chosen[0].kind is PoolKind.FOREIGN:
            return
        size, truth = chosen
        path, line = self._position(where)
        figure = self._figure(size, arguments, driver, path=path, line=line)
        if truth is Truth.MAYBE:
            doubt = Question(SIZE.flag, f"{path}:{line}: {name} is set up by what is not in view")
            figure = replace(figure, questions=(*figure.questions, doubt))
        yield Pool(
            name=name,
            driver=driver,
            path=path,
            line=line,
            kind=size.kind,
            size=figure,
            note=size.note,
            replaces=replaces,
        )

    def _choose(
        self, name: str, arguments: Arguments, sizes: tuple[PoolSize, ...], place: Place
    ) -> tuple[PoolSize, Truth] | None:
        """Return the size whose conditions hold; else the first that may."""
        special = {"@name": Argument((Text(SqlTemplate(fragments=(Fragment(text=name, place=place),))),))}
        maybe: PoolSize | None = None
        for size in sizes:
            truth = arguments.decide(size.when, special)
            if truth is Truth.YES:
                return size, truth
            if truth is Truth.MAYBE and size.kind in {PoolKind.SHARED, PoolKind.THREAD}:
                maybe = maybe or size
        return None if maybe is None else (maybe, Truth.MAYBE)

    def _figure(self, size: PoolSize, arguments: Arguments, driver: str | None, *, path: str, line: int) -> Figure:
        if size.kind is PoolKind.UNBOUNDED:
            return without_bound(Source(Origin.CODE, size.note or "no limit", path, line, size.reference))
        terms = (
            self._term(argument, default, arguments, size, driver, path=path, line=line)
            for argument, default in size.most.items()
        )
        return total(terms)

    def _term(
        self,
        argument: str,
        default: str,
        arguments: Arguments,
        size: PoolSize,
        driver: str | None,
        *,
        path: str,
        line: int,
    ) -> Figure:
        if argument.isdigit():
            return known(int(argument), Source(Origin.DEFAULT, size.note or "fixed", path, line, size.reference))
        shown = re.split(r"[.?]", argument)[-1]
        absent = unknown(SIZE, Source(Origin.CODE, f"{shown} is not given", path, line))
        if default:
            text = f"{shown} = {default}, the default of {driver}"
            absent = known(int(default), Source(Origin.DEFAULT, text, path, line, size.reference))
        found = arguments.get(argument)
        return between(self._value(alternative, shown, absent, line=line) for alternative in found.alternatives)

    def _value(self, alternative: Alternative, name: str, absent: Figure, *, line: int) -> Figure:
        match alternative:
            case Presence.ABSENT | Scalar(value=None):
                return absent
            case Scalar(value=bool()):
                return absent
            case Scalar(value=int(number) | float(number), place=place):
                return known(int(number), self._source(f"{name} = {int(number)}", place))
            case Text(template=template) if template.text.strip().isdigit() and len(template.text) < 12:
                return known(int(template.text), self._source(f"{name} = {template.text.strip()}", alternative.place))
            case Unknown(place=place):
                return self._expression(name, place)
            case _:
                return unknown(SIZE, Source(Origin.CODE, f"{name} is not known", self._module.source.path, line))

    def _expression(self, name: str, place: Place) -> Figure:
        """Return what a number that is not computed here says of itself."""
        source = self._sources(place.path)
        text = "" if source is None else source.text[place.span.start : place.span.end]
        reading = read_expression(text)
        if reading is None or reading.processors:
            why = "depends on the number of processors" if reading is not None else "is not known"
            return unknown(SIZE, self._source(f"{name} {why}", place))
        variable = reading.variable
        if variable is not None and variable in self._variables:
            return self._variables[variable]
        if reading.default is None:
            question = Question(SIZE.flag, f"which value has the variable {variable}?")
            return unknown(question, self._source(f"{name} is the variable {variable}", place))
        text = f"{name} = {reading.default}" + (f", unless {variable} is set" if variable else "")
        return known(reading.default, self._source(text, place))

    def _source(self, text: str, place: Place) -> Source:
        path, line = self._position(place)
        return Source(Origin.CODE, text, path, line)

    def _position(self, place: Place) -> tuple[str, int]:
        source = self._module.source if place.path == self._module.source.path else self._sources(place.path)
        return place.path, 0 if source is None else source.position(place.span.start).line


def _name_of(target: ast.expr) -> str:
    match target:
        case ast.Name(id=name):
            return name
        case ast.Subscript(slice=ast.Constant(value=str(name))):
            return name
        case _:
            return ""
