"""A closed body is text until it is asked for; opened, the module is what it would have been."""

from __future__ import annotations

import ast
import gc
import weakref
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.python.analysed import shown, source_of
from txsafe.analysis import Analyzer
from txsafe.config import Config
from txsafe.discovery import find_files
from txsafe.project import Program
from txsafe.python.scopes import Bodies, Module
from txsafe.python.values import evaluate

if TYPE_CHECKING:
    from pathlib import Path

CODE = '''
import psycopg
RULES = []
class Base:
    kind = "a"
    def __init__(self, dsn):
        """Connects."""
        self.conn = psycopg.connect(dsn)
        self.name: str = f"{dsn}"

    async def fetch(self, sql): return await self.conn.execute(sql)

\tdef_ = 1
def add(rule):
    for each in rule:
        RULES.append(each)
    def inner():
        return [x for x in rule]
    return inner
def lazily():
    import sqlite3
    return sqlite3
def whole():
    global RULES
    RULES = 1
class Late:
  def make(self):
      class Local: pass
      return Local
def text(): return """
def not_a_function(): LISTEN
"""
'''.replace("\tdef_", "    def_")


def outline(code: str = CODE) -> Module:
    return Module.of(source_of(code), bodies=Bodies.CLOSED)


def closed(module: Module) -> set[str]:
    return {function.name for function in module.closed}


def shape(module: Module) -> object:
    """Return everything that is noted of a module, in a form that can be compared."""
    place = module.place
    nodes = (
        module.calls,
        module.assignments,
        module.strings,
        module.functions,
        module.classes,
        module.withs,
        module.loops,
    )
    return (
        ast.dump(module.tree, include_attributes=True),
        [[place(node) for node in kind] for kind in nodes],
        {
            place(scope.node): {name: len(bound) for name, bound in scope.bindings.items()}
            for scope in module.scopes.values()
        },
        {name: [place(target) for target, _ in bound] for name, bound in module.attributes.items()},
        {name: [place(node) for node in changes] for name, changes in module.mutations.items()},
        {place(function): [place(node) for node in nodes] for function, nodes in module.returns.items()},
        sorted(place(node) for node in module.parents if hasattr(node, "lineno")),
        sorted((place(node), slot) for node, slot in module.slots.items()),
    )


def test_bodies_are_closed_unless_they_change_names_around_them() -> None:
    assert closed(outline()) == {"__init__", "fetch", "add", "text"}
    assert closed(Module.of(source_of(CODE))) == set()


def test_an_opened_outline_is_the_whole_module() -> None:
    assert shape(outline().open_all()) == shape(Module.of(source_of(CODE)))


@given(st.permutations(["__init__", "fetch", "add", "text"]))
def test_the_order_of_opening_changes_nothing(names: list[str]) -> None:
    module = outline()
    for name in names:
        (function,) = (node for node in module.functions if getattr(node, "name", "") == name)
        module.open(function)
    assert shape(module) == shape(Module.of(source_of(CODE)))


def test_what_holds_a_text_is_opened_and_nothing_else() -> None:
    module = outline()
    module.open_mentioning(".conn")
    assert closed(module) == {"add", "text"}
    module.open_mentioning("nowhere")
    assert closed(module) == {"add", "text"}


def test_an_attribute_that_a_method_sets_is_found() -> None:
    module = outline()
    (base,) = (node for node in module.classes if node.name == "Base")
    assert [binding.kind for binding in module.own_attribute(base, "conn")] == ["assign"]
    assert module.own_attribute(base, "other") == ()


BOUND = [
    "self.x = 1", "self.x: int = 1", "self.x: int", "self.x += 1", "self.a, self.x = y", "(self.a, self.x) = y",
    "(\n            self.a,\n            self.x\n        ) = y", "[self.x] = y", "self.x \\\n            = 1",
    "for self.x in y: pass", "with y as self.x: pass", "del self.x", "del self.a, self.x", "self.x  # a\n        pass",
    "self.x = self.y = 1", "self.y = self.x = 1", "self.x=1",
]  # fmt: skip
READ = ["self.x()", "self.x == 1", "self.x.y = 1", "self.x[0] = 1", "y = self.x\n        pass", "self.xy = 1", "x = 1"]


@pytest.mark.parametrize("statement", BOUND)
def test_whatever_may_bind_an_attribute_is_opened(statement: str) -> None:
    module = outline(f"class A:\n    def f(self):\n        {statement}\n")
    (owner,) = module.classes
    whole = Module.of(source_of(f"class A:\n    def f(self):\n        {statement}\n"))
    found = [binding.kind for binding in module.own_attribute(owner, "x")]
    assert found == [binding.kind for binding in whole.own_attribute(whole.classes[0], "x")]
    assert not module.closed


@pytest.mark.parametrize("statement", READ)
def test_what_only_reads_an_attribute_stays_closed(statement: str) -> None:
    module = outline(f"class A:\n    def f(self):\n        {statement}\n")
    (owner,) = module.classes
    assert module.own_attribute(owner, "x") == ()
    assert closed(module) == {"f"}


def test_a_name_of_a_function_is_not_looked_for_in_others() -> None:
    code = (
        "def f():\n    x = []\n    return x\ndef g():\n    x.append('a')\nX = []\ndef h():\n    X.append('b')\nY = X\n"
    )
    module = outline(code)
    (returned,) = module.returned_by(module.functions[0])
    assert isinstance(returned.value, ast.Name)
    assert [shown(value) for value in evaluate(module, returned.value)] == [[]]
    assert closed(module) == {"g", "h"}
    assert isinstance(module.tree.body[-1], ast.Assign)
    assert evaluate(module, module.tree.body[-1].value)
    assert closed(module) == {"g"}


def test_what_a_closed_function_returns_is_found() -> None:
    module = outline()
    (text,) = (node for node in module.functions if getattr(node, "name", "") == "text")
    (returned,) = module.returned_by(text)
    assert isinstance(returned.value, ast.Constant)
    assert returned.value.value == "\ndef not_a_function(): LISTEN\n"
    assert module.returned_by(module.tree) == ()


@pytest.mark.parametrize(
    "code",
    [
        "def f(): return 1",
        "if 1:\n\tdef f():\n\t\treturn 1",
        "class A:\n    @d(\n    1)\n    def f(self, x=(1,\n  2)): # note\n\n        return (1 +\n2)\n",
        "class A:\r\n  def f(self):\r\n    'a\\\r\nb'\r\n    return 1\r\n\r\n\r\nx = 1\r\n",
        "x = 1\f\ndef f():\n  return 'ä', ä.f()\n\f\n",
        "def f[T](x: T) -> T:\n    type A = T\n    return f'{x['a']}'\n",
        "def f():\n    def g():\n        def h(): return 1\n        return h\n    return g",
    ],
    ids=["line", "tabs", "decorated", "crlf", "form-feeds", "newer", "nested"],
)
def test_any_spelling_of_a_function_can_be_closed_and_opened(code: str) -> None:
    module = outline(code)
    assert all(not node.body for node in module.closed)
    assert module.closed
    assert shape(module.open_all()) == shape(Module.of(source_of(code)))
    assert all(node.body for node in module.functions)


def test_a_module_that_is_forgotten_keeps_none_of_its_nodes() -> None:
    module = Module.of(source_of(CODE))
    node = weakref.ref(module.functions[0])
    module.forget()
    assert node() is None
    assert ast.dump(module.tree) == ast.dump(ast.Module(body=[], type_ignores=[]))


def test_an_analysis_leaves_nothing_for_the_garbage_collection(tmp_path: Path) -> None:
    (tmp_path / "db.py").write_text("import psycopg\ndef run(sql):\n    psycopg.connect('').execute(sql)\n")
    (tmp_path / "app.py").write_text("from db import run\ndef go(conn):\n    with conn:\n        run('LISTEN x')\n")
    files = find_files([str(tmp_path)], Config(root=tmp_path)).files
    analyzer = Analyzer.of(Config(root=tmp_path, profile="pgbouncer"), program=Program(tree=str(tmp_path)))
    app = next(file for file in files if file.path.name == "app.py")
    analyzer.analyze(app)
    analyzer.project.begin()
    gc.collect()
    gc.disable()
    try:
        report = analyzer.analyze(app)
        analyzer.project.begin()
        assert report.diagnostics
        assert gc.collect() < 50  # of a tree there would be hundreds
    finally:
        gc.enable()
