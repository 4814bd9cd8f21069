"""No program may crash, hang or blow up the memory; what is given up is unknown."""

from __future__ import annotations

import time

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.python.analysed import marked, module_of, shown
from txsafe.python.values import Text, Unknown, evaluate

NUMBER = 900

PROGRAMS = {
    "a long sum": "show(" + " + ".join(["'a'"] * 2000) + ")",
    "a long sum of unknowns": "show(" + " + ".join(["x"] * 2000) + ")",
    "many augmented assignments": "s = 'a'\n" + "s += 'b'\n" * 5000 + "show(s)",
    "many conditional augmented assignments": "s = 'a'\n" + "if c: s += 'b'\n" * 2000 + "show(s)",
    "doubling": "a0 = 'x'\n" + "".join(f"a{i + 1} = a{i} + a{i}\n" for i in range(60)) + "show(a60)",
    "doubling of empty texts": "a0 = ''\n" + "".join(f"a{i + 1} = a{i} + a{i}\n" for i in range(40)) + "show(a40)",
    "doubling of lists": "a0 = [1]\n" + "".join(f"a{i + 1} = [*a{i}, *a{i}]\n" for i in range(40)) + "show(a40)",
    "nested lists that share": "a0 = [1]\n"
    + "".join(f"a{i + 1} = [a{i}, a{i}] if c else [a{i}]\n" for i in range(45))
    + "show(a45)",
    "nested tables that share": "a0 = {}\n"
    + "".join(f"a{i + 1} = {{'a': a{i}, 'b': a{i}, (a{i},): 1}}\n" for i in range(45))
    + "show(a45)",
    "functions that call two": "def f0(a): return a\n"
    + "".join(f"def f{i + 1}(a): return f{i}(a) + f{i}(a)\n" for i in range(40))
    + "show(f40('x'))",
    "mutual recursion": "def f(a): return g(a) + g(a)\ndef g(a): return f(a) + f(a)\nshow(f('x'))",
    "cycles of names": "a = b + c\nb = a + c\nc = a + b\nshow(a)",
    "deep conditionals": "show(" + "'a' if c else " * 2000 + "'b')",
    "deep calls": "show(" + "f(" * 90 + "'a'" + ")" * 90 + ")",
    "long method chains": "show('a'" + ".strip()" * NUMBER + ")",
    "long attribute chains": "show(a" + ".b" * NUMBER + ")",
    "a long list": "for s in [" + "'a', " * 5000 + "]: show(s)",
    "a long text": "show('" + "a" * 3_000_000 + "')",
    "many fields": "show('" + "%s" * 50_000 + "' % (1,))",
    "many replacements": "show('" + "a" * 50_000 + "'.replace('a', 'bb'))",
    "replacement after replacement": "show('a'" + ".replace('a', 'aa')" * 40 + ")",
    "repetition of repetition": "show('a' * 1000 * 1000 * 1000)",
    "powers": "show(9 ** 9 ** 9 ** 9)",
    "shifts": "show(1 << 99999999999)",
    "many open quotes": 'show(f"' + "{x}' /* -- " * 5000 + '")',
    "dedent of many lines": "import textwrap\nshow(textwrap.dedent('''" + "  a\n" * 20_000 + "'''))",
    "many branches": "if c: s = 0\n" + "elif c: s = 1\n" * NUMBER + "show(s)",
    "classes in circles": "class A(B): pass\nclass B(A):\n  def m(self): show(self.x)",
    "nested loops": "".join(" " * i + f"for a{i} in (1, 2, 3):\n" for i in range(15)) + " " * 15 + "show(f'{a0}{a14}')",
}


@pytest.mark.parametrize("code", PROGRAMS.values(), ids=PROGRAMS.keys())
def test_hostile_programs_end_soon(code: str) -> None:
    module = module_of(code)
    start = time.process_time()
    values = evaluate(module, marked(module)[0])
    assert 1 <= len(values) <= 16
    assert time.process_time() - start < 5


def test_a_chain_of_augmented_assignments_is_followed_far() -> None:
    module = module_of("s = 'a'\n" + "s += 'b'\n" * 400 + "show(s)")
    (value,) = evaluate(module, marked(module)[0])
    assert shown(value) == "a" + "b" * 400


def test_one_hard_question_does_not_use_up_the_answers_of_others() -> None:
    module = module_of(PROGRAMS["functions that call two"] + "\nshow('a' + 'b')")
    hard, easy = marked(module)
    assert not any(isinstance(value, Text) for value in evaluate(module, hard))
    assert [shown(value) for value in evaluate(module, easy)] == ["ab"]


EXPRESSIONS = st.recursive(
    st.sampled_from(["'a'", "b'b'", "1", "None", "x", "y", "f'{x}'", "[]", "{}", "f()", "self.x", "X.y", "''"]),
    lambda inner: st.one_of(
        st.tuples(inner, st.sampled_from(["+", "%", "*", "|", "or", "and", "//", "-"]), inner).map(" ".join),
        st.tuples(inner, inner).map(lambda pair: f"({pair[0]}).format({pair[1]}, x={pair[0]})"),
        st.tuples(inner, inner).map(lambda pair: f"({pair[0]}).join({pair[1]})"),
        st.tuples(inner, inner).map(lambda pair: f"({pair[0]})[{pair[1]}]"),
        st.tuples(inner, inner).map(lambda pair: f"[{pair[0]}, *({pair[1]})]"),
        st.tuples(inner, inner).map(lambda pair: f"{{{pair[0]}: {pair[1]}, **({pair[1]})}}"),
        st.tuples(inner, inner).map(lambda pair: f"[z + ({pair[0]}) for z, w in {pair[1]} if z]"),
        st.tuples(inner, inner).map(lambda pair: f"f({pair[0]}, *({pair[1]}), **({pair[0]}))"),
        st.tuples(inner, st.sampled_from(["strip", "upper", "replace", "items", "get", "encode", "substitute"])).map(
            lambda pair: f"({pair[0]}).{pair[1]}({pair[0]})"
        ),
        inner.map(lambda one: f"dict({one})"),
        inner.map(lambda one: f"str({one})"),
        inner.map(lambda one: f"f'a{{{one}}}b{{{one}!r}}'" if "'" not in one and "{" not in one else one),
    ),
    max_leaves=8,
)


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(EXPRESSIONS, EXPRESSIONS, EXPRESSIONS)
def test_no_program_raises(first: str, second: str, third: str) -> None:
    module = module_of(
        f"x = {first}\ny = x\nif c:\n    y += {second}\nx.append({second})\nx['a'] = y\n"
        f"for z, w in {third}:\n    x = z\n"
        f"def f(a=x, *b, **c):\n    return {second}\n"
        f"class X:\n    y = {third}\n    def m(self):\n        self.x = {first}\n        show({third})\n"
        f"show({third})\nshow(y)\n"
    )
    for expr in marked(module):
        values = evaluate(module, expr)
        assert values
        assert all(value.template.fragments for value in values if isinstance(value, Text))
        assert all(value.reason for value in values if isinstance(value, Unknown))
