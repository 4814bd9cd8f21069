"""A call and the names of its parameters → what each argument is known to be.

In go an `ast.Call` (or one assigned value) and the `arguments` of a driver's `Call`, out come the alternatives behind
an argument path of a driver file (`kwargs.prepare_threshold`, `url?options`) and the truth of a condition over them.
"""

from __future__ import annotations

import ast
import enum
import fnmatch
import re
import urllib.parse
from dataclasses import dataclass
from typing import TYPE_CHECKING

from txsafe.catalog.drivers import Word
from txsafe.model import HOLE_CHARACTERS, Fragment, Place, SqlTemplate
from txsafe.python.scopes import BindingKind
from txsafe.python.values import Items, Scalar, Table, Text, Unknown, Value, evaluate

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from txsafe.catalog.drivers import Condition
    from txsafe.python.scopes import Module

_HOLES = str.maketrans(dict.fromkeys(HOLE_CHARACTERS.values(), "…"))
_SCHEME = re.compile(
    r"\b(?:postgres(?:ql)?|cockroachdb)(?:\+\w+)?(?=://|$)|\+asyncpg\b|\b(?:sqlite|mysql|mariadb)(?:\+\w+)?(?=:)"
)
_KEYWORD_VALUE = r"(?:^|\s){}\s*=\s*('(?:[^'\\]|\\.)*'|\S+)"
_NAME_DEPTH = 3


class Presence(enum.Enum):
    """An alternative that is no value."""

    ABSENT = "absent"
    UNSURE = "unsure"
    """It may be given, by what could not be followed."""


Alternative = Value | Presence


class Truth(enum.Enum):
    """The answer to a condition."""

    YES = "yes"
    NO = "no"
    MAYBE = "maybe"


@dataclass(frozen=True, slots=True)
class Argument:
    """What is known of one argument."""

    alternatives: tuple[Alternative, ...]
    expr: ast.expr | None = None
    """Where it is written, if it is one expression of the call."""

    @property
    def place(self) -> Place | None:
        """Return where its value is written, None where it is not."""
        return next((place for place in map(_place_of, self.alternatives) if place is not None), None)

    @property
    def text(self) -> str:
        """Return the value for messages: its text, `absent` or `…`."""
        texts = tuple(dict.fromkeys(map(_show, self.alternatives)))
        return texts[0] if len(texts) == 1 else "…"


_ABSENT = Argument((Presence.ABSENT,))
_UNSURE = Argument((Presence.UNSURE,))
_DISPLAYS = (ast.Dict, ast.List, ast.Tuple, ast.Set, ast.DictComp, ast.ListComp, ast.SetComp, ast.JoinedStr)
"""What is never None, whatever stands in it."""


class Arguments:
    """The arguments of one call, by the names of its parameters; each is evaluated when it is first asked for."""

    __slots__ = (
        "_caller", "_entries", "_extra", "_given", "_known", "_mappings", "_module", "_open", "_starred", "call",
    )  # fmt: skip

    def __init__(
        self, module: Module, call: ast.Call | None, names: tuple[str, ...], *, caller: ast.Call | None = None
    ) -> None:
        """Bind a call's arguments; those of a `caller` of the function around it stand for that one's parameters."""
        self._module = module
        self._caller = caller
        self.call = call
        self._given: dict[str, ast.expr] = {}
        """What is written for a parameter."""
        self._known: dict[str, Argument] = {}
        """What it is, where somebody has asked or it came with its value."""
        self._mappings: list[ast.expr] = []
        """Of `**mapping`, not looked into yet."""
        self._entries: dict[str, Argument] = {}
        self._open = False
        """A `**mapping` may bring more keywords than are known."""
        self._starred = False
        self._extra: list[ast.expr] = []
        if call is not None:
            self._bind_positions(call, names)
            self._bind_keywords(call)

    @classmethod
    def of_value(cls, module: Module, value: ast.expr) -> Arguments:
        """Return the arguments of an assignment: one, called `value`."""
        arguments = cls(module, None, ())
        arguments._given["value"] = value
        return arguments

    @classmethod
    def of_values(cls, module: Module, values: tuple[Value, ...]) -> Arguments:
        """Return the arguments of a setting whose value is known already: one, called `value`."""
        arguments = cls(module, None, ())
        arguments._known["value"] = Argument(values)
        return arguments

    def _values(self, expr: ast.expr) -> tuple[Value, ...]:
        return evaluate(self._module, expr, call=self._caller)

    def _bind_positions(self, call: ast.Call, names: tuple[str, ...]) -> None:
        plain = [name for name in names if not name.startswith("*")]
        for index, expr in enumerate(call.args):
            if isinstance(expr, ast.Starred):
                self._starred = True
                return
            if index < len(plain):
                self._given[plain[index]] = expr
            else:
                self._extra.append(expr)

    def _bind_keywords(self, call: ast.Call) -> None:
        for keyword in call.keywords:
            if keyword.arg is not None:
                self._given[keyword.arg] = keyword.value
            else:
                self._mappings.append(keyword.value)

    def _look_into_mappings(self) -> None:
        mappings, self._mappings = self._mappings, []
        for mapping in mappings:
            self._bind_entries(self._values(mapping))

    def _bind_entries(self, alternatives: tuple[Value, ...]) -> None:
        """Bind the entries of `**mapping`, which may be one of several: an entry that some lack may be absent."""
        tables = [value for value in alternatives if isinstance(value, Table)]
        if len(tables) < len(alternatives) or any(table.rest is not None for table in tables):
            self._open = True
        entries: dict[str, list[Alternative]] = {}
        for table in tables:
            for key, values in table.entries:
                if isinstance(key, Text):
                    entries.setdefault(key.template.text, []).extend(values)
        for name, found in entries.items():
            lacking = [table for table in tables if not table.get(name)]
            missing = [Presence.UNSURE if table.rest is not None else Presence.ABSENT for table in lacking[:1]]
            self._entries.setdefault(name, Argument(tuple(_told_apart([*found, *missing]))))

    @property
    def names(self) -> tuple[str, ...]:
        """Return the parameters that are given, as far as known."""
        self._look_into_mappings()
        return tuple(dict.fromkeys((*self._given, *self._known, *self._entries)))

    def expression(self, name: str) -> ast.expr | None:
        """Return the expression that is written for a parameter."""
        return self.get(name).expr if name.startswith("*") else self._given.get(name)

    def is_given(self, name: str) -> bool:
        """Return whether a parameter has, or may have, a value other than None."""
        if isinstance(self._given.get(name), _DISPLAYS):
            return True
        return not all(
            isinstance(alternative, Presence) or (isinstance(alternative, Scalar) and alternative.value is None)
            for alternative in self.get(name).alternatives
        )

    def _named(self, name: str) -> Argument:
        known = self._known.get(name)
        if known is not None:
            return known
        expr = self._given.get(name)
        if expr is not None:
            known = self._known[name] = Argument(self._values(expr), expr)
            return known
        self._look_into_mappings()
        return self._entries.get(name) or (_UNSURE if self._open or (self._starred and not self._extra) else _ABSENT)

    def get(self, path: str) -> Argument:
        """Return what stands behind an argument path."""
        if path.startswith("**"):
            return self._rest_of_keywords(path)
        if path.startswith("*"):
            return self._rest_of_positions()
        if path == "@url":
            return self._url_scheme()
        base, mark, query = path.partition("?")
        name, *keys = base.split(".")
        argument = self._named(name)
        for key in keys:
            argument = _entry(argument, key)
        return _query(argument, query) if mark else argument

    def _rest_of_positions(self) -> Argument:
        if self._extra:
            return Argument(self._values(self._extra[0]), self._extra[0])
        return _UNSURE if self._starred else _ABSENT

    def _rest_of_keywords(self, path: str) -> Argument:
        keywords = () if self.call is None else self.call.keywords
        if any(keyword.arg is None for keyword in keywords):
            return _UNSURE
        known = path.removeprefix("**")
        given = next((keyword.value for keyword in keywords if keyword.arg not in {None, known}), None)
        return _ABSENT if given is None else Argument(self._values(given), given)

    def _url_scheme(self) -> Argument:
        argument = self._named("url")
        return Argument(tuple(self._scheme(value, argument.expr) for value in argument.alternatives), argument.expr)

    def _scheme(self, value: Alternative, expr: ast.expr | None) -> Alternative:
        match value:
            case Text(template=template):
                scheme, mark, _ = template.text.partition("://")
                if mark and scheme.isascii():
                    return _text(scheme, template.fragments[0].place)
            case _:
                pass
        schemes = set(_schemes(self._module, expr, _NAME_DEPTH)) if expr is not None else set()
        place = _place_of(value)
        if len(schemes) == 1 and place is not None:
            return _text(f"postgresql{schemes.pop()}", place)
        return Unknown("URL", place) if place is not None else value

    def decide(self, condition: Condition, special: Mapping[str, Argument]) -> Truth:
        """Return whether all parts of a condition hold; `special` has the arguments whose path starts with `@`."""
        truths = [
            self._decide_one(special[path] if path in special else self.get(path), accepted)
            for path, accepted in condition.accepted.items()
        ]
        return conjunction(truths)

    def _decide_one(self, argument: Argument, accepted: Iterable[str]) -> Truth:
        words = tuple(accepted)
        answers = {self._accepts(alternative, argument.expr, words) for alternative in argument.alternatives}
        return answers.pop() if len(answers) == 1 else Truth.MAYBE

    def _accepts(self, alternative: Alternative, expr: ast.expr | None, words: tuple[str, ...]) -> Truth:
        name = self._module.qualified_name(expr) if expr is not None and isinstance(alternative, Unknown) else None
        return disjunction([_test(alternative, word, name) for word in words])


def _told_apart(alternatives: Iterable[Alternative]) -> Iterator[Alternative]:
    """Yield alternatives, each once; containers share parts, so that comparing them could take for ever."""
    seen: set[object] = set()
    for each in alternatives:
        key: object = id(each) if isinstance(each, Items | Table) else each
        if key not in seen:
            seen.add(key)
            yield each


def conjunction(truths: Iterable[Truth]) -> Truth:
    """Return `and` over three values."""
    found = set(truths)
    if Truth.NO in found:
        return Truth.NO
    return Truth.MAYBE if Truth.MAYBE in found else Truth.YES


def disjunction(truths: Iterable[Truth]) -> Truth:
    """Return `or` over three values."""
    found = set(truths)
    if Truth.YES in found:
        return Truth.YES
    return Truth.MAYBE if Truth.MAYBE in found else Truth.NO


def _test(alternative: Alternative, word: str, name: str | None) -> Truth:  # noqa: PLR0911 - one per kind
    if word in {Word.ABSENT, Word.GIVEN}:
        return _test_presence(alternative, word)
    match alternative:
        case Presence.ABSENT:
            return Truth.NO
        case Presence.UNSURE:
            return Truth.MAYBE
        case Unknown():
            return _test_name(word, name)
        case _ if word == Word.NONE:
            return _truth(isinstance(alternative, Scalar) and alternative.value is None)
        case _ if word in {Word.TRUE, Word.FALSE}:
            return _truth(_is_true(alternative) is (word == Word.TRUE))
        case _:
            return _truth(fnmatch.fnmatchcase(_show(alternative).casefold(), word.casefold()))


def _test_presence(alternative: Alternative, word: str) -> Truth:
    if alternative is Presence.UNSURE:
        return Truth.MAYBE
    return _truth((alternative is Presence.ABSENT) is (word == Word.ABSENT))


def _test_name(word: str, name: str | None) -> Truth:
    """Test a constant of another module by its name: its value is not known."""
    if name is None or "." not in name or word in set(Word):
        return Truth.MAYBE
    return _truth(fnmatch.fnmatchcase(name.casefold(), word.casefold()))


def _truth(value: bool) -> Truth:  # noqa: FBT001 - converts a bool
    return Truth.YES if value else Truth.NO


def _is_true(value: Alternative) -> bool:
    match value:
        case Scalar(value=scalar):
            return bool(scalar)
        case Text(template=template):
            return bool(template.text)
        case Items(values=items):
            return bool(items)
        case Table(entries=entries):
            return bool(entries)
        case _:
            return False


def _show(value: Alternative) -> str:
    match value:
        case Presence.ABSENT:
            return "absent"
        case Text(template=template):
            return template.text.translate(_HOLES)
        case Scalar(value=scalar):
            return str(scalar)
        case Items(values=items, rest=None):
            return ", ".join(_show(alternatives[0]) for alternatives in items)
        case _:
            return "…"


def _place_of(value: Alternative) -> Place | None:
    match value:
        case Presence():
            return None
        case Text(template=template):
            first, last = template.fragments[0].place, template.fragments[-1].place
            return first if last.path != first.path or last.span < first.span else _join(first, last)
        case _:
            return value.place


def _join(first: Place, last: Place) -> Place:
    return Place(first.path, type(first.span)(first.span.start, last.span.end))


def _text(text: str, place: Place) -> Text:
    return Text(SqlTemplate(fragments=(Fragment(text=text, place=place),)))


def _entry(argument: Argument, key: str) -> Argument:
    """Return an entry of an argument that is a mapping."""
    found: list[Alternative] = []
    for alternative in argument.alternatives:
        match alternative:
            case Presence():
                found.append(alternative)
            case Table(rest=rest) as table:
                missing = Presence.ABSENT if rest is None else Presence.UNSURE
                found.extend(table.get(key) or (missing,))
            case Scalar(value=None):
                found.append(Presence.ABSENT)
            case _:
                found.append(Presence.UNSURE)
    return Argument(tuple(dict.fromkeys(found)))


def _query(argument: Argument, name: str) -> Argument:
    """Return a parameter of an argument that is a URL or a connection string of keywords."""
    return Argument(tuple(_query_parameter(alternative, name) for alternative in argument.alternatives))


def _query_parameter(alternative: Alternative, name: str) -> Alternative:
    match alternative:
        case Text(template=template):
            found = _find_parameter(template.text, name)
            return Presence.ABSENT if found is None else _text(found, template.fragments[0].place)
        case Presence.ABSENT | Scalar(value=None):
            return Presence.ABSENT
        case _:
            return Presence.UNSURE


def _find_parameter(text: str, name: str) -> str | None:
    if "://" in text:
        query = text.partition("?")[2]
        pairs = (pair.partition("=") for pair in query.split("&"))
        return next((urllib.parse.unquote(value) for key, _, value in pairs if key == name), None)
    match = re.search(_KEYWORD_VALUE.format(re.escape(name)), text)
    return None if match is None else match.group(1).strip("'")


def _schemes(module: Module, expr: ast.expr, depth: int) -> Iterator[str]:
    """Yield what the pieces of a URL that is put together say of its driver: `+asyncpg`, or nothing for the default."""
    for node in ast.walk(expr):
        match node:
            case ast.Constant(value=str(text)) if len(text) < 1000:
                found = _SCHEME.search(text)
                plus = found.group().partition("+") if found is not None else None
                if plus is not None and plus[1]:
                    yield f"+{plus[2]}"
            case ast.Name() if depth:
                for binding in module.reaching(node):
                    if binding.kind is BindingKind.ASSIGN and binding.value is not None:
                        yield from _schemes(module, binding.value, depth - 1)
            case _:
                continue
