"""What a rewrite may look at beside the use itself: the file's other uses and statements, and how they are written."""

from __future__ import annotations

import bisect
from collections import defaultdict
from dataclasses import dataclass, field, replace
from functools import cached_property
from operator import itemgetter
from typing import TYPE_CHECKING

from txsafe.errors import SourceError
from txsafe.model import Span, StatementKind
from txsafe.python.names import last_name
from txsafe.python.sinks import scope_name
from txsafe.python.tree import Newer
from txsafe.rewrites.number_column import table_created
from txsafe.source import FileKind, file_kind

if TYPE_CHECKING:
    import ast
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from txsafe.model import FeatureUse, Place, SourceFile, SqlSite, Statement
    from txsafe.python.scopes import Module

COMMITS = frozenset({"commit", "rollback"})
"""Methods that end a transaction of the driver's."""
SCRIPT = "script"
"""The sink of the statements of a `.sql` file."""
MOST_STEPS = 1000
"""Statements that one use is held against: a long script must not take quadratic time."""


MOST_TABLES = 10
"""Statements that create a table of one name."""


@dataclass(frozen=True, slots=True)
class Step:
    """A statement on its way to the server, with its place in the order of the text."""

    order: tuple[int, int]
    site: SqlSite
    statement: Statement
    message: str
    """The text of the site's template, put together once: there may be thousands of steps."""

    @property
    def block(self) -> str | None:
        """The transaction that it surely runs in."""
        return self.statement.transaction.block

    @property
    def text(self) -> str:
        """The statement."""
        return self.message[self.statement.span.start : self.statement.span.end]

    @property
    def is_alone(self) -> bool:
        """Whether nothing else is sent with it."""
        return self.site.sink == SCRIPT or self.message.strip().rstrip(";").strip() == self.text


class Surroundings:
    """One file, as the rewrites see it; all that costs is looked up when it is asked for."""

    def __init__(
        self,
        *,
        uses: Sequence[FeatureUse] = (),
        sites: Sequence[tuple[SqlSite, tuple[Statement, ...]]] = (),
        sources: Callable[[str], SourceFile | None],
        stable_functions: frozenset[str] = frozenset(),
    ) -> None:
        self.uses = tuple(use for use in uses if not _is_mention(use))
        self.sources = sources
        self.stable_functions = stable_functions
        """Functions of the server that change nothing, and give the same again within a statement."""
        self._sites = sites
        self._modules: dict[str, Module | None] = {}
        self._indexes: dict[str, _Calls] = {}

    def module(self, path: str) -> Module | None:
        """Return a Python file's tree; None where it is no Python, or newer than the running interpreter knows."""
        if path not in self._modules:
            self._modules[path] = self._parse(path)
        return self._modules[path]

    def _parse(self, path: str) -> Module | None:
        source = self.sources(path)
        if source is None or file_kind(path) is FileKind.SQL:
            return None
        from txsafe.python.scopes import Module

        try:
            return Module.of(source, newer=Newer.REFUSE)
        except SourceError:
            return None

    def call(self, place: Place) -> ast.Call | None:
        """Return the call that stands at a place."""
        return self._calls(place.path).by_span.get(place.span)

    def call_named_at(self, place: Place) -> ast.Call | None:
        """Return the call of the function whose name ends where a place does."""
        return self._calls(place.path).by_name.get(place.span.end)

    def calls_named(self, path: str, name: str) -> Sequence[ast.Call]:
        """Return the calls of a file whose function's name ends in a word."""
        return self._calls(path).by_word.get(name, ())

    def call_around(self, place: Place) -> ast.Call | None:
        """Return the call that a place belongs to: its name, or an argument of it."""
        calls = self._calls(place.path)
        word = calls.by_keyword.get(place.span)
        found = calls.by_name.get(place.span.end) if word is None else word[0]
        return calls.by_argument.get(place.span) if found is None else found

    def assignment_to(self, place: Place) -> ast.Assign | None:
        """Return the statement that assigns to the attribute whose name ends where a place does."""
        return self._calls(place.path).by_target.get(place.span.end)

    def keyword(self, place: Place) -> tuple[ast.Call, ast.keyword] | None:
        """Return the keyword argument at a place, and its call."""
        return self._calls(place.path).by_keyword.get(place.span)

    def keyword_of(self, place: Place) -> tuple[ast.Call, ast.keyword] | None:
        """Return the keyword argument whose value stands at a place, and its call."""
        return self._calls(place.path).by_value.get(place.span)

    def text_at(self, place: Place) -> ast.expr | None:
        """Return the literal that stands at a place, or that the keyword argument at that place hands in."""
        calls = self._calls(place.path)
        word = calls.by_keyword.get(place.span)
        return calls.by_text.get(place.span) if word is None else word[1].value

    def handing_in(self, path: str, name: str) -> Sequence[tuple[ast.Call, ast.keyword]]:
        """Return the keyword arguments of a file that hand in what a name stands for, and their calls."""
        return self._calls(path).by_named.get(name, ())

    def given(self, path: str, name: str) -> Sequence[ast.Call]:
        """Return the calls of a file that are given what a name stands for, by its position."""
        return self._calls(path).by_given.get(name, ())

    def endings(self, path: str, *, after: int = -1) -> Sequence[ast.Call]:
        """Return the commits and rollbacks of a file that start after an offset, in order."""
        every = self._calls(path).endings
        return [call for _, call in every[bisect.bisect_right(every, after, key=itemgetter(0)) :]]

    def looping(self, path: str) -> frozenset[str]:
        """Return the scopes of a file that commit or roll back in a loop."""
        return self._calls(path).looping

    def entry(self, place: Place) -> tuple[ast.Dict, ast.expr] | None:
        """Return the innermost dictionary with an entry whose key or value a place is part of, and the key."""
        span = place.span
        around = (each for each in self._calls(place.path).entries if each[0].start <= span.start < each[0].end)
        return next(((table, key) for _, table, key in sorted(around, key=lambda each: -each[0].start)), None)

    def table_at(self, place: Place) -> ast.Dict | None:
        """Return the dictionary that stands at a place."""
        return self._calls(place.path).tables.get(place.span)

    def _calls(self, path: str) -> _Calls:
        if path not in self._indexes:
            module = self.module(path)
            self._indexes[path] = _Calls() if module is None else _Calls.of(module)
        return self._indexes[path]

    # ---------------------------------------------------------------- what runs before and after

    def steps_after(self, use: FeatureUse) -> Iterator[Step]:
        """Yield the statements of the same function or script that follow a use, at most `MOST_STEPS`."""
        order = order_of(use)
        if order is None:
            return
        steps = self._by_scope.get(_scope(use), ())
        start = bisect.bisect_right(steps, order, key=_order)
        yield from steps[start : start + MOST_STEPS]

    def steps_before(self, use: FeatureUse) -> Iterator[Step]:
        """Yield the statements of the same function or script that come before a use, the nearest first."""
        order = order_of(use)
        if order is None:
            return
        steps = self._by_scope.get(_scope(use), ())
        end = bisect.bisect_left(steps, order, key=_order)
        yield from reversed(steps[max(0, end - MOST_STEPS) : end])

    def steps_of(self, step: Step) -> Sequence[Step]:
        """Return all statements of the same function or script, at most `MOST_STEPS`."""
        return self.steps_in(step.site.place.path, step.site.scope)

    def steps_in(self, path: str, scope: str) -> Sequence[Step]:
        """Return all statements of a function or script, at most `MOST_STEPS`."""
        return self._by_scope.get((path, scope), ())[:MOST_STEPS]

    def creating(self, table: str) -> Sequence[Step]:
        """Return the statements of the file that create a table of a name, whatever its schema; folded."""
        return self._creating.get(table, ())[:MOST_TABLES]

    @cached_property
    def _creating(self) -> Mapping[str, Sequence[Step]]:
        found: dict[str, list[Step]] = defaultdict(list)
        for steps in self._by_scope.values():
            for step in steps:
                table = table_created(step.text) if step.statement.kind is StatementKind.DDL else None
                if table is not None:
                    found[table].append(step)
        return found

    def respelled(self, site: SqlSite) -> SqlSite:
        """Return a site whose template maps character by character, as far as the program spells it."""
        if site.sink == SCRIPT or all(fragment.exact for fragment in site.template.fragments):
            return site
        from txsafe.python.spelling import respell

        return replace(site, template=respell(site.template, self.sources))

    @cached_property
    def _by_scope(self) -> Mapping[tuple[str, str], Sequence[Step]]:
        found: dict[tuple[str, str], list[Step]] = defaultdict(list)
        for site, statements in self._sites:
            message = site.template.text if statements else ""
            for statement in statements:
                step = Step((site.place.span.start, statement.span.start), site, statement, message)
                found[site.place.path, site.scope].append(step)
        return {scope: sorted(steps, key=_order) for scope, steps in found.items()}

    def sharing(self, place: Place) -> Iterator[SqlSite]:
        """Yield the sites of which some text is spelled at a place."""
        spelled = self._spelled.get(place.path, ())
        at = bisect.bisect_left(spelled, place.span.end, key=_start)
        while at and spelled[at - 1].reach > place.span.start:
            at -= 1
            if place.span.start < spelled[at].end:
                yield from spelled[at].sites

    def uses_at(self, place: Place, rule: str) -> Iterator[FeatureUse]:
        """Yield the uses of a rule in what the call at a place sends."""
        yield from self._by_sender.get((place, rule), ())

    @cached_property
    def _by_sender(self) -> Mapping[tuple[Place, str], Sequence[FeatureUse]]:
        found: dict[tuple[Place, str], list[FeatureUse]] = defaultdict(list)
        for use in self.uses:
            if use.spelling is not None:
                found[use.spelling.site.place, use.rule].append(use)
        return found

    @cached_property
    def _spelled(self) -> Mapping[str, Sequence[_Spelled]]:
        by_place: dict[Place, list[SqlSite]] = defaultdict(list)
        for site, _ in self._sites:
            if site.sink != SCRIPT:  # where every statement has its own text
                for fragment in site.template.fragments:
                    by_place[fragment.place].append(site)
        found: dict[str, list[_Spelled]] = defaultdict(list)
        for place in sorted(by_place):
            before = found[place.path]
            reach = max(before[-1].reach if before else 0, place.span.end)
            before.append(_Spelled(place.span.start, place.span.end, reach, by_place[place]))
        return found


@dataclass(frozen=True, slots=True)
class _Calls:
    """The calls of a file, by where they stand."""

    by_span: Mapping[Span, ast.Call] = field(default_factory=dict)
    by_name: Mapping[int, ast.Call] = field(default_factory=dict)
    """By where the function's name ends."""
    by_word: Mapping[str, Sequence[ast.Call]] = field(default_factory=dict)
    """By the last part of the function's name."""
    by_keyword: Mapping[Span, tuple[ast.Call, ast.keyword]] = field(default_factory=dict)
    by_value: Mapping[Span, tuple[ast.Call, ast.keyword]] = field(default_factory=dict)
    by_argument: Mapping[Span, ast.Call] = field(default_factory=dict)
    """By where an argument without a name stands."""
    by_target: Mapping[int, ast.Assign] = field(default_factory=dict)
    """Statements that assign to an attribute, by where its name ends."""
    by_text: Mapping[Span, ast.expr] = field(default_factory=dict)
    """Literals of texts."""
    by_named: Mapping[str, Sequence[tuple[ast.Call, ast.keyword]]] = field(default_factory=dict)
    """By the name that the keyword argument hands in."""
    by_given: Mapping[str, Sequence[ast.Call]] = field(default_factory=dict)
    """By the name that an argument without a name hands in."""
    endings: Sequence[tuple[int, ast.Call]] = ()
    """Commits and rollbacks and where they start, in order."""
    looping: frozenset[str] = frozenset()
    """The scopes that commit or roll back in a loop."""
    entries: Sequence[tuple[Span, ast.Dict, ast.expr]] = ()
    """From each entry's key to the end of its value."""
    tables: Mapping[Span, ast.Dict] = field(default_factory=dict)

    @classmethod
    def of(cls, module: Module) -> _Calls:
        endings = sorted(_endings(module), key=itemgetter(0))
        return cls(
            by_span={module.span(call): call for call in module.calls},
            by_name={module.span(call.func).end: call for call in module.calls},
            by_word=_by_word(module),
            by_keyword={module.span(word): (call, word) for call in module.calls for word in call.keywords},
            by_value={module.span(word.value): (call, word) for call in module.calls for word in call.keywords},
            by_argument={module.span(argument): call for call in module.calls for argument in call.args},
            by_target=_by_target(module),
            by_text={module.span(text): text for text in module.strings},
            by_named=_by_named(module),
            by_given=_by_given(module),
            endings=endings,
            looping=frozenset(scope_name(module, call) for _, call in endings if module.in_loop(call)),
            entries=tuple(_entries(module)),
            tables=_tables(module),
        )


def _by_named(module: Module) -> Mapping[str, Sequence[tuple[ast.Call, ast.keyword]]]:
    import ast

    found: dict[str, list[tuple[ast.Call, ast.keyword]]] = defaultdict(list)
    for call in module.calls:
        for word in call.keywords:
            if isinstance(word.value, ast.Name):
                found[word.value.id].append((call, word))
    return found


def _by_given(module: Module) -> Mapping[str, Sequence[ast.Call]]:
    import ast

    found: dict[str, list[ast.Call]] = defaultdict(list)
    for call in module.calls:
        for argument in call.args:
            if isinstance(argument, ast.Name):
                found[argument.id].append(call)
    return found


def _by_word(module: Module) -> Mapping[str, Sequence[ast.Call]]:
    found: dict[str, list[ast.Call]] = defaultdict(list)
    for call in module.calls:
        found[last_name(call.func)].append(call)
    return found


def _by_target(module: Module) -> Mapping[int, ast.Assign]:
    import ast

    return {
        module.span(node.targets[0]).end: node
        for node in ast.walk(module.tree)
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Attribute)
    }


def _endings(module: Module) -> Iterator[tuple[int, ast.Call]]:
    return ((module.span(call).start, call) for call in module.calls if last_name(call.func) in COMMITS)


def _tables(module: Module) -> Mapping[Span, ast.Dict]:
    import ast

    return {module.span(node): node for node in ast.walk(module.tree) if isinstance(node, ast.Dict)}


def _entries(module: Module) -> Iterator[tuple[Span, ast.Dict, ast.expr]]:
    import ast

    for node in ast.walk(module.tree):
        if isinstance(node, ast.Dict):
            for key, value in zip(node.keys, node.values, strict=True):
                if key is not None:
                    yield Span(module.span(key).start, module.span(value).end), node, key


@dataclass(frozen=True, slots=True)
class _Spelled:
    """A piece of a literal, and the sites that it is part of."""

    start: int
    end: int
    reach: int
    """The furthest end of all pieces up to this one: a literal may be taken apart in several ways."""
    sites: Sequence[SqlSite]


def _start(spelled: _Spelled) -> int:
    return spelled.start


def _is_mention(use: FeatureUse) -> bool:
    """Return whether this is a statement that merely names what a use has opened; see `features.find_mentions`."""
    return use.spelling is not None and "kind" in use.captures


def order_of(use: FeatureUse) -> tuple[int, int] | None:
    """Return where a use stands among the statements of its scope; None for an API use."""
    if use.spelling is None:
        return None
    return use.spelling.site.place.span.start, use.spelling.statement.span.start


def uses_in_block(use: FeatureUse, uses: Iterable[FeatureUse]) -> Iterator[FeatureUse]:
    """Yield the uses of the same rule that surely run in the same transaction, in the same function or script."""
    block = use.transaction.block
    for other in uses:
        same = other.rule == use.rule and other.transaction.block == block and _scope(other) == _scope(use)
        if block is not None and same:
            yield other


def _scope(use: FeatureUse) -> tuple[str, str]:
    path = use.place.path if use.spelling is None else use.spelling.site.place.path
    return path, use.scope


def _order(step: Step) -> tuple[int, int]:
    return step.order
