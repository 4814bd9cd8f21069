from __future__ import annotations

import ast

import pytest

from tests.python.analysed import marked, module_of, shown, values_of
from txsafe.model import Hole, Place, Span
from txsafe.python.composables import Composable
from txsafe.python.values import (
    Items,
    Scalar,
    Table,
    Text,
    Unknown,
    constant_text,
    evaluate,
    scalar,
    text_values,
)

# ---------------------------------------------------------------- one value

ONE = {
    "text": ("show('LISTEN jobs')", "LISTEN jobs"),
    "adjacent texts": ("show('a' 'b'\n     'c')", "abc"),
    "bytes": ("show(b'LISTEN x')", "LISTEN x"),
    "bytes that are not ASCII": (r"show(b'\xff')", "? bytes that are not ASCII"),
    "number": ("show(1024 * 4 - 1)", 4095),
    "arithmetic": ("show(7 // 2 + 7 % 2 + 8 / 2)", 8.0),
    "division by zero": ("show(1 // 0)", "? a computed value"),
    "power is not followed": ("show(9 ** 9 ** 9)", "? a computed value"),
    "huge numbers": ("show(9223372036854775808 * 2)", "? a computed value"),
    "huge sums": ("show(9223372036854775807 + 1)", "? a computed value"),
    "None in a sum": ("show(None + 1)", "? a computed value"),
    "sign": ("show(-1)", -1),
    "not": ("show(not 0)", True),
    "an unknown sign": ("show(-x)", "? a computed value"),
    "invert": ("show(~1)", "? a computed value"),
    "ellipsis": ("show(...)", "? a constant that is no text"),
    "comparison": ("show(1 < 2)", "? a comparison"),
    "lambda": ("show(lambda: 1)", "? an expression that is not followed"),
    "name": ("SQL = 'a'\nshow(SQL)", "a"),
    "final name": ("SQL: Final = 'a'\nshow(SQL)", "a"),
    "walrus": ("show((x := 'a'))", "a"),
    "awaited": ("async def f(): return 'a'\nasync def g(): show(await f())", "a"),
    "unpacked": ("a, b = f(), 'b'\nshow(b)", "b"),
    "unpacked from a constant": ("t = ('a', ('b', 'c'))\nx, (y, z) = t\nshow(z)", "c"),
    "unpacked with a rest": ("a, *b = t\nshow(b)", "? 'b', unpacked from a value"),
    "sum": ("show('a' + 'b' + x + 'c')", "ab<sql>c"),
    "sum with a number": ("show('a' + str(1) + str('b'))", "a1b"),
    "sum of unknowns": ("def f(a, b): show(a + b)", "? parameter 'a'"),
    "augmented": ("s = 'a'\ns += 'b'\ns += 'c'\nshow(s)", "abc"),
    "augmented by a format": ("s = '%s'\ns %= 'b'\nshow(s)", "b"),
    "augmented attribute": (
        "class C:\n  def m(self):\n    self.x += 'a'\n    show(self.x)",
        "? an attribute that is added to",
    ),
    "augmented in a loop": ("s = 'a'\nfor i in j:\n    s += 'b'\nshow(s[0:1])", "a"),
    "f-string": ("T = 'x'\nshow(f'DROP {T} {y}')", "DROP x <sql>"),
    "f-string without fields": ("show(f'a')", "a"),
    "empty f-string": ("show(f'')", ""),
    "f-string of an unknown": ("def f(a): show(f'{a}')", "? parameter 'a'"),
    "f-string of a list": ("show(f'{[1]} a')", "<value> a"),
    "f-string in quotes": ("""show(f"SET a = '{x}' {y}")""", "SET a = '<value>' <sql>"),
    "f-string in an escape string": (r"""show(rf"SET a = E'\'{x}'{y}")""", r"SET a = E'\'<value>'<sql>"),
    "f-string in a quoted name": ("""show(f'LISTEN "{x}"')""", 'LISTEN "<identifier>"'),
    "apostrophes in comments do not quote": (
        """show(f"-- don't\\nSET {x} /* ' */ {y}")""",
        "-- don't\nSET <sql> /* ' */ <sql>",
    ),
    "conversions": ("show(f'{x!r} {x!a} {x!s}')", "<value> <value> <sql>"),
    "formats": ("show(f'{x:d} {x:>10} {x:{w}}')", "<value> <sql> <sql>"),
    "known numbers": ("n = 5\nshow(f'{n} {len(x)}')", "5 <value>"),
    "typed parameters": (
        "def f(n: int, m: 'int | None', o: Optional[float], p: str): show(f'a{n}{m}{o}{p}')",
        "a<value><value><value><sql>",
    ),
    "percent": ("show('SET %s = %d, 100%%' % ('a', 5))", "SET a = 5, 100%"),
    "percent with a name": ("show('SET %s' % x)", "SET <sql>"),
    "percent with a table": ("show('%(a)s %(b)s' % {'a': 'x'})", "x <sql>"),
    "percent with too few": ("show('%s %s' % ('a',))", "a <sql>"),
    "percent with formats": ("show('%5d %r %-5s' % (x, y, z))", "<value> <value> <sql>"),
    "percent of an unknown": ("def f(a): show(a % 1)", "? parameter 'a'"),
    "placeholders without values stay": ("show('SELECT %s')", "SELECT %s"),
    "format": ("show('SET {} = {v}, {{}}'.format('a', v=5))", "SET a = 5, {}"),
    "format by number": ("show('{1} {0}'.format('a', 'b'))", "b a"),
    "format with too few": ("show('{} {x} {y.z}'.format('a', y=1))", "a <sql> <sql>"),
    "format with conversions": ("show('{!r} {:d} {:>5}'.format(1, 2, 3))", "<value> <value> <sql>"),
    "format with a table": ("d = {'a': 'x'}\nshow('{a}'.format(**d))", "x"),
    "format with a list": ("show('{} {} {}'.format(*['a', 'b'], *x))", "a b <sql>"),
    "format_map": ("show('{a} {b}'.format_map({'a': 'x'}))", "x <sql>"),
    "format of an unknown": ("def f(a): show(a.format(1))", "? parameter 'a'"),
    "template": ("from string import Template\nshow(Template('$a ${b} $$').substitute(a='x'))", "x <sql> $"),
    "join": ("show(', '.join(['a', 'b']))", "a, b"),
    "join of nothing": ("show(', '.join([]))", ""),
    "join of a generator": ("show(', '.join(f'{t}!' for t in ('a', 'b')))", "a!, b!"),
    "join of an unknown generator": ("def f(a): show(', '.join(f'\"{t}\"' for t in a))", '"<identifier>", <sql>'),
    "join of a table": ("show(', '.join({'a': 1, 'b': 2}))", "a, b"),
    "join of an unknown": ("def f(a): show(', '.join(a))", "? parameter 'a'"),
    "join of a text": ("show(','.join('abc'))", "? a join of something else"),
    "join of what was appended": (
        "p = ['a']\np.append('b')\np.extend(['c', x])\np.insert(0, 'd')\np += ['e']\nshow(' '.join(p))",
        "a b c <sql> d e",
    ),
    "join of what a loop appends": ("p = []\nfor t in ('a', 'b'):\n    p.append(t)\nshow(' '.join(p))", "a b"),
    "what is appended afterwards does not count": ("p = ['a']\nshow(' '.join(p))\np.append('b')", "a"),
    "another name's list does not count": (
        "p = ['a']\ndef f():\n    p = []\n    p.append('b')\nshow(' '.join(p))",
        "a",
    ),
    "repeated": ("show('ab' * 3)", "ababab"),
    "repeated from the left": ("show(2 * 'ab')", "abab"),
    "repeated too often": ("show('ab' * 1000000)", "? a repeated text"),
    "repeated nothing": ("show('' * 99999999999)", "? a repeated text"),
    "repeated unknown times": ("show('ab' * n)", "? a repeated text"),
    "repeated list": ("show(','.join(['%s'] * 3))", "%s,%s,%s"),
    "list repeated unknown times": ("show(','.join(['%s'] * n))", "%s"),
    "strip": ("show('  a '.strip() + ' b '.lstrip() + ' c'.rstrip(None) + 'xxdxx'.strip('x'))", "ab  cd"),
    "strip all": ("show('   '.strip())", ""),
    "strip unknown": ("show('a'.strip(x))", "? call of strip()"),
    "case": ("show('a'.upper() + 'B'.lower() + 'c d'.title() + 'e'.capitalize() + 'f'.swapcase())", "AbC DEF"),
    "case keeps holes": ("show(f'a{x}'.upper())", "A<sql>"),
    "replace": ("show('a-b-c'.replace('-', '+'))", "a+b+c"),
    "replace by an unknown": ("show('a?'.replace('?', x))", "a<sql>"),
    "replace an unknown": ("show('a'.replace(x, 'b'))", "? call of replace()"),
    "affixes": ("show('abc'.removeprefix('a').removesuffix('c').removeprefix('x'))", "b"),
    "encode": ("show('a'.encode().decode('utf-8'))", "a"),
    "other methods": ("show('a b'.zfill(5))", "? call of zfill()"),
    "dedent": ("import textwrap\nshow(textwrap.dedent('''\n    a\n      b\n    '''))", "\na\n  b\n"),
    "dedent of an unknown": ("import textwrap\ndef f(a): show(textwrap.dedent(a))", "? parameter 'a'"),
    "cleandoc": ("import inspect\nshow(inspect.cleandoc('''a\n    b\n      c\n'''))", "a\nb\n  c"),
    "cleandoc that moves lines": ("import inspect\nshow(inspect.cleandoc('''\ta\n    \tb'''))", "a\nb"),
    "cast": ("from typing import cast\nshow(cast('str', 'a'))", "a"),
    "slice": ("show('abc'[1:])", "bc"),
    "slice with a step": ("show('abc'[::2])", "? a slice"),
    "slice with a bound that is not known": ("show('abc'[x:])", "? a slice"),
    "slice of a list": ("show(['a', 'b', 'c'][1:])", [["b"], ["c"]]),
    "slice of a list with a step": ("show(['a', 'b', 'c'][::-1])", [["c"], ["b"], ["a"]]),
    "slice of a list with a bound that is not known": ("show(['a', 'b'][x:])", [["a"], ["b"]]),
    "item of a list": ("show(['a', 'b'][1])", "b"),
    "last item": ("show(('a', 'b')[-1])", "b"),
    "item of a table": ("D = {'x': 'a', 1: 'b'}\nshow(D['x'] + D[1])", "ab"),
    "missing item": ("show({'x': 'a'}['y'])", "? a key that is not known"),
    "item of an unknown": ("def f(a): show(a['x'])", "? parameter 'a'"),
    "item of a text": ("show('abc'[0])", "? an item that is not known"),
    "get": ("show({'x': 'a'}.get('x', 'b'))", "a"),
    "get a default": ("show({'x': 'a'}.get('y', 'b'))", "b"),
    "class constant": ("class C:\n  SQL = 'a'\nshow(C.SQL)", "a"),
    "class constant through self": ("class C:\n  SQL = 'a'\n  def m(self): show(self.SQL)", "a"),
    "class constant of a base": ("class B:\n  SQL = 'a'\nclass C(B):\n  def m(self): show(super().SQL)", "a"),
    "instance attribute": ("class C:\n  def __init__(self): self.sql = 'a'\n  def m(self): show(self.sql)", "a"),
    "missing attribute": ("class C:\n  def m(self): show(self.x)", "? attribute 'x' of C"),
    "attribute of an unknown": ("def f(a): show(a.b)", "? attribute 'b'"),
    "enum member": ("class E(Enum):\n  A = 'a'\nshow(E.A.value)", "a"),
    "text choices": ("class E(models.TextChoices):\n  A = 'a'\nshow(f'{E.A}!')", "a!"),
    "value of something else": ("class E:\n  A = 'a'\nshow(E.A.value)", "a"),
    "dataclass default": ("class C:\n  a: str = field(default='a')\n  def m(self): show(self.a)", "a"),
    "pydantic default": ("class C:\n  a: str = Field('a')\nshow(C().a)", "a"),
    "field without default": ("class C:\n  a: str = field(x=1)\nshow(C().a)", "? call of field()"),
    "docstring": ("def f():\n  'LISTEN x'\nshow(f.__doc__)", "LISTEN x"),
    "no docstring": ("show(f.__doc__)", "? a docstring that is not known"),
    "function": ("def f(a, b='y', *, c='z'): return f'{a}{b}{c}'\nshow(f('x', c='w'))", "xyw"),
    "function with more": ("def f(*a, **k): return '%s %s' % (a[1], k['x'])\nshow(f('a', 'b', x='c'))", "b c"),
    "function with a table": ("def f(a, b): return a + b\nd = {'a': 'x', 'b': 'y'}\nshow(f(**d))", "xy"),
    "function with a list": ("def f(a, b): return a + b\nshow(f(*['x', 'y']))", "xy"),
    "function with unknown arguments": ("def f(a, b='y'): return a + '!'\nshow(f(*x))", "<sql>!"),
    "function without result": ("def f(): pass\nshow(f())", "? call of f()"),
    "lambda called": ("f = lambda a: a + '!'\nshow(f('x'))", "x!"),
    "method": ("class C:\n  def b(self, k): return 'SET ' + k\n  def m(self): show(self.b('x'))", "SET x"),
    "static method": ("class C:\n  @staticmethod\n  def b(k): return 'SET ' + k\nshow(C.b('x'))", "SET x"),
    "class method": ("class C:\n  X = 'x'\n  @classmethod\n  def b(cls, k): return cls.X + k\nshow(C.b('y'))", "xy"),
    "method through its class": ("class C:\n  def b(self, k): return 'SET ' + k\nshow(C.b(c, 'x'))", "SET x"),
    "method that is overridden": (
        (
            "class B:\n  def t(self): return 'b'\n  def q(self): return self.t() + '!'\n"
            "class C(B):\n  def t(self): return 'c'\nshow(C().q())"
        ),
        "c!",
    ),
    "method that is not there": ("class C:\n  def m(self): show(self.b())", "? call of b()"),
    "property": ("class C:\n  @property\n  def sql(self): return 'a'\n  def m(self): show(self.sql)", "a"),
    "closure": ("def f(a):\n  def g(): return a + '!'\n  return g()\nshow(f('x'))", "x!"),
    "default of an outer name": ("X = 'x'\ndef f(a=X): return a\nshow(f())", "x"),
    "recursion": ("def f(a): return f(a + 'x')\nshow(f('a'))", "? call of f()"),
    "context manager": ("@contextmanager\ndef f(): yield 'a'\nshow(f())", "? call of f()"),
    "instance": ("class C: pass\nshow(C())", "? an instance of C"),
    "partial": ("from functools import partial\ndef f(a, b): return a + b\ng = partial(f, 'x')\nshow(g('y'))", "xy"),
    "unknown function": ("show(f())", "? call of f()"),
    "unknown call": ("show(f()())", "? a call"),
    "imported": ("from a.b import c\nshow(c)", "? imported from a.b.c"),
    "imported attribute": ("import a\nshow(a.b.c)", "? imported from a.b.c"),
    "file": ("show(open('x').read())", "? read from a file"),
    "path": ("show((BASE / 'x.sql').read_text())", "? read from a file"),
    "a path alone": ("show(BASE / 'x.sql')", "? a path"),
    "builtin value": ("show(repr(x))", "? call of repr()"),
    "parameter": ("def f(a): show(a)", "? parameter 'a'"),
    "with target": ("with f() as a: show(a)", "? 'a', bound by a with statement"),
    "exception": ("try: pass\nexcept E as e: show(e)", "? exception 'e'"),
    "a function itself": ("def f(): pass\nshow(f)", "? function f"),
    "a class itself": ("class C: pass\nshow(C)", "? class C"),
    "undefined": ("show(x)", "? x, which is not defined here"),
    "annotated only": ("x: str\nshow(x)", "? x, which has no value here"),
    "loop over an unknown": ("def f(a):\n  for x in a: show(x)", "? parameter 'a'"),
    "captured": ("match 'a':\n  case x: show(x)", "a"),
    "captured part": ("match y:\n  case [x]: show(x)", "? 'x', captured by a pattern"),
    "itself": ("x = x\nshow(x)", "? a value that depends on itself"),
}


@pytest.mark.parametrize(("code", "expected"), ONE.values(), ids=ONE.keys())
def test_a_value_is_followed(code: str, expected: object) -> None:
    assert values_of(code) == [expected]


# ---------------------------------------------------------------- alternatives

SEVERAL = {
    "conditional": ("show('a' if x else 'b' if y else 'c')", ["a", "b", "c"]),
    "known condition": ("show('a' if True else 'b')", ["a"]),
    "known negated condition": ("D = None\nshow('a' if not D else 'b')", ["a"]),
    "false condition": ("show('a' if 0 else 'b')", ["b"]),
    "or": ("show(x or 'a')", ["? x, which is not defined here", "a"]),
    "or of a false value": ("show(None or '' or 'a')", ["a"]),
    "or of a true value": ("show('a' or 'b')", ["a"]),
    "and": ("show(x and 'a')", ["a"]),
    "branches": ("if x:\n  s = 'a'\nelse:\n  s = 'b'\nshow(s)", ["a", "b"]),
    "match": ("match x:\n  case 1: s = 'a'\n  case _: s = 'b'\nshow(s)", ["a", "b"]),
    "conditional augmented": ("s = 'a'\nif x: s += 'b'\ns += ';'\nshow(s)", ["a;", "ab;"]),
    "augmented in a loop": ("s = 'a'\nfor i in j:\n    s += 'b'\nshow(s)", ["a", "ab"]),
    "loop": ("for s in ('a', 'b'): show(s)", ["a", "b"]),
    "loop over a name": ("S = ['a', 'b']\nfor s in S: show(s)", ["a", "b"]),
    "loop over a set": ("for s in {'a', 'b'}: show(s)", ["a", "b"]),
    "loop over a table": ("for s in {'a': 1, 'b': 2}: show(s)", ["a", "b"]),
    "loop over values": ("for s in {'x': 'a', 'y': 'b'}.values(): show(s)", ["a", "b"]),
    "loop over keys": ("for s in {'x': 'a', 'y': 'b'}.keys(): show(s)", ["x", "y"]),
    "loop over items, in step": ("for k, v in {'x': 'a', 'y': 'b'}.items():\n  show(f'{k}={v}')", ["x=a", "y=b"]),
    "loop over pairs, in step": ("for k, v in [('x', 'a'), ('y', 'b')]:\n  s = f'{k}={v}'\n  show(s)", ["x=a", "y=b"]),
    "loops within loops": ("for a in 'x', 'y':\n  for b in (1, 2): show(f'{a}{b}')", ["x1", "x2", "y1", "y2"]),
    "loop over enumerate": ("for i, s in enumerate(['a', 'b']): show(f'{s}{i}')", ["a<value>", "b<value>"]),
    "loop over zip": ("for a, b in zip(['a', 'b'], ('c', 'd')): show(a + b)", ["ac", "bd"]),
    "loop over a generator function": (
        "def f():\n  yield 'a'\n  yield from ('b', 'c')\n  yield\nfor s in f(): show(s)",
        ["a", "b", "c"],
    ),
    "loop over a generator with a loop": (
        "def f():\n  for t in ('a', 'b'): yield t\nfor s in f(): show(s)",
        ["a", "b"],
    ),
    "loop over a sorted copy": ("for s in sorted(list(('a', 'b'))): show(s)", ["a", "b"]),
    "loop over two lists": ("for s in ['a'] + ['b']: show(s)", ["a", "b"]),
    "loop over alternatives": ("for s in (['a'] if x else ['b']): show(s)", ["a", "b"]),
    "loop over a range": ("for i in range(3): show(f'a{i}')", ["a<value>"]),
    "the same name twice": ("m = 'a' if x else 'b'\nshow(f'{m} {m}')", ["a a", "b b"]),
    "two names": ("m = 'a' if x else 'b'\nn = '1' if y else '2'\nshow(m + n)", ["a1", "a2", "b1", "b2"]),
    "an unknown key": ("show({'x': 'a', 'y': 'b'}[k])", ["a", "b"]),
    "an unknown key of an open table": ("show({'x': 'a', **d}[k])", ["a", "? a key that is not known"]),
    "get with an unknown key": ("show({'x': 'a'}.get(k, 'b'))", ["a", "b"]),
    "an unknown index": ("show(['a', 'b'][i])", ["a", "b"]),
    "an index of an open list": ("show(['a', *b][0])", ["a", "? b, which is not defined here"]),
    "several returns": ("def f(a):\n  if a: return 'a'\n  return 'b'\nshow(f(x))", ["a", "b"]),
    "a bare return": ("def f(a):\n  if a: return\n  return 'b'\nshow(f(x))", [None, "b"]),
    "a default": ("def f(a='x'): show(a)", ["x", "? parameter 'a'"]),
    "a condition on an argument": ("def f(a): return 'LOCAL' if a else 'SESSION'\nshow(f(True))", ["LOCAL"]),
    "a conditional append": ("p = ['a']\nif x: p.append('b')\nshow(' '.join(p))", ["a", "a b"]),
    "a conditional item": ("d = {'a': 1}\nif x: d['a'] = 2\nshow(d['a'])", [1, 2]),
    "arguments of a format": ("m = 'a' if x else 'b'\nshow('{} {}'.format(m, 1))", ["a 1", "b 1"]),
    "elements of a join": ("m = 'a' if x else 'b'\nshow(','.join([m, 'c']))", ["a,c", "b,c"]),
    "attribute of a derived class": (
        "class B:\n  SQL = None\n  def m(self): show(self.SQL)\nclass C(B):\n  SQL = 'a'",
        [None, "a"],
    ),
    "a table or None, changed": ("d = {} if x else None\nd['a'] = 1\nshow(d)", [{"a": [1]}, None]),
    "a list whose items are set": ("p = ['a']\np[0] = 'b'\nshow(p)", [[["a", "b"]]]),
    "what another function appends": ("p = []\ndef g():\n    p.append('a')\nshow(','.join(p))", ["a"]),
    "one of two functions": ("f = (lambda: 'a') if x else (lambda: 'b')\nshow(f())", ["? call of f()"]),
}


@pytest.mark.parametrize(("code", "expected"), SEVERAL.values(), ids=SEVERAL.keys())
def test_alternatives_are_followed_in_order(code: str, expected: list[object]) -> None:
    assert values_of(code) == expected


def test_alternatives_are_limited_to_the_first_and_the_last() -> None:
    statements = "".join(f"if c: s += '{letter}'\n" for letter in "abcdefgh")
    found = values_of(f"s = ''\n{statements}show(s)")
    assert len(found) == 16
    assert {"", "abcdefgh"} <= set(found)


# ---------------------------------------------------------------- containers

CONTAINERS = {
    "list": ("show(['a', 1, *('b', x)])", [["a"], [1], ["b"], ["? x, which is not defined here"]]),
    "open list": ("show(['a', *x])", [["a"], "..."]),
    "comprehension": ("show([t + '!' for t in ('a', 'b')])", [["a!"], ["b!"]]),
    "comprehension of pairs": ("show([k + v for k, v in {'a': 'b'}.items()])", [["ab"]]),
    "copy": ("show(['a'].copy())", [["a"]]),
    "reversed": ("show(list(reversed(['a', 'b'])))", [["b"], ["a"]]),
    "empty": ("show(list())", []),
    "table": ("show({'a': 1, **{'b': 2, 'a': 3}})", {"a": [3], "b": [2]}),
    "open table": ("show({'a': 1, **x})", {"a": [1], "...": []}),
    "one of two tables": ("show({'a': 0, **({'a': 1} if x else {})})", {"a": [0, 1]}),
    "a table or nothing": ("show({'a': 0, **(None or {'b': 1})})", {"a": [0], "b": [1]}),
    "dict": ("show(dict({'a': 1}, b=2, **{'c': 3}))", {"a": [1], "b": [2], "c": [3]}),
    "dict of pairs": ("show(dict([('a', 1), ('b', 2)]))", {"a": [1], "b": [2]}),
    "dict of something else": ("show(dict(['ab']))", {"...": []}),
    "dict of an unknown": ("show(dict(x))", {"...": []}),
    "union": ("show({'a': 1} | {'b': 2})", {"a": [1], "b": [2]}),
    "items set later": (
        "d = {}\nd['a'] = 1\nd.update({'b': 2}, c=3)\nd.setdefault('a', 4)\nd.setdefault('d', 5)\nshow(d)",
        {"a": [1], "b": [2], "c": [3], "d": [5]},
    ),
    "items set in a function that is called later": ("d = {}\ndef f(): show(d)\nd['a'] = 1", {"a": [1]}),
    "copied table": ("d = {'a': 1}.copy()\nshow(d)", {"a": [1]}),
    "other methods": ("d = {'a': 1}\nd.add(1)\nshow(d)", {"a": [1]}),
    "number keys": ("show({1: 'a', True: 'b', None: 'c'})", {1: ["b"], None: ["c"]}),
}


@pytest.mark.parametrize(("code", "expected"), CONTAINERS.values(), ids=CONTAINERS.keys())
def test_lists_and_tables_are_followed(code: str, expected: object) -> None:
    assert values_of(code) == [expected]


def test_an_entry_of_a_table_is_found_by_its_key() -> None:
    module = module_of("show({'a': 'x', 1: 'y'})")
    (table,) = evaluate(module, marked(module)[0])
    assert isinstance(table, Table)
    assert [shown(value) for value in table.get("a")] == ["x"]
    assert [shown(value) for value in table.find(1)] == ["y"]
    assert table.get("b") == ()


# ---------------------------------------------------------------- SQL composition

COMPOSED = {
    "psycopg SQL": ("show(sql.SQL('LISTEN {}').format(sql.Identifier('jobs')))", 'LISTEN "jobs"'),
    "unknown identifier": ("show(sql.SQL('LISTEN {}').format(sql.Identifier(c)))", "LISTEN <identifier>"),
    "quote in an identifier": ("""show(sql.Identifier('a"b'))""", '"a""b"'),
    "dotted identifier": ("show(sql.Identifier('a', b))", '"a".<identifier>'),
    "no identifier": ("show(sql.SQL('a{}').format(sql.Identifier()))", "a<identifier>"),
    "literal": (
        "L = sql.Literal\nshow(sql.SQL('{} {} {} {} {}').format(L('a'), L(1), L(None), L(True), L(x)))",
        "'a' 1 NULL true <value>",
    ),
    "a plain argument is quoted": ("show(sql.SQL('a {}').format('b'))", "a 'b'"),
    "placeholder": ("show(sql.SQL('a {}').format(sql.Placeholder()))", "a <value>"),
    "quote in a literal": ("""show(sql.Literal("it's"))""", "'it''s'"),
    "partly known literal": ("show(sql.Literal(f'a{x}'))", "<value>"),
    "join": ("show(sql.SQL(', ').join([sql.SQL('a'), sql.Identifier('b'), 'c']))", "a, \"b\", 'c'"),
    "join of placeholders": ("show(sql.SQL(', ').join(sql.Placeholder() * 2))", "? a computed value"),
    "composed": ("show(sql.Composed([sql.SQL('a '), sql.Identifier('b')]))", 'a "b"'),
    "sum": ("show(sql.SQL('a ') + sql.Identifier('b'))", 'a "b"'),
    "as_string": ("show(sql.SQL('a').as_string(conn))", "a"),
    "text": ("show(text('SET x').bindparams(a=1).execution_options(b=2))", "SET x"),
    "text by keyword": ("show(text(text='SET x'))", "SET x"),
    "text without argument": ("show(text())", "? call of text()"),
    "text of an unknown": ("def f(a): show(text(a))", "? parameter 'a'"),
    "text of rest": ("show(text(*a))", "? call of text()"),
    "function": ("show(func.pg_advisory_lock(1, x))", "pg_advisory_lock(1, <value>)"),
    "function in a schema": (
        "show(func.pg_catalog.set_config('a', 'b', False))",
        "pg_catalog.set_config('a', 'b', false)",
    ),
    "select": ("show(select(func.pg_advisory_lock(1), x))", "SELECT pg_advisory_lock(1), <sql>"),
    "select of a list": ("show(select([func.now()]).where(func.f(1)))", "SELECT now() WHERE f(1)"),
    "function select": ("show(func.now().select())", "SELECT now()"),
    "nested function": ("show(func.f(func.g(text('a'))))", "f(g(a))"),
    "function by alternatives": ("show(func.f('a' if x else 'b'))", ["f('a')", "f('b')"]),
}


@pytest.mark.parametrize(("code", "expected"), COMPOSED.values(), ids=COMPOSED.keys())
def test_composed_sql_is_followed(code: str, expected: object) -> None:
    imports = "from psycopg import sql\nfrom sqlalchemy import func, select, text\n"
    assert values_of(imports + code) == (expected if isinstance(expected, list) else [expected])


def test_callers_may_know_more_composables() -> None:
    module = module_of("import own\nshow(own.raw('a'))")
    (expr,) = marked(module)
    (value,) = evaluate(module, expr, composables={"own.raw": Composable.VERBATIM})
    assert shown(value) == "a"
    assert [shown(value) for value in evaluate(module, expr)] == ["? call of raw()"]


@pytest.mark.parametrize(
    ("line", "expected"),
    [("f'a {b} {c:i} {d:q}'", "a <value> <identifier> <sql>"), ("rf'a {b}'", "a <sql>")],
)
def test_the_fields_of_a_template_string_are_bound(line: str, expected: str) -> None:
    line = line.replace("f'", "t'", 1) if line.startswith("f") else line
    assert values_of(f"show({line})") == [expected]


# ---------------------------------------------------------------- places


def test_each_piece_of_a_text_keeps_its_place() -> None:
    module = module_of("TABLE = 'jobs'\nshow(f'LISTEN {TABLE} {x}' + ';')")
    (template,) = text_values(module, marked(module)[0])
    source = module.source.text
    spelled = [source[f.place.span.start : f.place.span.end] for f in template.fragments]
    assert spelled == ["LISTEN ", "jobs", " ", "{x}", ";"]
    assert [f.exact for f in template.fragments] == [True, True, True, False, True]
    assert template.fragments[3].hole is Hole.SQL


def test_a_piece_of_a_formatted_text_keeps_its_place() -> None:
    module = module_of("show('SET %s = 1;'.strip(';') % 'a')")
    (template,) = text_values(module, marked(module)[0])
    spelled = [module.source.text[f.place.span.start : f.place.span.end] for f in template.fragments]
    assert spelled == ["SET ", "a", " = 1"]


def test_each_line_of_a_dedented_text_keeps_its_place() -> None:
    module = module_of("import textwrap\nshow(textwrap.dedent('''\\\n    SET a;\n\n      LISTEN b;\n'''))")
    (value,) = evaluate(module, marked(module)[0])
    assert shown(value) == "SET a;\n\n  LISTEN b;\n"


def test_dedented_lines_are_exact() -> None:
    module = module_of("import textwrap\nshow(textwrap.dedent('''\n    SET a;\n\n      LISTEN b;\n'''))")
    (template,) = text_values(module, marked(module)[0])
    start = template.text.index("LISTEN")
    place = template.locate(Span(start, start + 6))
    assert module.source.text[place.span.start : place.span.end] == "LISTEN"


def test_an_unknown_stands_where_the_link_is_missing() -> None:
    module = module_of("def f(channel):\n    show(channel)")
    (value,) = evaluate(module, marked(module)[0])
    assert value == Unknown("parameter 'channel'", Place("app/db.py", Span(6, 13)))


# ---------------------------------------------------------------- calls and shortcuts


def call_of(code: str, name: str) -> tuple[ast.expr, ast.Call, object]:
    module = module_of(code)
    call = next(
        call
        for call in module.calls
        if isinstance(call.func, ast.Name | ast.Attribute) and name in ast.unparse(call.func)
    )
    return marked(module)[0], call, module


def test_a_wrapper_is_looked_at_with_the_arguments_of_one_call() -> None:
    module = module_of("def run(sql, n=1):\n    show(sql + str(n))\nrun('LISTEN ')\nrun('SET ', n=2)")
    calls = [call for call in module.calls if isinstance(call.func, ast.Name) and call.func.id == "run"]
    (expr,) = marked(module)
    found = [[shown(value) for value in evaluate(module, expr, call=call)] for call in calls]
    assert found == [["LISTEN 1"], ["SET 2"]]


def test_a_call_of_no_function_changes_nothing() -> None:
    module = module_of("show(x)\nrun('a')")
    (expr,) = marked(module)
    assert [shown(v) for v in evaluate(module, expr, call=module.calls[1])] == ["? x, which is not defined here"]


def test_only_texts_are_asked_for() -> None:
    module = module_of("show('a' if x else 1)")
    assert [template.text for template in text_values(module, marked(module)[0])] == ["a"]


@pytest.mark.parametrize(
    ("code", "expected"),
    [("show(0)", 0), ("show(None)", None), ("show(x)", "x, which is not defined here")],
)
def test_a_scalar_is_a_number_or_the_reason_why_not(code: str, expected: object) -> None:
    module = module_of(code)
    found = scalar(module, marked(module)[0])
    assert (found.value if isinstance(found, Scalar) else found.reason) == expected


@pytest.mark.parametrize(
    ("code", "reason"), [("show(1 if x else 2)", "several values"), ("show('a')", "a value that is neither")]
)
def test_what_is_no_scalar_says_so(code: str, reason: str) -> None:
    module = module_of(code)
    found = scalar(module, marked(module)[0])
    assert isinstance(found, Unknown)
    assert found.reason.startswith(reason)


@pytest.mark.parametrize(
    ("code", "expected"),
    [("show('a' + 'b')", "ab"), ("show(f'a{x}')", None), ("show('a' if x else 'b')", None), ("show(1)", None)],
)
def test_a_constant_text_is_one_text_without_holes(code: str, expected: str | None) -> None:
    module = module_of(code)
    assert constant_text(module, marked(module)[0]) == expected


def test_values_are_what_they_say() -> None:
    module = module_of("show(['a'])")
    (value,) = evaluate(module, marked(module)[0])
    assert isinstance(value, Items)
    assert isinstance(value.values[0][0], Text)


def test_many_conditional_changes_are_told_apart_only_in_part() -> None:
    changes = "".join(f"if c{i}: d['{letter}'] = {i}\n" for i, letter in enumerate("abcabc"))
    found = values_of(f"d = {{}}\n{changes}show(d)")
    assert len(found) == 4
    assert found[-1] == {"a": [0, 3], "b": [1, 4], "c": [2, 5]}


def test_a_dictionary_that_feeds_on_itself_is_given_up() -> None:
    changes = "".join(f"if c: d[k + d.get(j)] = [d[x + '{i}'], *d[y]]\n" for i in range(30))
    assert values_of(f"d = {{'a': 'b'}}\n{changes}show(d)") == ["? too much work"]
