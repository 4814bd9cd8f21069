"""Any text, written into the literals of a program as they ask for it."""

from __future__ import annotations

import ast

import pytest
from hypothesis import given
from hypothesis import settings as options
from hypothesis import strategies as st

from txsafe.edits import apply_edits
from txsafe.model import Span
from txsafe.rewrites.literal_text import find_literals, insert_text
from txsafe.source import decode


def inserted(literal: str, text: str, at: int) -> str | None:
    """Insert a text at an offset of `x = literal`; return the new program."""
    source = decode(f"x = {literal}\n".encode(), "app.py")
    literals = find_literals(source.text, Span(4, 4 + len(literal)))
    edits = insert_text(source, at, text, literals=literals)
    return None if edits is None else apply_edits(source.text, edits)


@pytest.mark.parametrize(
    ("literal", "text", "expected"),
    [
        ("'a'", "b", "'ba'"),
        ("'a'", "it's \\ {", "'it\\'s \\\\ {a'"),
        ("f'a{{'", "{", "f'{{a{{'"),
        ("r'a'", "b", "r'ba'"),
        ("b'a'", "b", "b'ba'"),
        ('"a"', "b\n", '"""b\na"""'),
        ("'''a'''", "b\n'''", "'''b\n\\'\\'\\'a'''"),
        ("'a'", "b" * 100, "'" + "b" * 100 + "'\n    'a'"),
    ],
)
def test_a_text_is_spelled_as_the_literal_asks_for_it(literal: str, text: str, expected: str) -> None:
    at = 4 + len(literal) - len(literal.lstrip("frb")) + (3 if "'''" in literal else 1)
    assert inserted(literal, text, at) == f"x = {expected}\n"


@pytest.mark.parametrize(
    ("literal", "text", "at"),
    [
        ("r'a'", "'", 6),
        ("r'a'", "\\", 6),
        ("b'a'", "é", 6),
        ("f'{y}'", "b", 6),
        ("name", "b", 5),
        ("'a' + y", "b", 5),
        ("'a'", "b", 40),
        ('\'a"""\'', "b\n", 4),
        ("'a\\''", "b\n", 5),
    ],
)
def test_what_cannot_be_spelled_there_is_not(literal: str, text: str, at: int) -> None:
    assert inserted(literal, text, at) is None


@options(max_examples=150)
@given(
    prefix=st.sampled_from(["", "r", "b", "f", "rb"]),
    quote=st.sampled_from(["'", '"', "'''", '"""']),
    inner=st.text(alphabet="ab '\"{}\\\n-", max_size=6),
    text=st.text(alphabet="xy '\"{}\\\n%-", max_size=8),
    data=st.data(),
)
def test_the_value_of_the_program_is_the_old_one_with_the_text(
    prefix: str, quote: str, inner: str, text: str, data: st.DataObject
) -> None:
    literal = f"{prefix}{quote}{inner}{quote}"
    try:
        tree = ast.parse(f"x = {literal}\n", mode="exec").body
    except (SyntaxError, ValueError):
        return
    if (
        len(tree) != 1
        or not isinstance(tree[0], ast.Assign)
        or "\\" in inner
        or quote[0] in inner
        or ("f" in prefix and set(inner) & set("{}"))
    ):
        return
    start = 4 + len(prefix) + len(quote)
    offset = data.draw(st.integers(0, len(inner)))
    found = inserted(literal, text, start + offset)
    if found is None:
        return
    value = inner[:offset] + text + inner[offset:]
    expected = value.encode() if "b" in prefix else value
    assert eval(found.removeprefix("x = ").strip().replace("'\n    '", "''").replace('"\n    "', '""')) == expected
