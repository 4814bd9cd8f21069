"""A temporary table that one later statement reads → the CTE in that statement; the table goes.

In: a use of the rule `temp-table`, its surroundings. Out: a `Fix`, or why there is none, which `temp_table` says. The
same rows are certain where nothing of the session runs in between, nothing volatile is asked, the order of rows is not
at stake, and nobody else can have read the table: it is dropped afterwards, or the connection is the function's own.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from txsafe.model import Applicability, Confidence, Edit, Fix, Place, Span, Spelling, StatementContext, StatementKind
from txsafe.rewrites.common_table import Mention, Roles, assign_roles, make_common_table, reading_part
from txsafe.rewrites.drop_at_commit import drop_at_commit
from txsafe.rewrites.literal_text import find_literals, insert_text
from txsafe.rewrites.query_shape import read_query
from txsafe.rewrites.removal import remove_call, remove_statement
from txsafe.rewrites.respelling import place_of, replace_sql
from txsafe.rewrites.surroundings import SCRIPT, Step, order_of
from txsafe.rewrites.table_query import RULE, Refusal

if TYPE_CHECKING:
    import ast
    from collections.abc import Iterable, Iterator, Sequence

    from txsafe.model import FeatureUse, SourceFile
    from txsafe.python.scopes import Module
    from txsafe.rewrites.common_table import CommonTable
    from txsafe.rewrites.query_shape import Query
    from txsafe.rewrites.surroundings import Surroundings

_ONLY_TABLE = re.compile(r"DROP\s+TABLE\s+(?:IF\s+EXISTS\s+)?[^,]+", re.IGNORECASE)
_META = re.compile(r"^[ \t]*\\(?!echo|timing|pset|set\b|qecho|warn)", re.MULTILINE)
"""psql's own commands, which may do anything in between: https://www.postgresql.org/docs/current/app-psql.html"""
_SPACE_AROUND = re.compile(r"\s*;?\s*")
_HARMLESS = frozenset({StatementKind.SHOW, StatementKind.SAVEPOINT, StatementKind.BEGIN, StatementKind.COMMIT})
_LONGEST_ON_ONE_LINE = 80
"""Characters of a name and its query."""


@dataclass(frozen=True, slots=True)
class Inlined:
    """The reading statement without the table, and the fix that writes it into the program."""

    statement: str
    fix: Fix


@dataclass(frozen=True, slots=True)
class _Plan:
    """The statements that name the table, and what becomes of them."""

    create: Step
    fill: Step | None
    reader: Step
    drops: tuple[Step, ...]
    """Behind the reader; or in front of all, where leftovers were removed."""
    between: tuple[Step, ...]
    is_dropped: bool
    table: CommonTable

    @property
    def gone(self) -> tuple[Step, ...]:
        """What is no longer sent."""
        return (self.create, *((self.fill,) if self.fill is not None else ()), *self.drops)


@dataclass(frozen=True, slots=True)
class _Written:
    """Edits of the program, and what speaks against them."""

    edits: tuple[Edit, ...]
    table: CommonTable
    """With the parameters as its reader numbers them."""
    care: tuple[str, ...] = ()


_NOT_SPELLED = Refusal("its statements are not spelled where they are sent")


def inline_table(use: FeatureUse, surroundings: Surroundings) -> Fix | None:
    """Return the fix that puts the table's query into the statement that reads it."""
    if use.rule != RULE or use.spelling is None:
        return None
    found = inline(use, surroundings)
    if isinstance(found, Refusal):
        return None
    is_safe = found.fix.applicability is Applicability.SAFE
    return found.fix if is_safe or not _is_safely_dropped(use, surroundings) else None


def inline(use: FeatureUse, surroundings: Surroundings) -> Inlined | Refusal:
    """Return what becomes of the table and its reader, or why nothing does."""
    plan = _plan(use, surroundings)
    if isinstance(plan, Refusal):
        return plan
    doubts = _doubts_of_sql(plan, surroundings)
    if isinstance(doubts, Refusal):
        return doubts
    is_script = plan.create.site.sink == SCRIPT
    written = _in_script(plan, surroundings) if is_script else _in_program(plan, surroundings)
    if isinstance(written, Refusal):
        return written
    is_sure = not doubts and not written.care and use.confidence is Confidence.HIGH
    fix = Fix(
        title=f"Read the rows of {use.captures.get('name', '')} from a CTE",
        edits=tuple(sorted(set(written.edits), key=lambda edit: edit.place)),
        applicability=Applicability.SAFE if is_sure else Applicability.UNSAFE,
    )
    return Inlined(written.table.put_into(plan.reader.text), fix)


def _is_safely_dropped(use: FeatureUse, surroundings: Surroundings) -> bool:
    other = drop_at_commit(use, surroundings)
    return other is not None and other.applicability is Applicability.SAFE


# ---------------------------------------------------------------- which statements


_NO_TABLE = Refusal("it is made within a function or block")


def _plan(use: FeatureUse, surroundings: Surroundings) -> _Plan | Refusal:
    spelling, name, order = use.spelling, use.captures.get("name", ""), order_of(use)
    if spelling is None or order is None or spelling.statement.kind is not StatementKind.CREATE_TEMPORARY:
        return _NO_TABLE
    facts = spelling.statement.facts
    is_table = facts.get("object") == "table" and facts.get("on-commit") in {"none", "preserve-rows"}
    if not is_table or not name or spelling.statement.context is not StatementContext.TOP:
        return _NO_TABLE
    create = Step(order, spelling.site, spelling.statement, spelling.site.template.text)
    steps, dropped = _until_dropped(use, name, surroundings)
    found = _without_parts(step for step in steps if _names(step, name))
    mentions = [Mention(step.statement.kind, step.text) for step in found]
    roles = assign_roles(facts.get("form", ""), mentions)
    if isinstance(roles, Refusal):
        return roles
    return _with_table(create, found, roles, (steps, dropped, _leftover(use, name, surroundings)))


def _without_parts(steps: Iterable[Step]) -> list[Step]:
    """Return the statements but for the query of a `COPY (…) TO`, which counts as one itself."""
    found: list[Step] = []
    for step in steps:
        last = found[-1] if found and found[-1].statement.kind is StatementKind.COPY else None
        if last is None or last.site is not step.site or last.statement.span.end < step.statement.span.end:
            found.append(step)
    return found


def _with_table(
    create: Step, found: Sequence[Step], roles: Roles, around: tuple[Sequence[Step], Step | None, Step | None]
) -> _Plan | Refusal:
    reader, fill = found[roles.reader], None if roles.fill is None else found[roles.fill]
    steps, dropped, leftover = around
    table = make_common_table(
        create.text,
        create.statement.facts,
        fill=None if fill is None else fill.text,
        reader=reader.text,
    )
    if isinstance(table, Refusal):
        return table
    between = tuple(step for step in steps if step.order < reader.order and step is not fill)
    drops = tuple(step for step in (leftover, dropped) if step is not None)
    return _Plan(create, fill, reader, drops, between, dropped is not None, table)


def _until_dropped(use: FeatureUse, name: str, surroundings: Surroundings) -> tuple[list[Step], Step | None]:
    """Return what runs while there is the table, and its DROP."""
    steps: list[Step] = []
    for step in surroundings.steps_after(use):
        named = step.statement.facts.get("name") == name
        if named and step.statement.kind is StatementKind.DROP and _ONLY_TABLE.fullmatch(step.text):
            return steps, step
        if named and step.statement.kind is StatementKind.CREATE_TEMPORARY:
            break
        steps.append(step)
    return steps, None


def _leftover(use: FeatureUse, name: str, surroundings: Surroundings) -> Step | None:
    """Return the DROP TABLE IF EXISTS right in front, which makes room for the table."""
    before = next(surroundings.steps_before(use), None)
    if before is None or before.statement.kind is not StatementKind.DROP:
        return None
    return before if before.statement.facts.get("name") == name and _ONLY_TABLE.fullmatch(before.text) else None


def _names(step: Step, name: str) -> bool:
    text = step.text
    if name.isascii() and text.isascii() and name.lower() not in text.lower():
        return False  # as most do, and to say so takes a tenth of the time
    return re.search(rf"(?<!\w){re.escape(name)}(?!\w)", text, re.IGNORECASE) is not None


# ---------------------------------------------------------------- how sure it is


_CHANGES = Refusal("what runs before it is read may change its rows")


def _doubts_of_sql(plan: _Plan, surroundings: Surroundings) -> tuple[str, ...] | Refusal:
    """Return what may make a difference; a refusal where something surely may not come in between."""
    part = reading_part(plan.reader.text)
    inner, outer = read_query(plan.table.query), None if part is None else read_query(plan.reader.text[slice(*part)])
    if inner is None or outer is None:
        return _CHANGES
    doubts = list(plan.table.care)
    if (inner.calls() | outer.calls()) - surroundings.stable_functions:
        doubts.append("functions may do anything")
    same_block = plan.create.block is not None and plan.create.block == plan.reader.block
    if inner.reads_clock and not same_block:
        doubts.append("time goes on")
    for step in plan.between:
        doubt = _doubt_of(step, inner, surroundings)
        if doubt is None:
            return _CHANGES
        doubts.append(doubt)
    if plan.drops and plan.drops[0].order < plan.create.order:
        doubts.append("what it dropped may have been another table")
    return tuple(doubts)


def _doubt_of(step: Step, inner: Query, surroundings: Surroundings) -> str | None:
    """Say what a statement in between may change; None where it may change what the query gives."""
    if step.statement.kind in _HARMLESS:
        return "a transaction ends in between"
    if step.statement.kind is StatementKind.CREATE_TEMPORARY:
        is_plain = step.statement.facts.get("form") in {"as", "create"} and step.statement.facts["name"]
        return "a table is made in between" if is_plain and is_plain not in inner.tables else None
    query = read_query(step.text) if step.statement.kind is StatementKind.QUERY else None
    if query is None or query.calls() - surroundings.stable_functions:
        return None
    if not query.changes_data:
        return "something is read in between"
    return "something is written in between" if query.target and query.target not in inner.tables else None


# ---------------------------------------------------------------- a script


def _in_script(plan: _Plan, surroundings: Surroundings) -> _Written | Refusal:
    path = plan.create.site.place.path
    source, at = surroundings.sources(path), _place_in_reader(plan)
    if source is None or at is None:
        return _NOT_SPELLED
    if _META.search(source.text, _place(plan.create).span.end, _place(plan.reader).span.start):
        return _CHANGES
    edits = [edit for step in plan.gone for edit in remove_statement(_place(step), source.text).edits]
    offset = at.span.start
    line = source.line_starts[source.position(offset).line - 1]
    before = source.text[line:offset]
    text = plan.table.written(None if before.strip() else before)
    edits.append(Edit(place=Place(path, Span(offset, offset)), replacement=text))
    care = () if plan.is_dropped else ("another script may read it on the same connection",)
    return _Written(tuple(edits), plan.table, care)


def _place(step: Step) -> Place:
    return step.site.template.locate(step.statement.span)


def _place_in_reader(plan: _Plan) -> Place | None:
    """Return where the CTE belongs, where that is spelled as it is sent."""
    return place_of(plan.reader.site.template, plan.reader.statement.span.start + plan.table.at)


# ---------------------------------------------------------------- a program


_ABOUT_READERS = frozenset({"the connection is handed on", "the connection is handed out"})
"""What does not matter where the table is dropped in the end."""


def _in_program(plan: _Plan, surroundings: Surroundings) -> _Written | Refusal:
    path = plan.create.site.place.path
    module = surroundings.module(path)
    first, second = surroundings.call(plan.create.site.place), surroundings.call(plan.reader.site.place)
    if module is None or first is None or second is None or not second.args:
        return _NOT_SPELLED
    if first is second:
        edits = _in_message(plan, module, second, surroundings)
        return _NOT_SPELLED if edits is None else _Written(tuple(edits), plan.table)
    return _at_calls(plan, module, (first, second), surroundings)


def _at_calls(
    plan: _Plan, module: Module, calls: tuple[ast.Call, ast.Call], surroundings: Surroundings
) -> _Written | Refusal:
    """Remove the calls that make the table, and write the CTE into the literal of the one that reads it."""
    from txsafe.rewrites.statement_parameters import join_parameters
    from txsafe.rewrites.straight_line import follow, repeats

    first, second = calls
    giving = surroundings.call((plan.create if plan.fill is None else plan.fill).site.place)
    if giving is None or repeats(second) or repeats(giving):
        return Refusal("it is filled or read row by row")
    course = follow(module, first, second, known=frozenset(_known(plan, surroundings)))
    if course is None or not _use_one_connection(plan):
        return Refusal("it is not sure to be read once, behind what fills it")
    joined = join_parameters(module, giving, second, query=plan.table.query)
    if joined is None:
        return Refusal("its bound parameters cannot be moved")
    plan = replace(plan, table=replace(plan.table, query=joined.query))
    edits = _written(plan, module, second, surroundings)
    for step in plan.gone:
        removal = remove_call(step.site.place, surroundings) if step.is_alone else None
        if removal is None or edits is None:
            return _NOT_SPELLED
        edits += removal.edits
    care = [each for each in course.care if not (plan.is_dropped and each in _ABOUT_READERS)]
    return _NOT_SPELLED if edits is None else _Written((*edits, *joined.edits), plan.table, tuple(care))


def _known(plan: _Plan, surroundings: Surroundings) -> Iterator[ast.Call]:
    """Yield the calls whose SQL is known."""
    for step in surroundings.steps_of(plan.create):
        call = surroundings.call(step.site.place)
        if call is not None:
            yield call


def _use_one_connection(plan: _Plan) -> bool:
    steps = (plan.create, plan.reader, *((plan.fill,) if plan.fill is not None else ()))
    return len({step.site.connection for step in steps}) == 1


def _in_message(plan: _Plan, module: Module, call: ast.Call, surroundings: Surroundings) -> list[Edit] | None:
    """Move the query within the literal that sends all of it."""
    text = plan.create.site.template.text
    edits = _written(plan, module, call, surroundings)
    if edits is None or "%s" in plan.table.query:
        return None
    for step in plan.gone:
        if step.site is not plan.create.site:
            return None
        span = step.statement.span
        rest = _SPACE_AROUND.match(text, span.end)
        spelling = Spelling(site=surroundings.respelled(step.site), statement=step.statement, span=span)
        whole = Span(span.start, rest.end() if rest is not None else span.end)
        removed = replace_sql(spelling, whole, "", surroundings=surroundings)
        if removed is None:
            return None
        edits += removed
    return edits


def _written(plan: _Plan, module: Module, call: ast.Call, surroundings: Surroundings) -> list[Edit] | None:
    source = module.source
    site = surroundings.respelled(plan.reader.site)
    at = place_of(site.template, plan.reader.statement.span.start + plan.table.at)
    argument = module.span(_text_of(call))
    if at is None or at.path != source.path or not argument.start <= at.span.start <= argument.end:
        return None
    literals = find_literals(source.text, argument)
    text = plan.table.written(_margin(plan, source, at.span.start))
    edits = insert_text(source, at.span.start, text, literals=literals)
    return None if edits is None else list(edits)


def _text_of(call: ast.Call) -> ast.expr:
    """Return the expression that spells a call's SQL: its first argument, or what `text()` is given."""
    import ast

    match call.args[0]:
        case ast.Call(args=[inner], keywords=[]):
            return inner
        case expr:
            return expr


def _margin(plan: _Plan, source: SourceFile, at: int) -> str | None:
    """Return how far the reading statement is indented; None where all of it fits on one line."""
    line = source.line_starts[source.position(at).line - 1]
    before = source.text[line:at]
    if not before.strip():
        return before
    fits = len(plan.table.name) + len(plan.table.query) < _LONGEST_ON_ONE_LINE
    if fits and "\n" not in plan.table.query + plan.reader.text and "--" not in plan.table.query:
        return None
    return before[: len(before) - len(before.lstrip())]
