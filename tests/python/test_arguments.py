"""What is known of the arguments of a call."""

from __future__ import annotations

import ast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.python.sighting import source_of
from txsafe.catalog.drivers import Condition
from txsafe.python.arguments import Arguments, Presence, Truth, conjunction, disjunction
from txsafe.python.evaluation import Evaluator
from txsafe.python.scopes import Module


def arguments(code: str, *names: str) -> Arguments:
    module = Module.of(source_of(code))
    call = next(call for call in module.calls if isinstance(call.func, ast.Name) and call.func.id == "f")
    return Arguments(module, call, names)


@pytest.mark.parametrize(
    ("code", "path", "text"),
    [
        ("f('x')", "a", "x"),
        ("f(a='x')", "a", "x"),
        ("f()", "a", "absent"),
        ("f(y)", "a", "…"),
        ("f(1)", "a", "1"),
        ("f(None)", "a", "None"),
        ("f(['x', 'y'])", "a", "x, y"),
        ("f({'k': 'x'})", "a.k", "x"),
        ("f({'k': {'l': 'x'}})", "a.k.l", "x"),
        ("f({})", "a.k", "absent"),
        ("f(None)", "a.k", "absent"),
        ("f()", "a.k", "absent"),
        ("f(y)", "a.k", "…"),
        ("f({'k': 1, **y})", "a.l", "…"),
        ("f(**{'a': 'x'})", "a", "x"),
        ("f(**y)", "a", "…"),
        ("f(*y)", "a", "…"),
        ("f('x' if y else 'z')", "a", "…"),
        ("f('p://h?k=a%20b&l=1')", "a?k", "a b"),
        ("f('p://h?l=1')", "a?k", "absent"),
        ("f('host=h k=1')", "a?k", "1"),
        ("f(y)", "a?k", "…"),
        ("f(None)", "a?k", "absent"),
        ("f(1, 2, 3)", "*rest", "2"),
        ("f(1)", "*rest", "absent"),
        ("f(*y)", "*rest", "…"),
        ("f(k=1)", "**rest", "1"),
        ("f(1)", "**rest", "absent"),
        ("f(**y)", "**rest", "…"),
        ("f(url='postgresql+asyncpg://h')", "@url", "postgresql+asyncpg"),
        ("f(url='sqlite:///x')", "@url", "sqlite"),
        ("f(1)", "@url", "absent"),
        ("f(**y)", "@url", "…"),
        ("f(url=make('+asyncpg'))", "@url", "postgresql+asyncpg"),
        ("f(url=make('postgresql+asyncpg', 'postgresql+psycopg'))", "@url", "…"),
    ],
)
def test_an_argument_reads(code: str, path: str, text: str) -> None:
    assert arguments(code, "a").get(path).text == text


@pytest.mark.parametrize(
    ("code", "words", "truth"),
    [
        ("f()", ["absent"], Truth.YES),
        ("f()", ["given"], Truth.NO),
        ("f()", ["true"], Truth.NO),
        ("f()", ["none", "absent"], Truth.YES),
        ("f(None)", ["given"], Truth.YES),
        ("f(None)", ["none"], Truth.YES),
        ("f(0)", ["none"], Truth.NO),
        ("f(0)", ["false"], Truth.YES),
        ("f('')", ["true"], Truth.NO),
        ("f([1])", ["true"], Truth.YES),
        ("f({'a': 1})", ["false"], Truth.NO),
        ("f('AutoCommit')", ["AUTOCOMMIT"], Truth.YES),
        ("f(0)", ["0"], Truth.YES),
        ("f(5)", ["0", "1"], Truth.NO),
        ("f(y)", ["0"], Truth.MAYBE),
        ("f(y)", ["given"], Truth.YES),
        ("f(**y)", ["given"], Truth.MAYBE),
        ("f(**y)", ["true"], Truth.MAYBE),
        ("f(1 if y else 0)", ["true"], Truth.MAYBE),
        ("from m import LEVEL\nf(LEVEL)", ["*LEVEL"], Truth.YES),
        ("from m import OTHER\nf(OTHER)", ["*.LEVEL"], Truth.NO),
        ("from m import LEVEL\nf(LEVEL)", ["true"], Truth.MAYBE),
    ],
)
def test_a_condition_is(code: str, words: list[str], truth: Truth) -> None:
    assert arguments(code, "a").decide(Condition({"a": tuple(words)}), {}) is truth


def test_a_condition_takes_all_of_its_paths() -> None:
    known = arguments("f(1)", "a")
    assert known.decide(Condition({"a": ("1",), "b": ("absent",)}), {}) is Truth.YES
    assert known.decide(Condition({"a": ("1",), "b": ("given",)}), {}) is Truth.NO


def test_what_is_absent_has_no_place() -> None:
    known = arguments("f('x', [1], b=2)", "a")
    assert known.get("c").place is None
    assert known.get("c").alternatives == (Presence.ABSENT,)
    assert known.get("a").place is not None
    assert known.get("b").place is not None
    assert known.names == ("a", "b")


truths = st.lists(st.sampled_from(Truth))


@given(truths)
def test_and_is_or_turned_around(given_truths: list[Truth]) -> None:
    turned = {Truth.YES: Truth.NO, Truth.NO: Truth.YES, Truth.MAYBE: Truth.MAYBE}
    assert conjunction(given_truths) is turned[disjunction(turned[truth] for truth in given_truths)]


def test_an_argument_is_evaluated_when_it_is_asked_for() -> None:
    module = Module.of(source_of("def g(): return 'x'\nf(g(), g(), c=g(), **g())"))
    call = next(call for call in module.calls if len(call.args) == 2)
    bound = Arguments(module, call, ("a", "b"))
    assert bound.expression("b") is call.args[1]
    assert not any(isinstance(found, Evaluator) for found in module.memory.values())
    assert bound.get("a").text == "x"
    (evaluator,) = (found for found in module.memory.values() if isinstance(found, Evaluator))
    assert set(evaluator.answers) == {(call.args[0], None)}


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("f()", False),
        ("f(None)", False),
        ("f(a=None)", False),
        ("x = None\nf(x)", False),
        ("f(**{'a': None})", False),
        ("f(**{'b': 1})", False),
        ("f(1)", True),
        ("f('')", True),
        ("f([])", True),
        ("f(a={})", True),
        ("f((x, *y))", True),
        ("f(y)", True),
        ("f(None if y else 1)", True),
        ("f(**{'a': 1})", True),
    ],
)
def test_an_argument_is_given_where_it_may_be_more_than_none(code: str, *, expected: bool) -> None:
    assert arguments(code, "a").is_given("a") is expected


def test_mappings_name_arguments_behind_those_that_are_written() -> None:
    assert arguments("f(1, **{'c': 2, 'a': 3}, b=4)", "a").names == ("a", "b", "c")
