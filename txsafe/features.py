"""Statements and API uses, held against the rules → feature uses.

In: what a site sends, or what a driver is told, and the rules. Out: one `FeatureUse` for the first fitting variant of
each rule, per statement, per function call and per API use. This module knows match keys and no particular rule.

Captures are the facts of what was matched, holes shown as `…`, and these, for all rules alike:

- `sql`: the statement as messages show it; `text`: the same, uncut
- `transaction-end`: commit, rollback or unknown
- of a call: `call`, `schema`, `arguments` (joined), `argument-1` …, and `literal-1` … where an argument is a string
  constant: what it says, lower-case
- of an API use: `api`
"""

from __future__ import annotations

import itertools
import re
from collections import defaultdict
from collections.abc import Collection, Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import TYPE_CHECKING, TypeVar

from txsafe.catalog.rules import Role
from txsafe.catalog.templates import MISSING, matches_globs
from txsafe.model import (
    HOLE_CHARACTERS,
    ApiUse,
    Confidence,
    FeatureUse,
    Place,
    Related,
    Span,
    Spelling,
    SqlCall,
    SqlSite,
    Statement,
    StatementContext,
    StatementKind,
    Transaction,
    TransactionContext,
)

if TYPE_CHECKING:
    from txsafe.catalog.rules import Match, Rule, Variant

LONGEST_SQL = 200
"""Characters of `FeatureUse.sql`."""
LONGEST_TEXT = 20_000
"""Characters of the capture `text` and of any fact: hostile input must not multiply."""
MOST_ARGUMENTS = 16
"""Arguments of one call that become captures."""

MOST_OPENERS = 1000
"""With more of them, nobody is told who mentions them: each site would be held against each."""

_Key = TypeVar("_Key", bound=Hashable)

_INDIFFERENT = TransactionContext()
"""Whatever the transaction is, it decides nothing."""

_HOLE = re.compile("[" + "".join(HOLE_CHARACTERS.values()) + "]")
_HOLES = str.maketrans(dict.fromkeys(HOLE_CHARACTERS.values(), MISSING))
_SPACE = re.compile(r"\s+")
_WORD = re.compile(r"[\w$]+")
_NOTATION = re.compile(r"\w+\s*(?::=|=>)\s*")
"""`is_local => true`: the name says nothing that the position does not."""
_CONSTANT = re.compile(r"'((?:[^']|'')*)'(?:\s*::\s*[\w. ]+)?")


@dataclass(frozen=True, slots=True)
class _Candidate:
    """The conditions of one rule that can hold for one statement kind, function name or API."""

    rule: Rule
    tests: tuple[tuple[Variant, Match], ...]


class RuleIndex:
    """Rules by what they look at, so that a statement meets only those that could match it."""

    __slots__ = ("apis", "asking", "calls", "functions", "kinds")

    def __init__(self, rules: Iterable[Rule]) -> None:
        kinds: dict[StatementKind, dict[str, _Candidate]] = defaultdict(dict)
        calls: dict[str, dict[str, _Candidate]] = defaultdict(dict)
        apis: dict[str, dict[str, _Candidate]] = defaultdict(dict)
        for rule in rules:
            for variant in rule.variants.values():
                for match in variant.match:
                    # A call narrows to kinds of statements, not the other way round.
                    if match.call:
                        _enter(calls, match.call, rule, (variant, match))
                    elif match.statement:
                        _enter(kinds, match.statement, rule, (variant, match))
                    else:
                        _enter(apis, match.api, rule, (variant, match))
        self.kinds = _frozen(kinds)
        self.calls = _frozen(calls)
        self.apis = _frozen(apis)
        self.functions = frozenset(calls)
        """The functions that any rule asks for: what is worth finding in a statement."""
        self.asking = frozenset(
            name
            for name, candidates in self.calls.items()
            if any(variant.role is Role.USES for candidate in candidates for variant, _ in candidate.tests)
        )
        """The functions that ask for what an earlier statement has left: what that was, is worth knowing."""

    def of_call(self, name: str) -> tuple[_Candidate, ...]:
        """Return the candidates for a function; where its name has holes, those of the shortest name that fits."""
        found = self.calls.get(name)
        if found is not None or not _HOLE.search(name):
            return found or ()
        pattern = re.compile(r"\w*".join(re.escape(part) for part in _HOLE.split(name)))
        fitting = [known for known in self.functions if pattern.fullmatch(known)]
        return self.calls[min(fitting, key=lambda known: (len(known), known))] if fitting else ()


def _enter(
    table: dict[_Key, dict[str, _Candidate]], keys: Iterable[_Key], rule: Rule, test: tuple[Variant, Match]
) -> None:
    for key in keys:
        known = table[key].get(rule.id)
        tests = (test,) if known is None else (*known.tests, test)
        table[key][rule.id] = _Candidate(rule, tests)


def _frozen(table: Mapping[_Key, Mapping[str, _Candidate]]) -> Mapping[_Key, tuple[_Candidate, ...]]:
    return MappingProxyType({key: tuple(candidates.values()) for key, candidates in table.items()})


def find_uses(
    site: SqlSite, statements: Sequence[Statement], rules: Sequence[Rule] | RuleIndex, *, limit: int | None = None
) -> tuple[FeatureUse, ...]:
    """Return what the statements of a site use, in their order and at most `limit` of it.

    Pass a `RuleIndex` where there are many sites.
    """
    index = rules if isinstance(rules, RuleIndex) else RuleIndex(rules)
    text = site.template.text if statements else ""
    uses = (use for statement in statements for use in _find_in_statement(site, statement, text=text, index=index))
    return tuple(itertools.islice(uses, limit))


def find_api_uses(uses: Sequence[ApiUse], rules: Sequence[Rule] | RuleIndex) -> tuple[FeatureUse, ...]:
    """Return what driver calls and settings use, in their order."""
    index = rules if isinstance(rules, RuleIndex) else RuleIndex(rules)
    return tuple(_iterate_api_uses(uses, index))


def find_mentions(
    site: SqlSite, statements: Sequence[Statement], openers: Collection[FeatureUse]
) -> tuple[FeatureUse, ...]:
    """Return the other statements that name what an earlier use of the same scope has opened.

    They are no uses of the feature themselves: they are what a rewrite must look at (who reads the temporary table?).
    Each has the opener's rule and variant, and the captures `name`, `kind`, `sql` and `text`.
    """
    if len(openers) > MOST_OPENERS:
        return ()
    scoped = [opener for opener in openers if opener.scope == site.scope and opener.place.path == site.place.path]
    names = {opener.captures["name"]: opener for opener in scoped if opener.captures.get("name")}
    if not names:
        return ()
    text = site.template.text
    return tuple(
        _mention(site, statement, text=text, opener=names[name])
        for statement in statements
        for name in sorted(names.keys() & _words(text[statement.span.start : statement.span.end]))
    )


def _words(text: str) -> set[str]:
    return {word.lower() for word in _WORD.findall(text)}


def _mention(site: SqlSite, statement: Statement, *, text: str, opener: FeatureUse) -> FeatureUse:
    captures = _statement_captures(statement, text)
    captures |= {"name": opener.captures["name"], "kind": statement.kind}
    return FeatureUse(
        rule=opener.rule,
        variant=opener.variant,
        place=site.template.locate(statement.span),
        sql=captures["sql"],
        captures=MappingProxyType(captures),
        transaction=statement.transaction,
        driver=site.driver,
        scope=site.scope,
        route=site.route,
        confidence=site.confidence,
        spelling=Spelling(site=site, statement=statement, span=statement.span),
    )


# ---------------------------------------------------------------- statements and calls


def _find_in_statement(site: SqlSite, statement: Statement, *, text: str, index: RuleIndex) -> Iterator[FeatureUse]:
    candidates = index.kinds.get(statement.kind, ())
    calls = [(call, found) for call in statement.calls if (found := index.of_call(call.name))]
    if not candidates and not calls:
        return
    captures = _statement_captures(statement, text)
    yield from _matching_uses(site, statement, candidates, span=statement.span, captures=captures)
    shared = {name: captures[name] for name in ("sql", "text", "transaction-end")}
    for call, found in calls:
        yield from _matching_uses(site, statement, found, span=call.span, captures=_call_captures(call) | shared)


def _matching_uses(
    site: SqlSite,
    statement: Statement,
    candidates: Iterable[_Candidate],
    *,
    span: Span,
    captures: Mapping[str, str],
) -> Iterator[FeatureUse]:
    for candidate in candidates:
        variant = _first_variant(
            candidate, captures, transaction=statement.transaction, driver=site.driver, of=statement
        )
        if variant is None:
            continue
        place = site.template.locate(span)
        decisive = _decisive(candidate, captures, transaction=statement.transaction, driver=site.driver, of=statement)
        yield FeatureUse(
            rule=candidate.rule.id,
            variant=variant.id,
            place=place,
            sql=captures["sql"],
            captures=MappingProxyType(dict(captures)),
            transaction=statement.transaction,
            driver=site.driver,
            scope=site.scope,
            route=site.route,
            confidence=min(site.confidence, variant.confidence, _certainty(captures), decisive.certainty),
            trail=(*_trail(site, place), *decisive.trail),
            spelling=Spelling(site=site, statement=statement, span=span),
        )


def _certainty(captures: Mapping[str, str]) -> Confidence:
    """A function whose name is put together is the one that we think of, or its neighbour."""
    return Confidence.MEDIUM if MISSING in captures.get("call", "") else Confidence.HIGH


def _trail(site: SqlSite, place: Place) -> tuple[Related, ...]:
    """Return the site's trail, with the call that sends the SQL where that is not where the SQL is spelled."""
    sender = site.place
    spelled_there = (
        place.path == sender.path and sender.span.start <= place.span.start and place.span.end <= sender.span.end
    )
    if spelled_there or any(related.place == sender for related in site.trail):
        return site.trail
    return (*site.trail, Related(place=sender, message="sent here"))


# ---------------------------------------------------------------- API uses


def _iterate_api_uses(uses: Iterable[ApiUse], index: RuleIndex) -> Iterator[FeatureUse]:
    for use in uses:
        captures = _shown(use.facts) | {"api": use.api, "transaction-end": use.transaction.end.value}
        for candidate in index.apis.get(use.api, ()):
            variant = _first_variant(candidate, captures, transaction=use.transaction, driver=use.driver)
            if variant is None:
                continue
            decisive = _decisive(candidate, captures, transaction=use.transaction, driver=use.driver)
            yield FeatureUse(
                rule=candidate.rule.id,
                variant=variant.id,
                place=use.place,
                sql="",
                captures=MappingProxyType(captures),
                transaction=use.transaction,
                driver=use.driver,
                scope=use.scope,
                route=use.route,
                confidence=min(use.confidence, variant.confidence, decisive.certainty),
                trail=(*use.trail, *decisive.trail),
            )


# ---------------------------------------------------------------- matching


def _first_variant(
    candidate: _Candidate,
    captures: Mapping[str, str],
    *,
    transaction: TransactionContext,
    driver: str | None,
    of: Statement | None = None,
) -> Variant | None:
    kind = None if of is None else of.kind
    context = StatementContext.TOP if of is None else of.context
    for variant, match in candidate.tests:
        if match.statement and kind not in match.statement:
            continue
        if match.transaction and transaction.kind not in match.transaction:
            continue
        if match.context and context not in match.context:
            continue
        if match.driver and not matches_globs(driver or "", match.driver):
            continue
        if all(matches_globs(captures.get(fact, ""), globs) for fact, globs in match.where.items()):
            return variant
    return None


def _decisive(
    candidate: _Candidate,
    captures: Mapping[str, str],
    *,
    transaction: TransactionContext,
    driver: str | None,
    of: Statement | None = None,
) -> TransactionContext:
    """Return the transaction where another kind would make another variant of the use, and nothing where not."""
    if transaction.certainty is Confidence.HIGH and not transaction.trail:
        return _INDIFFERENT
    found = {
        None if variant is None else variant.id
        for kind in Transaction
        for variant in [
            _first_variant(candidate, captures, transaction=replace(transaction, kind=kind), driver=driver, of=of)
        ]
    }
    return transaction if len(found) > 1 else _INDIFFERENT


# ---------------------------------------------------------------- captures


def _statement_captures(statement: Statement, text: str) -> dict[str, str]:
    start = statement.span.start
    whole = _shown_text(text[start : min(statement.span.end, start + LONGEST_TEXT)])
    return _shown(statement.facts) | {
        "sql": shorten(whole),
        "text": whole,
        "transaction-end": statement.transaction.end.value,
    }


def _call_captures(call: SqlCall) -> dict[str, str]:
    captures = {"call": _shown_text(call.name), "schema": call.schema or ""}
    shown = [_shown_text(argument) for argument in call.arguments[:MOST_ARGUMENTS]]
    captures["arguments"] = ", ".join(shown)
    for number, argument in enumerate(shown, start=1):
        plain = _NOTATION.sub("", argument, count=1) if _NOTATION.match(argument) else argument
        captures[f"argument-{number}"] = plain
        constant = _CONSTANT.fullmatch(plain)
        if constant is not None and MISSING not in plain:
            captures[f"literal-{number}"] = constant[1].replace("''", "'").lower()
    return captures


def _shown(facts: Mapping[str, str]) -> dict[str, str]:
    return {name: _shown_text(value) for name, value in facts.items()}


def _shown_text(text: str) -> str:
    cut = text[:LONGEST_TEXT]
    return cut if cut.isascii() else cut.translate(_HOLES)


def shorten(sql: str) -> str:
    """Return SQL on one line, white space collapsed, at most `LONGEST_SQL` characters."""
    line = _SPACE.sub(" ", sql).strip()
    return line if len(line) <= LONGEST_SQL else line[: LONGEST_SQL - 1].rstrip() + MISSING
