"""Every statement of PostgreSQL's own regression suite is what PostgreSQL's own grammar says, however it is spelled."""

from __future__ import annotations

import functools
import itertools
import random
import re
from collections import Counter
from typing import TYPE_CHECKING, Any

import pglast
from pglast import ast
from pglast.parser import ParseError
from pglast.visitors import Visitor

from tests.python.analysed import marked, module_of
from tests.sql.grammar import check_facts, kind_of
from tests.sql.literals import STYLES, Spelling
from tests.sql.regression_suite import Sample, samples
from txsafe.model import StatementKind as Kind
from txsafe.python.spelling import respell
from txsafe.python.values import text_values
from txsafe.sql import SESSION_FUNCTIONS, read_statements

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

LONGEST = 4_000
BATCH = 50
"""Statements per module of Python."""
LEAST = 50_000
REFUSED = 290
"""At most so many statements without a variable of psql are refused by the grammar: the suite tests errors, too."""
STATELESS = {
    *(Kind.QUERY, Kind.DDL, Kind.OTHER, Kind.COPY, Kind.DROP, Kind.SHOW, Kind.EXPLAIN, Kind.LOCK),
    Kind.CREATE_ROUTINE,
}
NAMED = re.compile("|".join(SESSION_FUNCTIONS), re.IGNORECASE)
CONSTANT = frozenset({"SCONST", "ICONST", "FCONST"})


def parsed(wanted: Callable[[Sample], bool]) -> Iterator[tuple[Sample, Any | None]]:
    """Yield statements with their trees: None where the grammar refuses them."""
    for sample in samples():
        if sample.has_hole or not wanted(sample):
            continue
        try:
            (raw,) = pglast.parse_sql(sample.text)
        except ParseError:
            yield sample, None
        else:
            yield sample, raw.stmt


@functools.cache
def stateful() -> tuple[str, ...]:
    """Return the texts that hold session state or bound a transaction, each once."""
    found = parsed(lambda sample: sample.statement.kind not in STATELESS or bool(sample.statement.calls))
    return tuple(dict.fromkeys(sample.text for sample, tree in found if tree is not None))


def test_every_statement_is_what_the_grammar_says() -> None:
    """Few are refused: a statement that is cut in the wrong place would be, and would be torn for a scanner."""
    differences, refused, count = [], [], 0
    for sample, tree in parsed(lambda _: True):
        count += 1
        if tree is None:
            refused.append(sample.text)
            continue
        if kind_of(tree) is not sample.statement.kind:
            differences.append((sample.script, sample.text[:200], kind_of(tree), sample.statement.kind))
        check_facts(sample.statement.facts, tree)
    assert differences == []
    assert count > LEAST
    assert len(refused) <= REFUSED
    assert [text for text in refused if ";" in (token.name for token in _scan(text))] == []


def _scan(text: str) -> list[Any]:
    try:
        return list(pglast.parser.scan(text))
    except ParseError:  # an unfinished or wrong constant
        return []


class _Calls(Visitor):
    """Collects the names of the session functions that a statement calls."""

    def __init__(self) -> None:
        self.found: Counter[str] = Counter()

    def visit_FuncCall(self, _: Any, node: Any) -> None:  # noqa: N802  # the visitor's protocol
        name = node.funcname[-1].sval
        if name in SESSION_FUNCTIONS and (len(node.funcname) == 1 or node.funcname[0].sval == "pg_catalog"):
            self.found[name] += 1


def plans_only(tree: Any) -> bool:
    """Tell whether it is an EXPLAIN that runs nothing, whose calls are none."""
    if not isinstance(tree, ast.ExplainStmt):
        return False
    return "analyze" not in {option.defname for option in tree.options or ()}


def test_every_call_of_a_session_function_is_seen() -> None:
    differences, count = [], 0
    for sample, tree in parsed(lambda sample: NAMED.search(sample.text) is not None):
        if tree is None or isinstance(tree, ast.CreateFunctionStmt | ast.DoStmt) or plans_only(tree):
            continue
        visitor = _Calls()
        visitor(tree)
        seen = Counter(call.name for call in sample.statement.calls)
        count += visitor.found.total()
        if seen != visitor.found:
            differences.append((sample.script, sample.text[:300], dict(visitor.found), dict(seen)))
    assert differences == []
    assert count > 240


def test_a_placeholder_for_each_constant_changes_nothing() -> None:
    differences = []
    for text, placeholder in itertools.product(stateful(), ["%s", "%(value)s", "$1", ":value", "?"]):
        tokens = [token for token in _scan(text) if token.name in CONSTANT]
        changed = text
        for token in reversed(tokens):
            changed = changed[: token.start] + placeholder + changed[token.end + 1 :]
        before, after = (read_statements(each)[0] for each in (text, changed))
        if (before.kind, [call.name for call in before.calls]) != (after.kind, [call.name for call in after.calls]):
            differences.append((text[:200], changed[:200], before.kind, after.kind))
    assert differences == []


def test_each_spelling_in_python_leads_back_to_line_and_column() -> None:
    texts = [text for text in stateful() if len(text) < LONGEST]
    dice = random.Random(20)  # where pieces are cut
    differences: list[tuple[str, str]] = []
    for style in STYLES:
        spelled = [each for text in texts if (each := style(text, dice)) is not None]
        assert len(spelled) > len(texts) * 0.8
        for start in range(0, len(spelled), BATCH):
            differences += _misplaced(spelled[start : start + BATCH])
    assert differences == []


def _misplaced(spellings: list[Spelling]) -> Iterator[tuple[str, str]]:
    code = "".join(f"show(\n  {each.literal}\n)\n" for each in spellings)
    module = module_of(code)
    end = 0
    for spelling, expr in zip(spellings, marked(module), strict=True):
        begin = code.index(f"show(\n  {spelling.literal}\n)\n", end) + len("show(\n  ")
        end = begin + len(spelling.literal)
        (template,) = text_values(module, expr)
        respelled = respell(template, lambda _: module.source)
        for statement in read_statements(respelled.text):
            place = respelled.locate(statement.span).span
            wanted = (begin + spelling.starts[statement.span.start], begin + spelling.ends[statement.span.end - 1])
            if (place.start, place.end) != wanted:
                yield spelling.literal[:300], code[place.start : place.end][:300]
