"""The two small languages of rule files."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from txsafe.catalog.templates import fill_template, matches_globs, template_names


def test_names_are_filled_and_missing_ones_become_an_ellipsis() -> None:
    assert fill_template("SET {name} = {on-commit}, {argument-1}", {"name": "x", "argument-1": "1"}) == "SET x = …, 1"


def test_braces_that_hold_no_name_stay() -> None:
    assert fill_template("'{}' {0} {a.b} {A} {x!r}", {"a": "1", "x": "2"}) == "'{}' {0} {a.b} {A} {x!r}"


@given(st.text(), st.text())
def test_a_value_is_never_filled_again(text: str, value: str) -> None:
    assert fill_template("{name}", {"name": value}) == value
    assert template_names(text) == set(re.findall(r"\{([a-z][a-z0-9-]*)\}", text))


@pytest.mark.parametrize(
    ("text", "patterns", "expected"),
    [
        ("Local", ("local",), True),
        ("session", ("local",), False),
        ("session", ("!local",), True),
        ("local", ("!local",), False),
        ("", ("!local",), True),
        ("", ("",), True),
        ("x", ("",), False),
        ("a.b", ("*.*", "!pg_*"), True),
        ("pg_a.b", ("*.*", "!pg_*"), False),
        ("two\nlines", ("two*",), True),
        ("anything", (), True),
    ],
)
def test_globs_accept_one_of_the_plain_and_none_of_the_negated(
    text: str, patterns: tuple[str, ...], expected: bool
) -> None:
    assert matches_globs(text, patterns) is expected
