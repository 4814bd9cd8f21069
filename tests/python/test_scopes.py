from __future__ import annotations

import ast
from typing import TYPE_CHECKING

import pytest

from tests.python.analysed import marked, module_of, source_of
from txsafe.errors import SourceError
from txsafe.model import Place, Span
from txsafe.python.scopes import Binding, BindingKind, Module, Scope, ScopeKind, is_method, last_name

if TYPE_CHECKING:
    from collections.abc import Sequence


def qualified(code: str, *, name: str = "app.db") -> str | None:
    module = module_of(code, name)
    (expr,) = marked(module)
    return module.qualified_name(expr)


def class_named(module: Module, name: str) -> ast.ClassDef:
    return next(node for node in module.classes if node.name == name)


def sources(bindings: Sequence[Binding]) -> list[str]:
    return [ast.unparse(binding.value) if binding.value else binding.kind.value for binding in bindings]


# ---------------------------------------------------------------- qualified names


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("import psycopg as pg\nshow(pg.connect)", "psycopg.connect"),
        ("import a.b.c\nshow(a.b.c.d)", "a.b.c.d"),
        ("import a.b as c\nshow(c.d)", "a.b.d"),
        ("from sqlalchemy import text as t\nshow(t)", "sqlalchemy.text"),
        ("from . import sql\nshow(sql.x)", "app.sql.x"),
        ("from .sql import x\nshow(x)", "app.sql.x"),
        ("from .. import x\nshow(x)", "x"),
        ("from ... import x\nshow(x)", "...x"),
        ("try:\n    import a\nexcept ImportError:\n    import b as a\nshow(a.x)", "a.x"),
        ("try:\n    import a\nexcept ImportError:\n    a = None\nshow(a.x)", "a.x"),
        ("a: int\nimport a\nshow(a)", "a"),
        ("import a\na = 1\nshow(a)", None),
        ("def f():\n    import a\n    show(a.x)", "a.x"),
        ("def f(): pass\nshow(f)", "app.db.f"),
        ("class C:\n    def m(self): pass\nshow(C.m)", "app.db.C.m"),
        ("show(open)", "builtins.open"),
        ("show(nowhere)", None),
        ("from sqlalchemy import *\nshow(text)", "sqlalchemy.text"),
        ("from a import *\nfrom b import *\nshow(text)", None),
        ("from a import *\nshow(open)", "builtins.open"),
        ("import a\nb = a.c\nshow(b.d)", "a.c.d"),
        ("b = f()\nshow(b.d)", None),
        ("b = c = b\nshow(b)", None),
        ("b = 1\nb = 2\nshow(b)", None),
        ("def f(a):\n    show(a.b)", None),
        ("show(f().x)", None),
        ("class C:\n    import a\n    show(a.x)", "a.x"),
        ("class C:\n    import a\n    def m(self):\n        show(a.x)", None),
    ],
)
def test_a_name_is_followed_to_where_it_comes_from(code: str, expected: str | None) -> None:
    assert qualified(code) == expected


def test_without_the_modules_name_local_names_stand_alone_and_relative_ones_keep_their_dots() -> None:
    assert qualified("def f(): pass\nshow(f)", name="") == "f"
    assert qualified("from .sql import x\nshow(x)", name="") == ".sql.x"
    assert qualified("from . import x\nshow(x)", name="") == ".x"


def test_relative_imports_of_a_package_start_at_the_package() -> None:
    module = Module.of(source_of("from .sql import x\nshow(x)", "app/__init__.py"), name="app")
    assert module.qualified_name(marked(module)[0]) == "app.sql.x"


# ---------------------------------------------------------------- scopes


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("x = 1\ndef f():\n    show(x)", ["1"]),
        ("x = 1\ndef f():\n    x = 2\n    show(x)", ["2"]),
        ("x = 1\nclass C:\n    x = 2\n    def f(self):\n        show(x)", ["1"]),
        ("x = 1\nclass C:\n    x = 2\n    show(x)", ["2"]),
        ("x = 1\nclass C:\n    x = 2\n    y = [show(x) for i in j]", ["1"]),
        ("x = 1\nclass C:\n    x = 2\n    y = [i for i in show(x)]", ["2"]),
        ("x = 1\ndef f():\n    global x\n    x = 2\nshow(x)", ["1", "2"]),
        ("def f():\n    x = 1\n    def g():\n        nonlocal x\n        x = 2\n    show(x)", ["1", "2"]),
        ("def f():\n    def g():\n        nonlocal x\n        x = 2\n    x = 1\n    show(x)", ["2", "1"]),
        ("x = 1\ndef f(x=2):\n    show(x)", ["2"]),
        ("x = 1\ndef f(x=show(x)): pass", ["1"]),
        ("x = 1\n@show(x)\ndef f(x): pass", ["1"]),
        ("x = 1\ndef f(x) -> show(x): pass", ["1"]),
        ("x = 1\nf = lambda x=2: show(x)", ["2"]),
        ("x = 1\nf = lambda x=show(x): x", ["1"]),
        ("x = 1\ny = [show(x) for x in z]", ["z"]),
        ("y = [(x := 1) for i in j]\nshow(x)", ["1"]),
        ("y = {x: show(x) for x in z}", ["z"]),
        ("y = [1 for x in a for b in show(x)]", ["a"]),
        ("show(x)", []),
    ],
)
def test_a_name_is_looked_up_by_pythons_rules(code: str, expected: list[str]) -> None:
    module = module_of(code)
    (name,) = marked(module)
    assert isinstance(name, ast.Name)
    assert sources(module.scope(name).lookup(name.id)) == expected


@pytest.mark.parametrize(
    ("code", "kind", "value", "index"),
    [
        ("x = 1", "assign", "1", ()),
        ("x: int = 1", "assign", "1", ()),
        ("x: int", "annotation", None, ()),
        ("x += 1", "augmented", "1", ()),
        ("def f(x): pass", "parameter", None, ()),
        ("def f(*, x=1): pass", "parameter", "1", ()),
        ("def f(*x): pass", "parameter", None, ()),
        ("def f(**x): pass", "parameter", None, ()),
        ("import x", "import", None, ()),
        ("with f() as x: pass", "with", "f()", ()),
        ("with f() as (a, x): pass", "with", "f()", (1,)),
        ("for x in y: pass", "for", "y", ()),
        ("for a, (b, x) in y: pass", "for", "y", (1, 1)),
        ("def x(): pass", "function", None, ()),
        ("class x: pass", "class", None, ()),
        ("try: pass\nexcept E as x: pass", "except", None, ()),
        ("(x := 1)", "walrus", "1", ()),
        ("a, x = f()", "unpack", "f()", (1,)),
        ("a, x = 1, 2", "assign", "2", ()),
        ("a, x = 1, *b", "unpack", "(1, *b)", (1,)),
        ("a, *x = f()", "unpack", None, (1, -1)),
        ("[a, x] = 1, 2", "assign", "2", ()),
        ("match y:\n    case x: pass", "match", "y", ()),
        ("match y:\n    case 1 | 2 as x: pass", "match", "y", ()),
        ("match y:\n    case [x]: pass", "match", None, ()),
        ("match y:\n    case [*x]: pass", "match", None, ()),
        ("match y:\n    case {**x}: pass", "match", None, ()),
        ("del x", "delete", None, ()),
    ],
)
def test_a_binding_says_how_and_with_what(code: str, kind: str, value: str | None, index: tuple[int, ...]) -> None:
    module = module_of(code)
    (binding,) = [binding for scope in module.scopes.values() for binding in scope.own("x")]
    assert binding.kind is BindingKind(kind)
    assert (ast.unparse(binding.value) if binding.value else None) == value
    assert binding.index == index


def test_annotations_and_import_targets_are_kept() -> None:
    module = module_of("from a import b\ndef f(x: int) -> str: pass\ny: float = 1")
    (imported,) = module.scope_of_module.own("b")
    (function,) = module.scope_of_module.own("f")
    (assigned,) = module.scope_of_module.own("y")
    assert imported.target == "a.b"
    assert [ast.unparse(node) for node in (function.annotation, assigned.annotation) if node] == ["str", "float"]


def test_scopes_know_their_names_and_parents() -> None:
    module = module_of("class C:\n    def m(self):\n        return [show(x) for x in y]")
    scope: Scope | None = module.scope(marked(module)[0])
    chain = []
    while scope is not None:
        chain.append((scope.kind, scope.qualname))
        scope = scope.parent
    assert chain == [
        (ScopeKind.COMPREHENSION, "C.m"),
        (ScopeKind.FUNCTION, "C.m"),
        (ScopeKind.CLASS, "C"),
        (ScopeKind.MODULE, ""),
    ]


# ---------------------------------------------------------------- places and nesting


def test_nodes_know_where_they_stand_and_in_what() -> None:
    module = module_of("class C:\n    def m(self):\n        for x in y:\n            show(x)\nz = 1\n")
    (name,) = marked(module)
    call = module.parent(name)
    assert isinstance(call, ast.Call)
    assert module.place(call) == Place("app/db.py", Span(58, 65))
    assert module.source.text[slice(58, 65)] == "show(x)"
    assert [type(node).__name__ for node in module.ancestors(call)] == [
        "Expr",
        "For",
        "FunctionDef",
        "ClassDef",
        "Module",
    ]
    assert isinstance(module.statement(name), ast.Expr)
    assert module.statement(module.tree) is None
    function = module.function(name)
    assert isinstance(function, ast.FunctionDef)
    assert function.name == "m"
    assert module.function(function) is None
    assert module.enclosing_class(name) is class_named(module, "C")
    assert module.enclosing_class(module.tree.body[1]) is None
    assert module.in_loop(name)
    assert not module.in_loop(function)
    assert not module.in_loop(module.tree.body[1])
    assert module.parent(module.tree) is None


def test_a_function_is_found_through_comprehensions_but_not_through_classes() -> None:
    module = module_of("def f():\n    [show(x) for x in y]\n    class C:\n        show(z)")
    inner, in_class = marked(module)
    assert module.function(inner) is module.functions[0]
    assert module.function(in_class) is None


def test_nodes_are_listed_by_kind() -> None:
    module = module_of(
        """
        import a
        from b import c
        x: int = "text"
        x += f"{'inner'} outer {y:>{'z'}}"
        with a as b:
            for i in j:
                f(lambda: b"bytes")
        class C:
            async def m(self): return 1
        """
    )
    assert [ast.unparse(node) for node in module.strings] == [
        "'text'",
        "f\"{'inner'} outer {y:>{'z'}}\"",
        "'inner'",
        "'z'",
        "b'bytes'",
    ]
    assert [len(nodes) for nodes in (module.imports, module.assignments, module.withs, module.loops)] == [2, 2, 1, 1]
    assert [len(nodes) for nodes in (module.calls, module.classes, module.functions)] == [1, 1, 2]
    assert len(module.returns[module.functions[-1]]) + len(module.returns.get(module.functions[0], [])) == 1


def test_a_file_that_cannot_be_parsed_is_an_error() -> None:
    with pytest.raises(SourceError):
        Module.of(source_of("x ="))


# ---------------------------------------------------------------- attributes


def test_an_attribute_is_bound_by_its_class_and_in_its_methods() -> None:
    module = module_of(
        """
        class C:
            sql = "class"
            def __init__(self, x):
                self.sql = "instance"
                x.sql = "other"
            @classmethod
            def make(cls):
                cls.sql = "made"
            @staticmethod
            def free(self):
                self.sql = "static"
            def nested(self):
                def inner():
                    self.sql = "closure"
        class D:
            def m(self):
                self.sql = "another class"
        """
    )
    found = module.attribute(class_named(module, "C"), "sql")
    assert sources(found) == ["'class'", "'instance'", "'made'", "'closure'"]


def test_what_a_class_does_not_bind_is_looked_for_in_its_bases() -> None:
    module = module_of(
        """
        class A:
            sql = "a"
            other = "a"
        class B(A, Unknown):
            sql = "b"
        class C(B): pass
        """
    )
    scope = module.scopes[class_named(module, "C")]
    assert sources(module.attribute(scope, "sql")) == ["'b'"]
    assert sources(module.attribute(scope, "other")) == ["'a'"]
    assert module.attribute(scope, "missing") == ()
    assert [node.name for node in module.subclasses(class_named(module, "A"))] == ["B", "C"]


def test_classes_that_derive_from_themselves_end() -> None:
    module = module_of("class A(A.B): pass\nclass C(D): pass\nclass D(C): pass")
    assert module.attribute(class_named(module, "A"), "x") == ()
    assert module.attribute(class_named(module, "C"), "x") == ()


# ---------------------------------------------------------------- definitions


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("def f(): pass\nshow(f)", "f"),
        ("class C: pass\nshow(C)", "C"),
        ("class C:\n    def m(self): show(self.m)", "m"),
        ("class C:\n    @classmethod\n    def m(cls): show(cls.m)", "m"),
        ("class C:\n    def m(self): pass\nshow(C.m)", "m"),
        ("class C:\n    def m(self): pass\nshow(C().m)", "m"),
        ("class C:\n    def m(self): pass\nc = C()\nshow(c.m)", "m"),
        ("class C:\n    def m(self): pass\nwith C() as c:\n    show(c.m)", "m"),
        ("class C:\n    def m(self): pass\ndef f(c: C): show(c.m)", "m"),
        ("class B:\n    def m(self): pass\nclass C(B):\n    def n(self): show(super().m)", "m"),
        ("class C:\n    def n(self): show(super().m)", None),
        ("class B:\n    def m(self): pass\nclass C(B): pass\nshow(C.m)", "m"),
        ("f = lambda: 1\nshow(f)", "Lambda"),
        ("show(lambda: 1)", "Lambda"),
        ("f = g\nshow(f)", None),
        ("def f(): pass\nf = g\nshow(f)", None),
        ("show(x.m)", None),
        ("show(x()())", None),
        ("show(f)", None),
        ("x = y\ny = x\nshow(x.m)", None),
        ("x, y = z\nshow(x.m)", None),
        ("x = 1\nx = 2\nshow(x.m)", None),
        ("class C:\n    @property\n    def m(self): pass\n    @m.setter\n    def m(self, v): return 1\nshow(C.m)", "m"),
        ("def f(self): show(self.m)", None),
        ("class C:\n    @staticmethod\n    def m(self): show(self.m)", None),
        ("class C:\n    m = lambda self: show(self.m)", None),
        ("class C:\n    def m(self, other): show(other.m)", None),
    ],
)
def test_a_callee_is_followed_to_its_definition(code: str, expected: str | None) -> None:
    module = module_of(code)
    (expr,) = marked(module)
    found = module.definition(expr)
    assert (getattr(found, "name", type(found).__name__) if found else None) == expected


def test_of_a_property_the_getter_counts() -> None:
    module = module_of(
        "class C:\n    @property\n    def m(self): pass\n    @m.setter\n    def m(self, v): pass\nshow(C.m)"
    )
    found = module.definition(marked(module)[0])
    assert isinstance(found, ast.FunctionDef)
    assert last_name(found.decorator_list[0]) == "property"


def test_methods_are_told_from_functions() -> None:
    module = module_of(
        "class C:\n    if x:\n        def a(self): pass\n    @staticmethod\n    def b(): pass\n"
        "def c(): pass\nd = lambda: 1"
    )
    assert [is_method(module, function) for function in module.functions] == [True, False, False, False]
