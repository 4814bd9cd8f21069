"""Sinks in functions whose callers, in whatever file, tell what is sent."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.python.sighting import see, shipped
from txsafe.discovery import FileInput
from txsafe.project import Program, Project
from txsafe.python import PythonOptions, find_sites
from txsafe.source import read_source

if TYPE_CHECKING:
    from pathlib import Path

    from txsafe.model import Sighting

DB = "import psycopg\ndef run(sql, c=psycopg.connect('')):\n    c.execute(sql)\n"


def see_in(folder: Path, **files: str) -> Sighting:
    """Return what is seen in `db.py` of a program of several files."""
    for name, text in files.items():
        (folder / f"{name}.py").write_text(text)
    paths = sorted(folder.glob("*.py"))
    program = Program.of([str(path) for path in paths], folder)
    project = Project(folder, program=program, files=lambda _: [FileInput(path, path.name) for path in paths])
    source = read_source(folder / "db.py", display="db.py", limit=100_000)
    module = project.open(folder / "db.py", source)
    return find_sites(source, shipped(), options=PythonOptions(parsed=module))


GIVEN = {
    "a text": {"app": "from db import run\nrun('SELECT 1')"},
    "texts": {"app": "from db import run\nrun('SELECT 1')\nrun(f'SELECT {x}')", "b": "import db\ndb.run('SELECT 2')"},
    "a statement": {"app": "from db import run\nfrom sqlalchemy import select\nrun(select(1).where(x))"},
    "what the caller's callers give": {
        "app": "from db import run\ndef more(text):\n    run(text)",
        "b": "from app import more\nmore('SELECT 1')",
    },
}
NOT_GIVEN = {
    "nobody calls it": {"app": ""},
    "one call is not known": {"app": "from db import run\nrun('SELECT 1')\nrun(read())"},
    "it is handed on": {"app": "from db import run\nrun('SELECT 1')\nregister(run)"},
    "nobody calls the caller": {"app": "from db import run\ndef more(text):\n    run(text)"},
    "in a circle": {"app": "from db import run\ndef more(text):\n    run(text)\n    more(text)"},
    "an argument is spread": {"app": "from db import run\nrun(*x)"},
}


@pytest.mark.parametrize("files", GIVEN.values(), ids=GIVEN.keys())
def test_a_sink_whose_callers_all_tell_is_resolved(files: dict[str, str], tmp_path: Path) -> None:
    seen = see_in(tmp_path, db=DB, **files)
    assert seen.unresolved == ()
    assert seen.sinks == 1


@pytest.mark.parametrize("files", NOT_GIVEN.values(), ids=NOT_GIVEN.keys())
def test_a_sink_of_which_somebody_does_not_tell_is_not(files: dict[str, str], tmp_path: Path) -> None:
    (unresolved,) = see_in(tmp_path, db=DB, **files).unresolved
    assert unresolved.reason == "parameter 'sql'"


def test_without_other_files_a_public_function_may_be_called_with_anything() -> None:
    assert len(see(DB + "run('SELECT 1')").unresolved) == 1


HEAD = "from sqlalchemy import event, select\nfrom sqlalchemy.orm import Session\ns: Session = x\n"
STATEMENTS = {
    "a chain on something unknown": "s.execute(x.where(a).offset(2))",
    "a function that returns one": "def make(): return select(1)\ns.execute(make())",
    "a function that is annotated": "def make() -> Select: return x()\ns.execute(make())",
    "a method that returns one": "class C:\n  def make(self): return select(1)\n  def f(self): s.execute(self.make())",
    "a parameter that is annotated": "def f(stmt: Select[tuple[int]]): s.execute(stmt)",
    "a parameter that may be None": "def f(stmt: Insert | None): s.execute(stmt)",
    "a parameter with Optional": "def f(stmt: Optional[Update]): s.execute(stmt)",
    "a parameter with a text for an annotation": "def f(stmt: 'sa.Delete'): s.execute(stmt)",
}
NO_STATEMENTS = {
    "a parameter": "def f(stmt): s.execute(stmt)",
    "a parameter that is annotated otherwise": "def f(stmt: list[str]): s.execute(stmt)",
    "a function that returns something else": "def make(): return x()\ns.execute(make())",
    "a loop variable": "for stmt in x: s.execute(stmt)",
}


@pytest.mark.parametrize("code", STATEMENTS.values(), ids=STATEMENTS.keys())
def test_a_librarys_statement_has_no_text_to_see(code: str) -> None:
    assert see(HEAD + code).unresolved == ()


@pytest.mark.parametrize("code", NO_STATEMENTS.values(), ids=NO_STATEMENTS.keys())
def test_what_may_be_a_text_is_not_resolved(code: str) -> None:
    assert len(see(HEAD + code).unresolved) == 1


def test_a_function_that_an_event_calls_is_no_sql() -> None:
    seen = see(HEAD + "def f(*a): ...\nevent.listen(x, 'before_insert', f)\nevent.listen(x, 'after_create', x.record)")
    assert seen.unresolved == ()
    assert seen.sinks == 0


def test_a_statement_that_an_event_sends_is_one() -> None:
    seen = see(HEAD + "from sqlalchemy import DDL\nevent.listen(x, 'after_create', DDL('SET ROLE a'))")
    assert [site.template.text for site in seen.sites] == ["SET ROLE a"]
