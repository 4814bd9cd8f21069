"""What is decided by a condition of which everything is known."""

from __future__ import annotations

import pytest

from tests.python.analysed import values_of

DECIDED = {
    "equal": ("show('a' if 'x' == 'x' else 'b')", ["a"]),
    "not equal": ("show('a' if 1 != 1 else 'b')", ["b"]),
    "is None": ("x = None\nshow('a' if x is None else 'b')", ["a"]),
    "is not None": ("x = 'text'\nshow('a' if x is not None else 'b')", ["a"]),
    "a list is not None": ("x = []\nshow('a' if x is None else 'b')", ["b"]),
    "an object is not None": ("class C: pass\nx = C()\nshow('a' if x is None else 'b')", ["b"]),
    "in a text": ("show('a' if 'x' in 'xyz' else 'b')", ["a"]),
    "not in a list": ("show('a' if 'x' not in ['y', 'z'] else 'b')", ["a"]),
    "in a list": ("show('a' if 2 in (1, 2) else 'b')", ["a"]),
    "in a dictionary": ("d = {'k': 1}\nshow('a' if 'k' in d else 'b')", ["a"]),
    "a number in a text": ("show('a' if 1 in 'x' else 'b')", ["b"]),
    "starts with": ("show('a' if 'xyz'.startswith('xy') else 'b')", ["a"]),
    "ends with one of several": ("show('a' if 'xyz'.endswith(('a', 'z')) else 'b')", ["a"]),
    "not": ("show('a' if not 'xyz'.startswith('xy') else 'b')", ["b"]),
    "and": ("show('a' if 1 and 'x' == 'y' else 'b')", ["b"]),
    "both": ("show('a' if 1 and 'x' == 'x' else 'b')", ["a"]),
    "or": ("show('a' if 0 or 'x' == 'x' else 'b')", ["a"]),
    "neither": ("show('a' if 0 or '' else 'b')", ["b"]),
}
OPEN = {
    "a parameter": ("def f(x):\n  show('a' if x == 'x' else 'b')", ["a", "b"]),
    "a parameter that may be None": ("def f(x=None):\n  show('a' if x is None else 'b')", ["a", "b"]),
    "several values": ("x = 1 if y else 2\nshow('a' if x == 1 else 'b')", ["a", "b"]),
    "less": ("show('a' if 1 < 2 else 'b')", ["a", "b"]),
    "a list of unknowns": ("show('a' if 'x' in [y] else 'b')", ["a", "b"]),
    "something else": ("show('a' if 'x' in y else 'b')", ["a", "b"]),
    "an unknown element": ("show('a' if y in ['x'] else 'b')", ["a", "b"]),
    "a start that is not known": ("show('a' if 'x'.startswith(y) else 'b')", ["a", "b"]),
    "a start out of a list that is not known": ("show('a' if 'x'.startswith((y,)) else 'b')", ["a", "b"]),
    "a text that is not known": ("show('a' if y.startswith('x') else 'b')", ["a", "b"]),
    "one unknown of two": ("show('a' if y and 1 else 'b')", ["a", "b"]),
    "a call": ("show('a' if f() else 'b')", ["a", "b"]),
}


@pytest.mark.parametrize(("code", "expected"), DECIDED.values(), ids=DECIDED.keys())
def test_a_condition_that_is_known_decides(code: str, expected: list[object]) -> None:
    assert values_of(code) == expected


@pytest.mark.parametrize(("code", "expected"), OPEN.values(), ids=OPEN.keys())
def test_a_condition_that_is_not_known_leaves_both_sides(code: str, expected: list[object]) -> None:
    assert values_of(code) == expected


def test_a_comprehension_leaves_out_what_its_condition_refuses() -> None:
    code = "lines = ['-- head', 'LISTEN x', '-- end']\nshow(' '.join(l for l in lines if not l.startswith('--')))"
    assert values_of(code) == ["LISTEN x"]


def test_a_comprehension_keeps_what_its_condition_may_accept() -> None:
    assert values_of("def f(x):\n  show(' '.join(l for l in ['a', 'b'] if l != x))") == ["a b"]


SPLIT = {
    "once": ("show('a b c'.split(' ', 1))", [[["a"], ["b c"]]]),
    "once from the right": ("show('a b c'.rsplit(' ', 1))", [[["a b"], ["c"]]]),
    "never": ("show('a b'.split(' ', 0))", [[["a b"]]]),
    "more often than there is": ("show('a b'.rsplit(' ', 5))", [[["a"], ["b"]]]),
    "as often as there is": ("show('a b c'.split(' ', -1))", [[["a"], ["b"], ["c"]]]),
}


@pytest.mark.parametrize(("code", "expected"), SPLIT.values(), ids=SPLIT.keys())
def test_a_text_is_split_as_often_as_is_asked(code: str, expected: list[object]) -> None:
    assert values_of(code) == expected
