from __future__ import annotations

import ast
import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.python.analysed import source_of
from txsafe.errors import SourceError
from txsafe.python.nesting import NESTING_LIMIT, is_shallow
from txsafe.python.newer_syntax import lower_syntax
from txsafe.python.tree import parse_module

LOWERED = [
    ("def f[T: int = str](x: T) -> T: pass\n", "def f(x: T) -> T:\n    pass"),
    ("def f[\n  T,\n](x): pass\n", "def f(x):\n    pass"),
    ("class C[T, *Ts, **P](B): pass\n", "class C(B):\n    pass"),
    ("type X[T] = list[T]\n", "0\nX = list[T]"),
    ("if 1:\n    type X = int\n", "if 1:\n    0\n    X = int"),
    ("try: pass\nexcept A, B.c: pass\n", "try:\n    pass\nexcept A:\n    pass"),
    ("try: pass\nexcept* A, B: pass\n", "try:\n    pass\nexcept* A:\n    pass"),
    ('x = t"LISTEN {y!r}"\n', "x = f'LISTEN {y!r}'"),
    ('x = rT"a{y}"\n', "x = f'a{y}'"),
    ('x = f"é{y["a"]} {z}"\n', "x = f\"é{y['a']} {z}\""),
    ('x = f"{"\\n".join(y)} {z}"\n', "x = f'{____________} {z}'"),
    ("x = f'{f'{f'{y}'}'}'\n", "x = f'{___________}'"),
    ('x = f"{y["a"]} {"\'"}"\n', None),
    ('x = f"a {\n    [y["a"]\n     for y in z]\n} b"\n', "x = f'a           {_____________}  b'"),
    ('x = f"{\r\n    y\r\n}"\r\n', "x = f'{__} '"),
    ('x = f"{y + 1}" f"{"a"}"\n', "x = f\"{y + 1}{'a'}\""),
]


@pytest.mark.parametrize(("text", "expected"), [case for case in LOWERED if case[1]])
def test_newer_syntax_is_lowered_to_the_same_length(text: str, expected: str) -> None:
    lowered = lower_syntax(text)
    assert lowered is not None
    assert len(lowered) == len(text)
    assert lowered.count("\n") == text.count("\n")
    assert ast.unparse(ast.parse(lowered)) == expected


@pytest.mark.parametrize("text", [text for text, _ in LOWERED])
def test_newer_syntax_is_parsed(text: str) -> None:
    assert parse_module(source_of(text)).body


@pytest.mark.parametrize("text", ["x = 1\n", "def f[T](: pass\n", "x = f(1, 2\n", "x = f'{y}'\n", "\n" * 1_000_001])
def test_what_is_not_newer_syntax_is_left_alone(text: str) -> None:
    assert lower_syntax(text) is None


@pytest.mark.parametrize(
    "text", ["class C[\n\n  T\n]: pass\n", 'x = f"{\ny}"\n'], ids=["blank line", "line end in a short literal"]
)
def test_what_cannot_be_lowered_comes_back_as_it_is(text: str) -> None:
    assert lower_syntax(text) == text


@pytest.mark.skipif(sys.version_info >= (3, 12), reason="this Python reads it")
def test_what_cannot_be_lowered_is_an_error_that_names_the_interpreter() -> None:
    with pytest.raises(SourceError, match=r"^newer than the Python 3\.\d+ that runs txsafe: run txsafe with"):
        parse_module(source_of("class C[\n\n  T\n]: pass\n"))


@settings(deadline=None)
@given(st.text("aé'\" \\\n{}", max_size=10), st.text("aé😀", max_size=4))
def test_what_is_kept_stands_where_it_stood(inside: str, name: str) -> None:
    text = f"x = {'é' + name!r}; type A{name.replace('😀', '')} = int\ny = {inside!r}; z = t'{{a}}b'\n"
    lowered = lower_syntax(text)
    assert lowered is not None
    assert len(lowered) == len(text)
    assert lowered.index("y = ") == text.index("y = ")
    assert lowered.endswith("f'{a}b'\n")


@pytest.mark.parametrize(
    "text",
    [
        "(" * 3000,
        "x = " + "-" * 5000 + "1",
        'x = f"{' + "-" * 5000 + '1}"',
        "a" + ".b" * 5000,
        "f" + "(1, 2)" * 5000,
        "if a: pass\n" + "elif b: pass\n" * 3000,
        "x = " + "a if b else " * 3000 + "c",
        "x = " + "not " * 3000 + "c",
        "x = (a\n" + ".b\n" * 3000 + ")",
    ],
)
def test_deep_nesting_is_seen_before_libcst_is_asked(text: str) -> None:
    assert not is_shallow(text)
    assert lower_syntax(text + "\ntype X = int\n") is None


@pytest.mark.parametrize(
    "text",
    [
        "x = [\n" + "(1, a.b),\n" * NESTING_LIMIT + "]",
        "x = a.b\n" * NESTING_LIMIT,
        "x = '" + "(" * 3000 + "'",
        "# " + "(" * 3000,
        ") " * 3000,
    ],
    ids=["long list", "many lines", "in a text", "in a comment", "closing only"],
)
def test_long_is_not_deep(text: str) -> None:
    assert is_shallow(text)
