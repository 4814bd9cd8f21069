"""Dictionaries in dictionaries, under other names, and in the hands of functions."""

from __future__ import annotations

import pytest

from tests.python.analysed import values_of

NESTED = {
    "an item of an item": ("d = {'a': {}}\nd['a']['b'] = 1\nshow(d)", [{"a": [{"b": [1]}]}]),
    "an update of an item": ("d = {'a': {'c': 2}}\nd['a'].update(b=1)\nshow(d)", [{"a": [{"c": [2], "b": [1]}]}]),
    "an item that is made on the way": (
        "d = {}\nd.setdefault('a', {})['b'] = 1\nshow(d)",
        [{"a": [{"b": [1]}]}],
    ),
    "an update of an item that is made on the way": (
        "d = {}\nd.setdefault('a', {}).update(b=1)\nshow(d)",
        [{"a": [{"b": [1]}]}],
    ),
    "an item that is not there": ("d = {'a': 1}\nd['x']['b'] = 1\nshow(d)", [{"a": [1]}]),
    "an item of something else": ("d = {'a': 1}\nd['a']['b'] = 1\nshow(d)", [{"a": [1]}]),
    "an item of an item that is not known": (
        "def f(**d):\n  d['a']['b'] = 1\n  show(d)",
        [{"a": [{"b": [1], "...": []}], "...": []}],
    ),
    "a key that is not known": ("d = {'a': {}}\nd[x]['b'] = 1\nshow(d)", [{"a": [{}]}]),
    "a list in a dictionary": ("d = {'a': ['x']}\nd['a'].append('y')\nshow(d)", [{"a": [[["x"], ["y"]]]}]),
    "an item that is removed": ("d = {'a': {'b': 1}}\ndel d['a']['b']\nshow(d)", [{"a": [{}]}]),
    "an attribute": (
        "class C:\n  def __init__(self):\n    self.d = {'a': {}}\n    self.d['a']['b'] = 1\n  def f(s): show(s.d)",
        [{"a": [{"b": [1]}]}],
    ),
}
RENAMED = {
    "a part under another name": ("d = {'a': {}}\ne = d['a']\ne['b'] = 1\nshow(d)", [{"a": [{"b": [1]}]}]),
    "a part that is got": ("d = {'a': {}}\ne = d.get('a')\ne.update(b=1)\nshow(d)", [{"a": [{"b": [1]}]}]),
    "a part that is made": ("d = {}\ne = d.setdefault('a', {})\ne['b'] = 1\nshow(d)", [{"a": [{"b": [1]}]}]),
    "under a condition": (
        "d = {'a': {}}\ne = d['a']\nif x:\n  e['b'] = 1\nshow(d)",
        [{"a": [{}]}, {"a": [{"b": [1]}]}],
    ),
    "of another dictionary": ("d = {'a': {}}\nc = {'a': {}}\ne = c['a']\ne['b'] = 1\nshow(d)", [{"a": [{}]}]),
    "after the use": ("d = {'a': {}}\ne = d['a']\nshow(d)\ne['b'] = 1", [{"a": [{}]}]),
    "in another function": (
        "def f():\n  d = {'a': {}}\n  show(d)\ndef g(d):\n  e = d['a']\n  e['b'] = 1",
        [{"a": [{}]}],
    ),
}
FILL = "def fill(d, name='a'):\n  d[name] = 1\n"
HANDED = {
    "to a function": (FILL + "e = {}\nfill(e)\nshow(e)", [{"a": [1]}]),
    "by keyword": (FILL + "e = {}\nfill(d=e, name='b')\nshow(e)", [{"b": [1]}]),
    "after the use": (FILL + "e = {}\nshow(e)\nfill(e)", [{}]),
    "under a condition": (FILL + "e = {}\nif x:\n  fill(e)\nshow(e)", [{}, {"a": [1]}]),
    "further": (FILL + "def more(d):\n  fill(d)\n  d['z'] = 2\ne = {}\nmore(e)\nshow(e)", [{"a": [1], "z": [2]}]),
    "in a circle": ("def f(d):\n  d['a'] = 1\n  f(d)\ne = {}\nf(e)\nshow(e)", [{"a": [1]}]),
    "to a method": (
        "class C:\n  def fill(self, d): d['a'] = 1\n  def f(self):\n    e = {}\n    self.fill(e)\n    show(e)",
        [{"a": [1]}],
    ),
    "to a function that changes a copy": ("def f(d):\n  d = dict(d)\n  d['a'] = 1\ne = {}\nf(e)\nshow(e)", [{}]),
    "to a function that is not known": ("e = {'a': 1}\nfill(e)\nshow(e)", [{"a": [1]}]),
    "to a function twice": ("def f(c, d):\n  c['a'] = 1\ne = {}\nf(e, e)\nshow(e)", [{}]),
    "in a part of another call": (FILL + "e = {}\nprint(fill(e))\nshow(e)", [{"a": [1]}]),
    "a list": ("def f(l): l.append('x')\ne = []\nf(e)\nshow(e)", [[["x"]]]),
    "a text": ("def f(l): l.append('x')\ne = 'a'\nf(e)\nshow(e)", ["a"]),
}
FIELDS = "from dataclasses import asdict, dataclass\n@dataclass\nclass C:\n  a: str = 'x'\n  b: int = 2\n"
FIELDS_AS_TABLES = {
    "of an object": (FIELDS + "show(asdict(C(b=3)))", [{"a": ["x"], "b": [3]}]),
    "of itself": (FIELDS + "  def f(self): return asdict(self)\nshow(C(a='y').f())", [{"a": ["y"], "b": [2]}]),
    "of something else": (FIELDS + "show(asdict(c))", ["? call of asdict()"]),
}


@pytest.mark.parametrize(("code", "expected"), NESTED.values(), ids=NESTED.keys())
def test_a_change_of_a_part_is_a_change_of_the_whole(code: str, expected: list[object]) -> None:
    assert values_of(code) == expected


@pytest.mark.parametrize(("code", "expected"), RENAMED.values(), ids=RENAMED.keys())
def test_a_part_may_be_changed_under_another_name(code: str, expected: list[object]) -> None:
    assert values_of(code) == expected


@pytest.mark.parametrize(("code", "expected"), HANDED.values(), ids=HANDED.keys())
def test_a_container_may_be_filled_by_a_function(code: str, expected: list[object]) -> None:
    assert values_of(code) == expected


@pytest.mark.parametrize(("code", "expected"), FIELDS_AS_TABLES.values(), ids=FIELDS_AS_TABLES.keys())
def test_an_object_may_be_turned_into_a_dictionary(code: str, expected: list[object]) -> None:
    assert values_of(code) == expected
