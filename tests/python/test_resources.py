"""SQL that stands in files which the program reads."""

from __future__ import annotations

import pytest

from tests.python.analysed import marked, shown, source_of
from tests.python.test_values_project import Files
from txsafe.python.evaluation import STEPS_FOR_FILES, Evaluator
from txsafe.python.resources import names_files
from txsafe.python.scopes import Module
from txsafe.python.values import Text, evaluate

QUERIES = "-- name: listen\nLISTEN a;\n-- name: count-jobs^\nSELECT 1;\n"
FILES = {
    "app": "",
    "app/sql/x.sql": "LISTEN x",
    "app/q.sql": QUERIES,
    "x.sql": "LISTEN top",
    "app/s.yaml": "worker:\n  start: LISTEN y\n",
    "app/s.toml": "[worker]\nstop = 'UNLISTEN y'\n",
    "app/t.sql": "CREATE {% if t %}TEMPORARY{% endif %} TABLE a ()",
    "app/m.py": "secret",
}
HERE = "import os, pathlib, importlib, io, pkgutil\nfrom pathlib import Path\nfrom importlib import resources\n"


def module_in(code: str, path: str = "app/main.py") -> Module:
    files = Files()
    files.files = dict(FILES)
    return Module.of(source_of(HERE + code, path), name="app.main", project=files)


def values_in(code: str) -> list[object]:
    module = module_in(code)
    return [shown(value) for value in evaluate(module, marked(module)[0])]


READ = {
    "beside the file": "show((Path(__file__).parent / 'sql' / 'x.sql').read_text())",
    "joined": "show(Path(__file__).parent.joinpath('sql', 'x.sql').read_text())",
    "with another name": "show(Path(__file__).with_name('sql').joinpath('x.sql').read_text())",
    "with another suffix": "show((Path(__file__).resolve().parents[0] / 'sql/x.txt').with_suffix('.sql').read_text())",
    "os.path": "show(open(os.path.join(os.path.dirname(os.path.abspath(__file__)), 'sql', 'x.sql')).read())",
    "a relative path": "show(open('sql/x.sql').read())",
    "a with statement": "with open('sql/x.sql') as f:\n  show(f.read())",
    "a path that is opened": "with Path('sql/x.sql').open() as f:\n  sql = f.read()\nshow(sql)",
    "bytes": "show(Path('sql/x.sql').read_bytes().decode())",
    "a resource of a package": "show((resources.files('app') / 'sql' / 'x.sql').read_text())",
    "a resource of this package": "show((resources.files(__package__) / 'sql/x.sql').read_text())",
    "a resource by name": "show(resources.read_text('app', 'sql/x.sql'))",
    "pkgutil": "show(pkgutil.get_data('app', 'sql/x.sql').decode())",
    "a function": "def read(name): return (Path(__file__).parent / 'sql' / f'{name}.sql').read_text()\nshow(read('x'))",
}


@pytest.mark.parametrize("code", READ.values(), ids=READ.keys())
def test_a_file_is_read(code: str) -> None:
    assert values_in(code) == ["LISTEN x"]


NOT_READ = {
    "a file that is not there": ("show(open('nothing.sql').read())", "? read from a file"),
    "Python": ("show(open('m.py').read())", "? read from a file"),
    "a path that is not known": ("show(open(x).read())", "? read from a file"),
    "a part that is not known": ("show((Path(__file__).parent / x).read_text())", "? read from a file"),
    "no path": ("show(open().read())", "? read from a file"),
    "a package that is not known": ("show(resources.read_text('nowhere', 'x.sql'))", "? read from a file"),
    "no package": ("show(resources.files())", "? a path"),
    "a path itself": ("show(Path('sql/x.sql'))", "? a file"),
    "another with statement": ("with f('x.sql') as g: show(g)", "? 'g', bound by a with statement"),
    "an attribute that is none": ("show(Path('a').drive)", "? attribute 'drive'"),
    "a method that is none": ("show(Path('a').stat())", "? call of stat()"),
}


@pytest.mark.parametrize(("code", "expected"), NOT_READ.values(), ids=NOT_READ.keys())
def test_what_is_not_there_is_not_read(code: str, expected: str) -> None:
    assert values_in(code) == [expected]


def test_the_text_is_spelled_in_its_own_file() -> None:
    module = module_in("show(open('sql/x.sql').read())")
    (value,) = evaluate(module, marked(module)[0])
    assert isinstance(value, Text)
    (fragment,) = value.template.fragments
    assert (fragment.place.path, fragment.place.span.start, fragment.exact) == ("app/sql/x.sql", 0, True)


def test_tags_of_a_template_are_left_out() -> None:
    assert values_in("show(open('t.sql').read())") == ["CREATE TEMPORARY TABLE a ()"]


def test_names_of_paths_are_texts() -> None:
    assert values_in("show(Path('a/b.sql').name + Path('a/b.sql').stem + __name__)") == ["b.sqlbapp.main"]


PARSE = "def parse(text):\n  found = {}\n  for part in cut(text):\n    found[name(part)] = body(part)\n  return found\n"
DRAWN = {
    "a dictionary made by a function": PARSE + "show(parse(open('q.sql').read())['listen'])",
    "one made by a comprehension": "show({k: v for k, v in cut(open('q.sql').read())}['listen'])",
    "one made by a library": "show(parse(open('q.sql').read())['listen'])",
    "one made of the path": "show(load(Path('q.sql'))['listen'])",
    "get": "show(load(open('q.sql').read()).get('listen'))",
    "an attribute": "show(load(open('q.sql').read()).listen)",
    "aiosql": "import aiosql\nshow(aiosql.from_path('q.sql', 'asyncpg').listen)",
    "a text that aiosql takes": "import aiosql\nshow(aiosql.from_str(open('q.sql').read(), 'asyncpg').listen)",
    "an object of a class": (
        "class Q:\n  def __init__(self, path):\n    fill(self, path.read_text())\nq = Q(Path('q.sql'))\nshow(q.listen)"
    ),
    "a table with a default": PARSE + "show(parse(open('q.sql').read()).get('listen', x))",
}


@pytest.mark.parametrize("code", DRAWN.values(), ids=DRAWN.keys())
def test_a_named_query_is_found_by_its_name(code: str) -> None:
    assert values_in(code) == ["-- name: listen\nLISTEN a;\n"]


def test_a_name_with_a_dash_is_spelled_with_an_underscore_in_python() -> None:
    assert values_in("show(load(open('q.sql').read()).count_jobs)") == ["-- name: count-jobs^\nSELECT 1;\n"]


OTHER_NAMES = {
    "no such query": "show(load(open('q.sql').read())['nothing'])",
    "a name that is not known": "show(load(open('q.sql').read())[x])",
    "a name below a query": "show(load(open('q.sql').read())['listen']['x'])",
    "another file": "show(load(open('sql/x.sql').read())['listen'])",
}


@pytest.mark.parametrize("code", OTHER_NAMES.values(), ids=OTHER_NAMES.keys())
def test_no_query_is_guessed(code: str) -> None:
    assert all(str(value).startswith("?") for value in values_in(code))


SETTINGS = {
    "YAML": ("show(yaml.safe_load(open('s.yaml'))['worker']['start'])", ["LISTEN y"]),
    "TOML": ("show(tomllib.loads(open('s.toml').read())['worker']['stop'])", ["UNLISTEN y"]),
    "no such key": ("show(yaml.safe_load(open('s.yaml'))['worker']['x'])", ["? made from app/s.yaml"]),
}


@pytest.mark.parametrize(("code", "expected"), SETTINGS.values(), ids=SETTINGS.keys())
def test_a_setting_is_found_by_its_keys(code: str, expected: list[object]) -> None:
    assert values_in(code) == expected


def test_the_file_that_reads_need_not_be_the_one_that_names_what_is_read() -> None:
    files = Files()
    files.files = {**FILES, "app.lib": "def load(path):\n  return made(open(path).read())"}
    module = Module.of(source_of("from app.lib import load\nshow(load('q.sql').listen)", "app/main.py"), project=files)
    assert [shown(value) for value in evaluate(module, marked(module)[0])] == ["-- name: listen\nLISTEN a;\n"]


NAMED = {
    "open('q.sql')": True,
    "open(f'{name}.pgsql')": True,
    'open("settings.yaml")': True,
    "open('q.sql.j2')": True,
    "open('.env')": True,
    "open('m.py')": False,
    "open(path)": False,
    "import app.sql": False,
    "# see q.sql": False,
}


@pytest.mark.parametrize(("code", "expected"), NAMED.items(), ids=NAMED.keys())
def test_files_are_named_by_literals_that_end_like_them(code: str, *, expected: bool) -> None:
    assert names_files(Module.of(source_of(code))) is expected


def asked(code: str) -> tuple[Evaluator, list[object]]:
    module, evaluator = module_in(code), Evaluator({})
    return evaluator, [shown(value) for value in evaluator.ask(marked(module)[0], evaluator.base(module))]


MANY = ", ".join(map(str, range(5 * STEPS_FOR_FILES)))


def test_arguments_of_a_call_that_is_not_followed_are_evaluated_where_a_file_may_be_among_them() -> None:
    assert asked(f"show(f({MANY}))")[0].steps < 10
    assert asked(f"open(path)\nshow(f({MANY}))")[0].steps < 10
    assert asked(f"name = 'q.sql'\nshow(f({MANY}))")[0].steps < 10
    assert asked(f"open('q.sql')\nshow(f({MANY}))")[0].steps >= STEPS_FOR_FILES


def test_what_calls_are_handed_costs_a_question_little() -> None:
    calls = " or ".join(f"f{number}(g({MANY}))" for number in range(9))
    evaluator, found = asked(f"open('q.sql')\nshow({calls} or 'LISTEN a')")
    assert STEPS_FOR_FILES <= evaluator.steps < STEPS_FOR_FILES + 50
    assert (found[-1], len(found)) == ("LISTEN a", 10)


def test_what_is_not_found_within_the_bounds_is_remembered() -> None:
    evaluator, found = asked(f"open('q.sql')\nshow(f({MANY}))")
    steps = evaluator.steps
    module = next(iter(evaluator.bases))
    assert (found, evaluator.cut) == (["? call of f()"], 0)
    assert [shown(value) for value in evaluator.ask(marked(module)[0], evaluator.base(module))] == found
    assert evaluator.steps == steps
