"""What a statement is, PostgreSQL's own grammar (libpg_query) knows; here it is asked."""

from __future__ import annotations

from pathlib import Path

import pglast
import pytest

from tests.sql.grammar import check_facts, kind_of, parse
from txsafe.model import StatementKind as Kind
from txsafe.sql import read_statements
from txsafe.sql.splitting import split_statements

STATEMENTS = [
    line
    for line in Path(__file__).with_name("grammar.sql").read_text(encoding="utf-8").splitlines()
    if not line.startswith("--")
]


@pytest.mark.parametrize("text", STATEMENTS)
def test_kind_is_what_the_grammar_says(text: str) -> None:
    statement = read_statements(text)[0]
    assert statement.kind is kind_of(parse(text))
    assert text[statement.span.start : statement.span.end] == text


@pytest.mark.parametrize("text", STATEMENTS)
def test_names_are_what_the_grammar_says(text: str) -> None:
    check_facts(read_statements(text)[0].facts, parse(text))


@pytest.mark.parametrize("separator", [";", " ;\n\n", "; -- a ; b\n", ";/* ; /* ' */ \" */"])
def test_a_script_splits_where_the_grammar_splits_it(separator: str) -> None:
    text = separator.join(STATEMENTS)
    expected = [part.strip() for part in pglast.split(text)]
    assert len(expected) == len(STATEMENTS)
    assert [text[start:end] for start, end in split_statements(text).ranges] == STATEMENTS


def test_the_kinds_of_the_sample_are_all_kinds_there_are() -> None:
    seen = {statement.kind for text in STATEMENTS for statement in read_statements(text)}
    assert seen == set(Kind) - {Kind.UNSEEN}
