"""A statement's text in, what it uses of the session and what it does to state that lasts out; each text once.

The SQL recogniser and the rules are those of the analysis. Most statements hold no session state, and a substring
search says so; what is left is recognised once for each text that comes often.
"""

from __future__ import annotations

import enum
import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from txsafe.features import RuleIndex, find_api_uses, find_uses
from txsafe.model import (
    ApiUse,
    Fragment,
    Place,
    Span,
    SqlSite,
    SqlTemplate,
    Statement,
    StatementContext,
    StatementKind,
)
from txsafe.observed_sql.normalise import LONGEST, normalise
from txsafe.sql import may_hold_session_state, read_statements
from txsafe.sql.calls import name_stems

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from txsafe.catalog import Catalog
    from txsafe.model import FeatureUse, SqlCall

MOST_KEPT = 20_000
LONGEST_KEPT = 2_000
"""Characters of a text whose recognition is kept."""
NAMED_PREPARE = "named-prepare"
_ELSEWHERE = frozenset({"transaction-block", "open-transaction", "cursor-in-autocommit"})
"""Capabilities that a log says nothing about: they depend on what a driver does around a statement."""
_HEAD = re.compile(r"\s*+(?:select|insert|update|delete|with|values|table|merge)\b", re.IGNORECASE)
_DROP = re.compile(r"\s*+drop\b", re.IGNORECASE)
_TEMPORARY = "temp"
_ESCAPED = 'u&"'
_NAMES_BY_CONSTANT = "set_config"
_CONSTANT = re.compile(r"'[^']*+(?:''[^']*+)*+'|(?<![\w$])\d++(?![\w$])")
_LOCK_CALL = re.compile(r"pg_(?:try_)?advisory_(?:un)?lock(?:_shared)?\s*\(([^()]{0,500})\)", re.IGNORECASE)
_LOCKS = ("pg_advisory_lock", "pg_try_advisory_lock", "pg_advisory_lock_shared", "pg_try_advisory_lock_shared")
_UNLOCKS = ("pg_advisory_unlock", "pg_advisory_unlock_shared")


class Deed(enum.Enum):
    """What a statement does to state that lasts."""

    OPENS = enum.auto()
    USES = enum.auto()
    CLOSES = enum.auto()
    ROLLS_BACK = enum.auto()
    """What its transaction has set is undone."""
    ENDS = enum.auto()
    """A transaction ends: that is no use of anything."""


class State(enum.StrEnum):
    """State that lasts for the session."""

    SETTING = "setting"
    """Any later statement runs under it."""
    LISTENING = "listening"
    LOCK = "lock"
    STATEMENT = "statement"
    TABLE = "table"
    CURSOR = "cursor"
    ANY = "any"


@dataclass(frozen=True, slots=True)
class Act:
    """One deed and what it is done to."""

    deed: Deed
    state: State
    key: str
    """Empty: all of them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Use:
    """A session feature that a statement uses."""

    use: FeatureUse
    sql: str
    """Normal form of the statement."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """What one text says."""

    uses: tuple[Use, ...] = ()
    acts: tuple[Act, ...] = ()
    sql: str = ""
    """Normal form of its first statement; empty where nothing was found."""


NOTHING = Reading()


class Recogniser:
    """Reads texts for one catalogue."""

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog
        self._index = RuleIndex(catalog.rules.values())
        self._kept: dict[str, Reading] = {}
        self._shapes: dict[str, Reading] = {}
        self._named: dict[str, Reading] = {}
        self._signs = (_TEMPORARY, _ESCAPED, *name_stems(self._index.functions))

    def read(self, sql: str) -> Reading:
        """Return what a text uses and does."""
        known = self._kept.get(sql)
        if known is not None:
            return known
        cut = sql[:LONGEST]
        reading = self._read_by_shape(cut) if self._may_matter(cut) else NOTHING
        if len(sql) <= LONGEST_KEPT:
            _keep(self._kept, sql, reading)
        return reading

    def _may_matter(self, sql: str) -> bool:
        """Ask a plain query for its functions only: the words of statements stand in every UPDATE."""
        head = _HEAD.match(sql)
        if head is None or ";" in sql[:-1]:
            return _DROP.match(sql) is not None or may_hold_session_state(sql, functions=self._index.functions)
        lowered = sql.lower()
        for sign in self._signs:  # noqa: SIM110 - `any` takes three times as long, and this is asked of every query
            if sign in lowered:
                return True
        return False

    def _read_by_shape(self, sql: str) -> Reading:
        """Recognise texts that differ only in constants once, unless one of them is a name."""
        if _NAMES_BY_CONSTANT in sql.lower():
            return self._recognise(sql)
        shape = _CONSTANT.sub("?", sql)
        known = self._shapes.get(shape)
        if known is None:
            known = self._recognise(sql)
            _keep(self._shapes, shape, known)
        return _with_own_locks(known, sql)

    def read_named(self, name: str) -> Reading:
        """Return what the execution of a statement with a name on protocol level uses."""
        shown, driver = self._maker(name)
        if shown not in self._named:
            use = ApiUse(place=Place("", Span(0, 0)), api=NAMED_PREPARE, driver=driver, facts={"setting": "name"})
            found = find_api_uses([use], self._index)[:1]
            uses = tuple(Use(use=each, sql=f"executes {shown}, prepared by name") for each in found)
            self._named[shown] = Reading(uses=uses)
        return self._named[shown]

    def _maker(self, name: str) -> tuple[str, str | None]:
        """Return how statements of that name are shown, and the driver that gives such names."""
        for prefix, driver in self._catalog.drivers.statement_names.items():
            if name.startswith(prefix):
                return f"{prefix}…", driver
        stem = name.rstrip("0123456789")
        return (f"{stem}…" if stem != name else stem)[:63], None

    def _recognise(self, sql: str) -> Reading:
        place = Place("", Span(0, len(sql)))
        template = SqlTemplate(fragments=(Fragment(text=sql, place=place, exact=True),))
        site = SqlSite(place=place, sink="log", driver=None, template=template)
        statements = read_statements(sql, functions=self._index.functions)
        uses = []
        for group in _by_statement(statements):
            text = normalise(sql[group[0].span.start : group[0].span.end])
            uses += [Use(use=use, sql=text) for use in find_uses(site, group, self._index) if self._lasts(use)]
        acts = tuple(act for statement in statements for act in _acts(statement))
        return Reading(uses=tuple(uses), acts=acts, sql=normalise(sql) if uses or acts else "")

    def _lasts(self, use: FeatureUse) -> bool:
        """Tell whether a use needs anything of the session that a log can tell of."""
        variant = self._catalog.rules[use.rule].variants[use.variant]
        return bool(variant.requires) and _ELSEWHERE.isdisjoint(variant.requires)


def _keep(kept: dict[str, Reading], text: str, reading: Reading) -> None:
    if len(kept) >= MOST_KEPT:
        kept.clear()
    kept[text] = reading


def _with_own_locks(reading: Reading, sql: str) -> Reading:
    """Return the reading of a text of the same shape with the locks that this text names."""
    if not any(act.state is State.LOCK and act.key for act in reading.acts):
        return reading
    keys = {", ".join(part.strip() for part in found.split(",")) for found in _LOCK_CALL.findall(sql)}
    key = keys.pop() if len(keys) == 1 else ""
    acts = (replace(act, key=key) if act.state is State.LOCK else act for act in reading.acts)
    return replace(reading, acts=tuple(act for act in acts if act.key or act.state is not State.LOCK))


def _by_statement(statements: tuple[Statement, ...]) -> Iterator[tuple[Statement, ...]]:
    """Give each top-level statement with those inside it."""
    group: list[Statement] = []
    for statement in statements:
        if group and statement.span.start >= group[0].span.end:
            yield tuple(group)
            group = []
        group.append(statement)
    if group:
        yield tuple(group)


# ---------------------------------------------------------------- deeds


def _acts(statement: Statement) -> Iterator[Act]:
    if statement.context is not StatementContext.ROUTINE_BODY:
        yield from _acts_of_kind(statement.kind, statement.facts)
        for call in statement.calls:
            yield from _acts_of_call(call)


def _acts_of_kind(kind: StatementKind, facts: Mapping[str, str]) -> Iterator[Act]:  # noqa: C901, PLR0912 - one per kind
    name = facts.get("name", "")
    match kind:
        case StatementKind.SET if facts.get("scope") != "local":
            yield Act(Deed.OPENS, State.SETTING, name)
        case StatementKind.RESET:
            yield Act(Deed.CLOSES, State.SETTING, "" if name == "all" else name)
        case StatementKind.SET_ROLE | StatementKind.SET_SESSION_AUTHORIZATION if facts.get("scope") != "local":
            deed = Deed.OPENS if facts.get("action") == "set" else Deed.CLOSES
            yield Act(deed, State.SETTING, kind.value)
        case StatementKind.SET_CHARACTERISTICS:
            yield Act(Deed.OPENS, State.SETTING, facts.get("parameter", kind.value))
        case StatementKind.DISCARD if facts.get("target") == "all":
            yield Act(Deed.CLOSES, State.ANY, "")
        case StatementKind.LISTEN:
            yield Act(Deed.OPENS, State.LISTENING, facts.get("channel", ""))
        case StatementKind.UNLISTEN:
            channel = facts.get("channel", "")
            yield Act(Deed.CLOSES, State.LISTENING, "" if channel == "*" else channel)
        case StatementKind.PREPARE:
            yield Act(Deed.OPENS, State.STATEMENT, name)
        case StatementKind.EXECUTE:
            yield Act(Deed.USES, State.STATEMENT, name)
        case StatementKind.DEALLOCATE:
            yield Act(Deed.CLOSES, State.STATEMENT, "" if name == "all" else name)
        case StatementKind.CREATE_TEMPORARY if name and facts.get("on-commit") != "drop":
            yield Act(Deed.OPENS, State.TABLE, name.rpartition(".")[2])
        case StatementKind.DROP if name:
            yield Act(Deed.CLOSES, State.TABLE, name.rpartition(".")[2])
        case StatementKind.DECLARE_CURSOR if facts.get("hold") == "yes":
            yield Act(Deed.OPENS, State.CURSOR, name)
        case StatementKind.FETCH:
            yield Act(Deed.USES, State.CURSOR, name)
        case StatementKind.CLOSE:
            yield Act(Deed.CLOSES, State.CURSOR, "" if name == "all" else name)
        case StatementKind.ROLLBACK:
            yield Act(Deed.ROLLS_BACK, State.ANY, "")
        case StatementKind.COMMIT | StatementKind.BEGIN | StatementKind.SAVEPOINT:
            yield Act(Deed.ENDS, State.ANY, "")
        case _:
            return


def _acts_of_call(call: SqlCall) -> Iterator[Act]:
    if call.name in _LOCKS:
        yield Act(Deed.OPENS, State.LOCK, ", ".join(call.arguments))
    elif call.name in _UNLOCKS:
        yield Act(Deed.USES, State.LOCK, ", ".join(call.arguments))
        yield Act(Deed.CLOSES, State.LOCK, ", ".join(call.arguments))
    elif call.name == "pg_advisory_unlock_all":
        yield Act(Deed.CLOSES, State.LOCK, "")
    elif (
        call.name == "set_config"
        and len(call.arguments) == 3
        and call.arguments[2].lower() in {"false", "'f'", "'off'"}
    ):
        yield Act(Deed.OPENS, State.SETTING, call.arguments[0].strip("'").lower())
