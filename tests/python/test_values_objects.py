"""What objects, their attributes and what is put into them step by step come to."""

from __future__ import annotations

import pytest

from tests.python.analysed import marked, shown, source_of, values_of
from txsafe.python.evaluation import STEPS_PER_QUESTION, Evaluator
from txsafe.python.scopes import Module

# ---------------------------------------------------------------- objects

OBJECTS = {
    "a named tuple": ("class Q(NamedTuple):\n  name: str\n  sql: str\nq = Q('a', sql='b')\nshow(q.sql)", ["b"]),
    "a named tuple of a call": ("P = namedtuple('P', 'name sql')\nshow(P('a', 'b').sql)", ["b"]),
    "a named tuple of a list": ("P = namedtuple('P', ['name', 'sql'])\nshow(P('a', 'b').sql)", ["b"]),
    "a typed named tuple of a call": (
        "P = NamedTuple('P', [('name', str), ('sql', str)])\nshow(P('a', 'b').sql)",
        ["b"],
    ),
    "fields that are not listed": ("P = namedtuple('P', NAMES)\nshow(P('a').sql)", ["? attribute 'sql'"]),
    "fields that are not all names": ("P = namedtuple('P', [x, 'sql'])\nshow(P(1, 'b').sql)", ["b"]),
    "a dataclass": ("@dataclass\nclass Q:\n  name: str\n  sql: str = 'b'\nshow(Q('a').sql)", ["b"]),
    "fields of a base": (
        "@dataclass\nclass B:\n  name: str\n@dataclass\nclass Q(B):\n  sql: str\nshow(Q('a', 'b').sql)",
        ["b"],
    ),
    "fields that a table gives": ("@dataclass\nclass Q:\n  sql: str\nshow(Q(**{'sql': 'b'}).sql)", ["b"]),
    "fields that a list gives": ("@dataclass\nclass Q:\n  sql: str\nshow(Q(*x).sql)", ["? attribute 'sql' of Q"]),
    "a default factory": (
        "@dataclass\nclass Q:\n  s: list = field(default_factory=lambda: ['a', 'b'])\nshow(','.join(Q().s))",
        ["a,b"],
    ),
    "a namespace": ("from types import SimpleNamespace\nshow(SimpleNamespace(sql='a').sql)", ["a"]),
    "what __init__ keeps": (
        "class Q:\n  def __init__(self, sql, n=1):\n    self.sql = sql + ';'\nq = Q('a')\nshow(q.sql)",
        ["a;"],
    ),
    "a property of an object": (
        (
            "class Q:\n  def __init__(self, c): self.c = c\n  @property\n  def sql(self): return f'LISTEN {self.c}'\n"
            "show(Q('a').sql)"
        ),
        ["LISTEN a"],
    ),
    "a method of an object": (
        "class Q:\n  def __init__(self, c): self.c = c\n  def sql(self): return 'LISTEN ' + self.c\nshow(Q('a').sql())",
        ["LISTEN a"],
    ),
    "a method that calls another": (
        (
            "class Q:\n  def __init__(self, c): self.c = c\n  def name(self): return self.c\n"
            "  def sql(self): return 'LISTEN ' + self.name()\nshow(Q('a').sql())"
        ),
        ["LISTEN a"],
    ),
    "methods of the objects of a list": (
        (
            "class Q:\n  def __init__(self, c): self.c = c\n  def sql(self): return f'LISTEN {self.c}'\n"
            "for q in [Q('a'), Q('b')]: show(q.sql())"
        ),
        ["LISTEN a", "LISTEN b"],
    ),
    "attributes of the objects of a list": (
        "class Q(NamedTuple):\n  sql: str\nfor q in [Q('a'), Q('b')]: show(q.sql)",
        ["a", "b"],
    ),
    "a method that an object has not": ("class Q: pass\nfor q in [Q()]: show(q.sql())", ["? call of sql()"]),
    "the object itself": ("class Q: pass\nshow(Q())", ["? an instance of Q"]),
    "an attribute set from outside": ("class Q: pass\nQ.sql = 'a'\nshow(Q.sql)", ["a"]),
    "an attribute set on the object": ("class Q: pass\nq = Q()\nq.sql = 'a'\nshow(q.sql)", ["a"]),
    "getattr": ("class Q:\n  sql = 'a'\nshow(getattr(Q, 'sql'))", ["a"]),
    "getattr with a default": ("class Q:\n  sql = 'a'\nshow(getattr(Q, 'sql', 'b'))", ["a", "b"]),
    "getattr of a name that is not known": ("class Q:\n  sql = 'a'\nshow(getattr(Q, x))", ["? call of getattr()"]),
}


@pytest.mark.parametrize(("code", "expected"), OBJECTS.values(), ids=OBJECTS.keys())
def test_the_attributes_of_an_object_are_followed_to_what_made_it(code: str, expected: list[object]) -> None:
    assert values_of(code) == expected


ENUMERATIONS = {
    "members": ("class Q(enum.Enum):\n  A = 'a'\n  B = 'b'\nfor q in Q: show(q.value)", ["a", "b"]),
    "members that are texts": ("class Q(str, Enum):\n  A = 'a'\n  B = 'b'\nfor q in Q: show(q)", ["a", "b"]),
    "a member by name": ("class Q(Enum):\n  A = 'a'\nshow(Q['A'].value)", ["a"]),
}


@pytest.mark.parametrize(("code", "expected"), ENUMERATIONS.values(), ids=ENUMERATIONS.keys())
def test_a_loop_over_an_enumeration_yields_its_members(code: str, expected: list[object]) -> None:
    assert values_of(code) == expected


# ---------------------------------------------------------------- docstrings

DOCUMENTED = "def deco(f):\n  show(f.__doc__)\n  return f\n@deco\ndef a():\n  '''A'''\n@deco\ndef b():\n  '''B'''\n"
DOCSTRINGS = {
    "of a function": ("def f():\n  '''SELECT 1'''\nshow(f.__doc__)", ["SELECT 1"]),
    "of what a decorator decorates": (DOCUMENTED, ["A", "B"]),
    "through an inner function": (
        "def deco(f):\n  def inner(): show(f.__doc__)\n  return inner\n@deco\ndef a(): '''A'''",
        ["A"],
    ),
    "of a decorator with arguments": (
        "def named(n):\n  def deco(f):\n    show(f.__doc__)\n  return deco\n@named('x')\ndef a(): '''A'''",
        ["A"],
    ),
    "of a function that is handed over": ("def text(f): return f.__doc__\ndef a(): '''A'''\nshow(text(a))", ["A"]),
    "of no function of the file": ("def deco(f): show(f.__doc__)", ["? a docstring that is not known"]),
    "of a name": ("show(x.__doc__)", ["? a docstring that is not known"]),
    "that is missing": ("def f(): pass\nshow(f.__doc__)", ["? a docstring that is not known"]),
}


@pytest.mark.parametrize(("code", "expected"), DOCSTRINGS.values(), ids=DOCSTRINGS.keys())
def test_a_docstring_is_followed_to_what_is_decorated(code: str, expected: list[object]) -> None:
    assert values_of(code) == expected


# ---------------------------------------------------------------- what is put into attributes

INIT = "class C:\n  def __init__(self):\n    self.d = {'a': 1}\n    self.l = ['x']\n    self.s = 'SET '\n"
ATTRIBUTES = {
    "an item in __init__": (INIT + "    self.d['b'] = 2\n  def f(self): show(self.d)", [{"a": [1], "b": [2]}]),
    "an item before, in the same method": (
        INIT + "  def f(self):\n    self.d['b'] = 2\n    show(self.d)\n    self.d['c'] = 3",
        [{"a": [1], "b": [2]}],
    ),
    "an item in another method may not be there": (
        INIT + "  def g(self):\n    self.d['b'] = 2\n  def f(self): show(self.d)",
        [{"a": [1]}, {"a": [1], "b": [2]}],
    ),
    "a condition": (
        INIT + "    if x:\n      self.d.update(b=2)\n  def f(self): show(self.d)",
        [{"a": [1]}, {"a": [1], "b": [2]}],
    ),
    "an appended element": (INIT + "    self.l.append('y')\n  def f(self): show(self.l)", [[["x"], ["y"]]]),
    "an added text": (INIT + "    self.s += 'ROLE x'\n  def f(self): show(self.s)", ["SET ROLE x"]),
    "an added list": (INIT + "    self.l += ['y']\n  def f(self): show(self.l)", [[["x"], ["y"]]]),
    "a merged table": (INIT + "    self.d |= {'b': 2}\n  def f(self): show(self.d)", [{"a": [1], "b": [2]}]),
    "a class's own table": ("class C:\n  D = {'a': 1}\nC.D['b'] = 2\nshow(C.D)", [{"a": [1], "b": [2]}]),
    "a table that a base makes": (
        INIT + "class D(C):\n  def f(self):\n    self.d['b'] = 2\n    show(self.d)",
        [{"a": [1], "b": [2]}],
    ),
    "what was there before it was made anew": (
        "class C:\n  def f(self):\n    self.d['b'] = 2\n    self.d = {}\n    show(self.d)",
        [{}],
    ),
    "an object that is not known": ("def f(o):\n  o.d['b'] = 2\n  show(o.d)", [{"b": [2], "...": []}]),
    "another object": ("def f(o, p):\n  p.d['b'] = 2\n  show(o.d)", ["? attribute 'd'"]),
    "another function": ("def g(o):\n  o.d['b'] = 2\ndef f(o):\n  show(o.d)", ["? attribute 'd'"]),
}


@pytest.mark.parametrize(("code", "expected"), ATTRIBUTES.values(), ids=ATTRIBUTES.keys())
def test_what_methods_put_into_an_attribute_is_in_it(code: str, expected: list[object]) -> None:
    assert values_of(code) == expected


UNKNOWN = {
    "items": ("d = f()\nd['a'] = 1\nshow(d)", [{"a": [1], "...": []}]),
    "update": ("d = f()\nd.update(a=1)\nshow(d)", [{"a": [1], "...": []}]),
    "setdefault": ("d = f()\nd.setdefault('a', 1)\nshow(d)", [{"a": [1], "...": []}]),
    "update with an unknown": ("d = f()\nd.update(x)\nshow(d)", ["? call of f()"]),
    "append": ("d = f()\nd.append('a')\nshow(d)", [[["a"], "..."]]),
    "append of nothing": ("d = f()\nd.append()\nshow(d)", ["? call of f()"]),
    "an item by number": ("d = f()\nd[0] = 1\nshow(d)", ["? call of f()"]),
    "keywords": ("def f(**kw):\n  kw['a'] = 1\n  show(kw)", [{"a": [1], "...": []}]),
    "a table merged with an unknown": ("show({'a': 1} | x)", [{"a": [1], "...": []}]),
    "an unknown merged with a table": ("show(x | {'a': 1})", [{"a": [1], "...": []}]),
    "a removed item": ("d = {'a': 1, 'b': 2}\nd.pop('a')\nshow(d)", [{"b": [2]}]),
    "a deleted item": ("d = {'a': 1, 'b': 2}\ndel d['a']\nshow(d)", [{"b": [2]}]),
    "an item that is added to": ("d = {'a': '-c x=1'}\nd['a'] += ' -c y=2'\nshow(d)", [{"a": ["-c x=1 -c y=2"]}]),
    "an unknown item that is added to": ("d = {'b': 1}\nd['a'] += 'x'\nshow(d)", [{"b": [1]}]),
    "an element that is popped": ("d = ['a']\nd.pop()\nshow(d)", [[["a"]]]),
    "a set that is updated": ("d = {'a'}\nd.update({'b'})\nshow(d)", [[["a"], ["b"]]]),
}


@pytest.mark.parametrize(("code", "expected"), UNKNOWN.values(), ids=UNKNOWN.keys())
def test_what_is_put_into_something_unknown_is_known_all_the_same(code: str, expected: list[object]) -> None:
    assert values_of(code) == expected


# ---------------------------------------------------------------- formats with several values

FORMATS = {
    "percent with a tuple": ("f = 'a' if x else 'b'\nshow('%s(%d)' % (f, n))", ["a(<value>)", "b(<value>)"]),
    "percent with a table": ("f = 'a' if x else 'b'\nshow('%(f)s;' % {'f': f})", ["a;", "b;"]),
    "percent with a sum of tuples": ("f = 'a' if x else 'b'\np = (f,) + (1,)\nshow('%s%s' % p)", ["a1", "b1"]),
    "formats and tuples of two branches": (
        "if x:\n  f, p = '%s', ('a',)\nelse:\n  f, p = '%s %s', ('a', 'b')\nshow(f % p)",
        ["a", "a b"],
    ),
    "a format with a width": ("p = (1, 'a') if x else (2, 'b')\nshow('%*s' % p)", ["<sql>", "<sql>"]),
    "dollars": ("f = 'a' if x else 'b'\nshow(string.Template('$f;').substitute(f=f))", ["? call of substitute()"]),
    "a name built in steps": (
        "fn = 'pg_'\nif x: fn += 'try_'\nfn += 'advisory_lock'\nshow('SELECT %s(%d)' % (fn, n))",
        ["SELECT pg_advisory_lock(<value>)", "SELECT pg_try_advisory_lock(<value>)"],
    ),
    "templates": (
        "import string\nf = 'a' if x else 'b'\nshow(string.Template('$f;').substitute(f=f))",
        ["a;", "b;"],
    ),
}


@pytest.mark.parametrize(("code", "expected"), FORMATS.values(), ids=FORMATS.keys())
def test_a_format_has_the_alternatives_of_its_fields(code: str, expected: list[object]) -> None:
    assert values_of(code) == expected


# ---------------------------------------------------------------- functions of the standard library

LIBRARY = {
    "split": ("show('a; b;c'.split(';'))", [[["a"], [" b"], ["c"]]]),
    "split at space": ("show(' a b\\n c '.split())", [[["a"], ["b"], ["c"]]]),
    "split at lines": ("show('a\\nb'.splitlines())", [[["a"], ["b"]]]),
    "split at something unknown": ("show('a b'.split(x))", ["? call of split()"]),
    "map with a method of str": ("show(list(map(str.strip, [' a ', 'b'])))", [[["a"], ["b"]]]),
    "map with an unknown method of str": ("show(list(map(str.zfill, ['a'])))", [[["? call of map()"]]]),
    "map with str": ("show(list(map(str, ['a'])))", [[["a"]]]),
    "map with a lambda": ("show(list(map(lambda c: f'LISTEN {c}', ['a'])))", [[["LISTEN a"]]]),
    "map with a function": (
        "def f(c): return 'LISTEN ' + c\nshow(list(map(f, ['a', 'b'])))",
        [[["LISTEN a"], ["LISTEN b"]]],
    ),
    "map with something unknown": ("show(list(map(f, ['a'])))", [[["? what map() makes of a value"]]]),
    "filter": ("show(list(filter(None, ['a', 'b'])))", [[["a"], ["b"]]]),
    "chain": ("import itertools\nshow(list(itertools.chain(['a'], ('b',))))", [[["a"], ["b"]]]),
    "chain of lists": ("import itertools\nshow(list(itertools.chain.from_iterable([['a'], ['b']])))", [[["a"], ["b"]]]),
    "a copy": ("import copy\nd = {'a': 1}\ne = copy.deepcopy(d)\ne['b'] = 2\nshow(e)", [{"a": [1], "b": [2]}]),
    "an ordered table": ("from collections import OrderedDict\nshow(OrderedDict(a=1))", [{"a": [1]}]),
    "a cast": ("import typing\nshow(typing.cast(str, 'a'))", ["a"]),
    "a table comprehension": ("show({k: v for k, v in {'a': 1, 'b': 2}.items() if v})", [{"a": [1], "b": [2]}]),
    "a table comprehension of two loops": ("show({k: v for k in a for v in b})", [{"...": []}]),
    "a table comprehension of an unknown": ("show({k: 1 for k in a})", [{"...": []}]),
    "mogrify": ("show(cur.mogrify('SET ROLE x', p).decode())", ["SET ROLE x"]),
}


@pytest.mark.parametrize(("code", "expected"), LIBRARY.values(), ids=LIBRARY.keys())
def test_the_standard_library_is_followed(code: str, expected: list[object]) -> None:
    assert values_of(code) == expected


# ---------------------------------------------------------------- calls with lists and tables

HANDED = {
    "keywords that no parameter takes": (
        "def f(a, **kw): return kw\nshow(f(1, **{'b': 2}, c=3))",
        [{"b": [2], "c": [3]}],
    ),
    "keywords of which not all are known": (
        "def f(**kw): return kw\nshow(f(**{'b': 2, **x}))",
        [{"b": [2], "...": []}],
    ),
    "positions of which not all are known": ("def f(*a): return a\nshow(f('a', *x))", [[["a"], "..."]]),
}


@pytest.mark.parametrize(("code", "expected"), HANDED.values(), ids=HANDED.keys())
def test_a_function_is_handed_what_lists_and_tables_hold(code: str, expected: list[object]) -> None:
    assert values_of(code) == expected


# ---------------------------------------------------------------- functions and classes under other names

OPS = "class Ops:\n  def __init__(self, n): self.n = n\n  def sql(self): return f'SET {self.n}'\n"
HELD = {
    "a function in a dictionary": ("def f(x): return f'SET {x}'\nd = {'k': f}\nshow(d['k']('a'))", ["SET a"]),
    "a class in a list": (OPS + "for c in [Ops]: show(c('a').sql())", ["SET a"]),
    "a class in a class": (OPS + "class C:\n  ops = Ops\n  def f(self): show(self.ops('a').sql())", ["SET a"]),
    "a class that a subclass gives": (
        OPS + "class B:\n  ops = None\n  def __init__(self): self.o = self.ops('a')\n"
        "class C(B):\n  ops = Ops\n  def f(self): show(self.o.sql())",
        ["SET a"],
    ),
    "a parameter": ("def f(g): show(g('a'))", ["? call of g()"]),
    "a function that calls itself": ("def f(x):\n  g = f\n  return g(x)\nshow(f(1))", ["? call of g()"]),
}
AS_TEXT = {
    "an object that says what it is": ("class C:\n  def __str__(self): return 'SET a'\nshow(str(C()))", ["SET a"]),
    "an object that does not": ("class C: pass\nshow(str(C()))", ["? an instance of C"]),
}


@pytest.mark.parametrize(("code", "expected"), [*HELD.values(), *AS_TEXT.values()], ids=[*HELD, *AS_TEXT])
def test_what_a_variable_holds_may_be_called(code: str, expected: list[object]) -> None:
    assert values_of(code) == expected


def test_what_depends_on_itself_in_many_ways_is_not_tried_in_all_of_them() -> None:
    functions = (
        f"def set_{i}():\n  D['k{i}'] = made(D['k{(i + 1) % 10}'], D['k{(i + 3) % 10}']) or D['k{(i + 1) % 10}']\n"
        for i in range(10)
    )
    module = Module.of(source_of("D = {'k0': 'a'}\n" + "".join(functions) + "show(D['k0'] + 'LISTEN b')"))
    evaluator = Evaluator({})
    found = [shown(value) for value in evaluator.ask(marked(module)[0], evaluator.base(module))]
    assert evaluator.steps < STEPS_PER_QUESTION // 4
    assert evaluator.cut > 0
    assert found
    assert not any("too much work" in str(value) for value in found)
