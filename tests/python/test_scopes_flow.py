from __future__ import annotations

import ast

import pytest

from tests.python.analysed import marked, module_of


def reaching(code: str) -> list[str]:
    module = module_of(code)
    found = []
    for name in marked(module):
        assert isinstance(name, ast.Name)
        bindings = module.reaching(name)
        found.append(" ".join(ast.unparse(b.value) if b.value else b.kind.value for b in bindings))
    assert len(found) == 1
    return found[0].split()


CASES = {
    "the last of a straight line": ("x = 1\nx = 2\nshow(x)\nx = 3", "2"),
    "itself is not yet bound on its right side": ("x = 1\nx = 2\nx = show(x)", "2"),
    "one branch": ("x = 1\nif c:\n    x = 2\nshow(x)", "1 2"),
    "both branches": ("x = 1\nif c:\n    x = 2\nelse:\n    x = 3\nshow(x)", "2 3"),
    "an elif chain": ("x = 1\nif c:\n    x = 2\nelif d:\n    x = 3\nelse:\n    x = 4\nshow(x)", "2 3 4"),
    "an elif chain without else": ("x = 1\nif c:\n    x = 2\nelif d:\n    x = 3\nshow(x)", "1 2 3"),
    "inside a branch": ("x = 1\nif c:\n    x = 2\n    show(x)\nelse:\n    x = 3", "2"),
    "the other branch": ("x = 1\nif c:\n    x = 2\nelse:\n    show(x)", "1"),
    "a branch that leaves": ("def f():\n    x = 1\n    if c:\n        x = 2\n        return\n    show(x)", "1"),
    "all but a branch that raises": (
        "def f():\n    x = 1\n    if c:\n        x = 2\n    else:\n        raise E\n    show(x)",
        "2",
    ),
    "a loop's own round before": ("x = 1\nfor i in y:\n    show(x)\n    x = 2", "1 2"),
    "a while's": ("x = 1\nwhile c:\n    show(x)\n    x = 2", "1 2"),
    "after a loop": ("x = 1\nfor i in y:\n    x = 2\nshow(x)", "1 2"),
    "a loop's else": ("x = 1\nfor i in y:\n    x = 2\nelse:\n    show(x)", "1 2"),
    "a loop's variable": ("x = 1\nfor x in y:\n    show(x)\n    x = 3", "y"),
    "a loop's variable after it": ("x = 1\nfor x in y:\n    pass\nshow(x)", "1 y"),
    "continue": ("for i in y:\n    x = 1\n    if c:\n        x = 2\n        continue\n    show(x)", "1 2"),
    "try and handler": ("x = 1\ntry:\n    x = 2\nexcept E:\n    x = 3\nshow(x)", "2 3"),
    "in a handler anything of the try": ("x = 1\ntry:\n    x = 2\n    x = 3\nexcept E:\n    show(x)", "1 2 3"),
    "in the else of a try": ("x = 1\ntry:\n    x = 2\nexcept E:\n    pass\nelse:\n    show(x)", "2"),
    "in a finally": (
        "x = 1\ntry:\n    x = 2\nexcept E:\n    x = 3\nelse:\n    x = 4\nfinally:\n    show(x)",
        "1 2 3 4",
    ),
    "a finally binds surely": ("x = 1\ntry:\n    x = 2\nfinally:\n    x = 3\nshow(x)", "3"),
    "a handler that raises": ("x = 1\ntry:\n    x = 2\nexcept E:\n    raise\nshow(x)", "2"),
    "with": ("x = 1\nwith y as x:\n    show(x)", "y"),
    "after with": ("x = 1\nwith y as x:\n    x = 2\nshow(x)", "2"),
    "what with binds": ("x = 1\nwith y as x:\n    pass\nshow(x)", "y"),
    "match with a wildcard": ("x = 1\nmatch y:\n    case 1: x = 2\n    case _: x = 3\nshow(x)", "2 3"),
    "match without": ("x = 1\nmatch y:\n    case 1: x = 2\nshow(x)", "1 2"),
    "in a case": ("x = 1\nmatch y:\n    case 1: x = 2\n    case _: show(x)", "1"),
    "captured by a case": ("x = 1\nmatch y:\n    case x: show(x)", "y"),
    "a walrus of the same statement": ("x = 1\nif (x := 2) and show(x): pass", "2"),
    "a walrus in a condition": ("x = 1\nif (x := 2):\n    show(x)", "2"),
    "a walrus that may be skipped": ("x = 1\nif c or (x := 2): pass\nshow(x)", "1 2"),
    "a walrus of a while": ("x = 1\nwhile (x := 2):\n    show(x)", "2"),
    "del": ("x = 1\nx = 2\ndel x\nif c:\n    x = 3\nshow(x)", "3"),
    "a parameter": ("def f(x=1):\n    if c:\n        x = 2\n    show(x)", "1 2"),
    "a parameter bound again": ("def f(x=1):\n    x = 2\n    show(x)", "2"),
    "a function sees how the module ends": ("x = 1\ndef f():\n    show(x)\nx = 2", "2"),
    "a lambda too": ("x = 1\nf = lambda: show(x)\nx = 2", "2"),
    "a class body sees what is in force": ("x = 1\nclass C:\n    show(x)\nx = 2", "1"),
    "a comprehension too": ("x = 1\ny = [show(x) for i in j]\nx = 2", "1"),
    "a closure sees how the function ends": (
        "def f(x=1):\n    def g():\n        show(x)\n    if c:\n        x = 2",
        "1 2",
    ),
    "global of another function": ("x = 1\nx = 2\ndef f():\n    global x\n    x = 3\nshow(x)", "2 3"),
    "nothing in force means any": ("show(x)\nx = 1\nx = 2", "1 2"),
    "a comprehension's variable": ("y = [show(x) for a in b for x in c for x in d]", "c d"),
    "a definition": ("x = 1\ndef x(): pass\nshow(x)", "function"),
    "inside a nested block after a sure one": ("x = 1\nif a:\n    x = 2\n    if b:\n        show(x)", "2"),
    "except name": ("x = 1\ntry: pass\nexcept E as x:\n    show(x)", "except"),
}


@pytest.mark.parametrize(("code", "expected"), CASES.values(), ids=CASES.keys())
def test_the_bindings_in_force_are_found(code: str, expected: str) -> None:
    assert reaching(code) == expected.split()


def test_an_unbound_name_has_none() -> None:
    module = module_of("show(x)")
    (name,) = marked(module)
    assert isinstance(name, ast.Name)
    assert module.reaching(name) == ()


def test_a_long_elif_chain_does_not_exhaust_the_stack() -> None:
    chain = "if c: x = 0\n" + "elif c: x = 1\n" * 900 + "else: x = 2\n"
    assert len(reaching("x = 3\n" + chain + "show(x)")) == 902
