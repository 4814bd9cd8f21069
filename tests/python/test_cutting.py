"""Bodies of functions are left out before parsing only where it is plain where they end; all else stays as it was."""

from __future__ import annotations

import ast
import time
from pathlib import Path

import pytest

import txsafe
from tests.python.analysed import source_of
from txsafe.python.cutting import cut_bodies
from txsafe.python.scopes import Bodies, Module
from txsafe.source import decode

SHIPPED = sorted(Path(txsafe.__file__).parent.glob("python/*.py"))


def outlined(code: str) -> Module:
    return Module.of(source_of(code), bodies=Bodies.CLOSED)


def dumped(module: Module) -> str:
    return ast.dump(module.tree, include_attributes=True)


def is_cut(code: str) -> bool:
    """Return whether a body is left out, once it is known that the module is what it would be, however it was read."""
    module = outlined(code)
    assert not module.cuts
    assert dumped(module.open_all()) == dumped(Module.of(source_of(code)))
    return cut_bodies(code) is not None


@pytest.mark.parametrize(
    "code",
    [
        "def f():\n    return 1\n",
        "async   def f(a, b={':': 1}, *, c=lambda x: x) -> Callable[[int], Literal[':)']]:  # note\n\n    return 1",
        "class A:\n    @p\n    def f(self):\n        '''Says.\nsame\n'''\n        return [1]\n\n    x = 1\n",
        "def f(\n    a: int = 1,  # (\n    b='''\n:''',\n):\n    return a\n\n\n# done\nx = f'{f(1)}'\n",
        "if x:\n    def f():\n        return 'ä'\nelse:\n    def f():\n        return 'ß' + 'ä'\n",
        "try:\n    pass\nexcept E:\n    def f():\n        if 1:\n            pass\n        # end\n\n    # more\n",
        "match x:\n    case 1:\n        def f():\n            return 1\n",
        "def f():\n    def g():\n        return 1\n    return g\n",
        "def f():\n    import x\n    def g():\n        return 1\n    return g\n",
        "'''\ndef f():\n    return 1\n'''\ndef f():\n    return 1\n",
        "def f():\n    return 1\n    ",
        "def f():\n    x = (\n        1)\n# no code\n    return x\n",
    ],
)  # fmt: skip
def test_a_body_that_ends_where_its_lines_say_is_left_out(code: str) -> None:
    assert is_cut(code)


@pytest.mark.parametrize(
    "code",
    [
        "x = 1\n",
        "def f(): return 1\n",
        "def f():\n\treturn 1\n",
        "def f():\r\n    return 1\r\n",
        "def f():\n    return 1  # note\n",
        "def f():\n    return 1;\n",
        "def f():\n    return '#'\n",
        "def f():\n    import x\n    return x\n",
        "def f():\n    class A: pass\n    return A\n",
        "x = 'a\\\nb'\ndef f():\n    return 1\n",
        "'''def f():\n    return 1\n'''\n",
        "x = '''\ndef f():\n    return 1\n'''\n",
        "def f(a='" + "x" * 5000 + "'):\n    return 1\n",
        "\fdef f():\n    return 1\n",
        "def f():\n    return 1 + \\\n2\n",
    ],
)
def test_a_body_whose_end_is_hard_to_tell_stays(code: str) -> None:
    assert not is_cut(code)


@pytest.mark.parametrize(
    "code",
    [
        "def f():\n    x = [\n1,\n    ]\n    return x\ny = 1\n",
        "class A:\n    def f(self):\n        return g(\n    1)\n    x = 1\n",
    ],
)
def test_a_body_with_lines_that_are_less_deep_than_it_is_read_as_it_stands(code: str) -> None:
    assert is_cut(code), "which is not noticed before the rest is parsed"
    with pytest.raises(SyntaxError):
        ast.parse(getattr(cut_bodies(code), "text", ""))


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_real_code_is_the_same_whether_its_bodies_were_left_out_or_not(path: Path) -> None:
    source = decode(path.read_bytes(), str(path))
    whole, module = Module.of(source), Module.of(source, bodies=Bodies.CLOSED)
    assert {(node.lineno, node.end_lineno, node.end_col_offset) for node in module.classes} == {
        (node.lineno, node.end_lineno, node.end_col_offset) for node in whole.classes
    }
    assert dumped(module.open_all()) == dumped(whole)
    assert len(module.parents) == len(whole.parents)


def test_newer_syntax_in_a_body_is_lowered_when_it_is_opened() -> None:
    code = "def f(x):\n    return f'{x['ä']}' + 'LISTEN'\n\ndef g(x):\n    return f'{x['b']}'\n"
    module = outlined(code)
    assert len(module.closed) == 2
    returned = [module.returned_by(function) for function in module.functions]
    assert [len(each) for each in returned] == [1, 1]
    assert dumped(module) == dumped(Module.of(source_of(code)))


def test_a_body_that_is_no_python_has_no_statements() -> None:
    module = outlined("def f():\n    print 'x'\n\ndef g():\n    return 1\n")
    f, g = module.functions
    assert module.returned_by(f) == ()
    assert len(module.returned_by(g)) == 1
    assert not module.closed


@pytest.mark.parametrize(
    "code",
    [
        "def f():\n    x = 1\n" + "    # more\n" * 400_000 + "y = 1\n",
        "def f():\n    x = 1\n" + "    \n" * 400_000 + "y = 1\n",
        "if x:\n" + " def f(a='''\n''',\n" * 200_000,
        "def f(" * 200_000,
    ],
    ids=["comments", "blanks", "headers", "openings"],
)
def test_no_text_takes_more_than_its_length(code: str) -> None:
    started = time.process_time()
    cut_bodies(code)
    assert time.process_time() - started < 10
