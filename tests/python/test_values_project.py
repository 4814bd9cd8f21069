from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

import pytest

from tests.python.analysed import marked, shown, source_of
from txsafe.python.scopes import Module, References
from txsafe.python.values import evaluate, evaluate_through, text_values

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Sequence

    from txsafe.model import SourceFile


_T = TypeVar("_T")


class Files:
    """A project of a few files, parsed when asked for."""

    def __init__(self, **files: str) -> None:
        self.files = {name.replace("__", "."): text for name, text in files.items()}
        self.modules: dict[str, Module] = {}

    def module(self, name: str) -> Module | None:
        if name in self.files and name not in self.modules:
            package = "/__init__" if any(other.startswith(f"{name}.") for other in self.files) else ""
            source = source_of(self.files[name], f"{name.replace('.', '/')}{package}.py")
            self.modules[name] = Module.of(source, name=name, project=self)
        return self.modules.get(name)

    def shared(self, home: Module, question: Hashable, find: Callable[[], _T]) -> _T:
        return find()

    def fault(self, name: str) -> str | None:
        return None

    def text_file(self, path: str) -> SourceFile | None:
        return source_of(self.files[path], path) if path in self.files else None

    def folder(self, package: str) -> str | None:
        return package.replace(".", "/") if package in self.files else None

    def references(self, name: str, *, beside: Sequence[str] = ()) -> References:
        found = [self.module(module) for module, text in self.files.items() if name in text]
        return References(tuple(module for module in found if module is not None), complete=True)


FILES = {
    "app": "from .sql import LISTEN_SQL as AGAIN\nfrom app.sql import *\n",
    "app__sql": """
SCHEMA = "jobs"
LISTEN_SQL: str
LISTEN_SQL = f"LISTEN {SCHEMA}"
class Queries:
    LOCK = "SELECT pg_advisory_lock(1)"
    @staticmethod
    def unlock(key): return f"SELECT pg_advisory_unlock({key})"
def build(name, scope="SESSION"):
    return f"SET {scope} {name} = {SCHEMA}"
OTHER = 1
""",
    "app__loop": "from app.loop import X\n",
}


def values_in(code: str) -> list[object]:
    project = Files(**FILES)
    module = Module.of(source_of(code, "app/main.py"), name="app.main", project=project)
    return [shown(value) for value in evaluate(module, marked(module)[0])]


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("from app.sql import LISTEN_SQL\nshow(LISTEN_SQL)", "LISTEN jobs"),
        ("from .sql import LISTEN_SQL\nshow(LISTEN_SQL)", "LISTEN jobs"),
        ("from app import sql\nshow(sql.LISTEN_SQL)", "LISTEN jobs"),
        ("import app.sql\nshow(app.sql.LISTEN_SQL)", "LISTEN jobs"),
        ("from app import AGAIN\nshow(AGAIN)", "LISTEN jobs"),
        ("from app import LISTEN_SQL\nshow(LISTEN_SQL)", "LISTEN jobs"),
        ("from app.sql import *\nshow(LISTEN_SQL)", "LISTEN jobs"),
        ("from app.sql import *\nshow(NOWHERE)", "? NOWHERE, which is not defined here"),
        ("from app import NOWHERE\nshow(NOWHERE)", "? imported from app.NOWHERE"),
        ("from app.sql import Queries\nshow(Queries.LOCK)", "SELECT pg_advisory_lock(1)"),
        ("from app.sql import Queries\nshow(Queries.NOWHERE)", "? imported from app.sql.Queries.NOWHERE"),
        ("from app.sql import OTHER\nshow(OTHER.x)", "? imported from app.sql.OTHER.x"),
        ("from app.sql import build\nshow(build('x'))", "SET SESSION x = jobs"),
        ("from app.sql import Queries\nshow(Queries.unlock(5))", "SELECT pg_advisory_unlock(5)"),
        ("from app import sql\nshow(sql.build('x', scope='LOCAL'))", "SET LOCAL x = jobs"),
        ("from app.sql import OTHER\nshow(OTHER())", "? call of OTHER()"),
        ("from elsewhere import build\nshow(build())", "? call of build()"),
        ("from app.loop import X\nshow(X)", "? imported from app.loop.X"),
    ],
)
def test_imports_are_followed_through_the_project(code: str, expected: object) -> None:
    assert values_in(code) == [expected]


def test_pieces_keep_the_path_of_the_file_they_stand_in() -> None:
    project = Files(**FILES)
    module = Module.of(
        source_of("from app.sql import LISTEN_SQL\nshow(LISTEN_SQL + '!')"), name="app.main", project=project
    )
    (template,) = text_values(module, marked(module)[0])
    assert [fragment.place.path for fragment in template.fragments] == ["app/sql.py", "app/sql.py", "app/db.py"]


def test_a_wrapper_is_looked_at_with_the_arguments_of_a_call_in_another_file() -> None:
    project = Files(app__db="def run(sql, suffix=';'):\n    show(sql + suffix)\n")
    wrapper = project.module("app.db")
    assert wrapper is not None
    caller = Module.of(
        source_of("from app.db import run\nSQL = 'LISTEN x'\nrun(SQL)"), name="app.main", project=project
    )
    found = evaluate_through(((caller, caller.calls[0]),), wrapper, marked(wrapper)[0])
    assert [shown(value) for value in found] == ["LISTEN x;"]
