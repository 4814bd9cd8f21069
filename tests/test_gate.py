"""The gate never drops a file in which the analysis would find something."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from txsafe.gate import TRANSACTION_WORDS, may_matter, words_of
from txsafe.source import FileKind

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parent.parent
TELLING = ("sql", "uses", "start-up", "procedure")


def drivers() -> list[dict[str, object]]:
    files = [path for folder in ("drivers", "libraries") for path in sorted((ROOT / "rules" / folder).glob("*.yaml"))]
    return [yaml.load(path.read_text(), yaml.BaseLoader) for path in files]


def names(table: object) -> Iterator[str]:
    if isinstance(table, dict):
        for spelled, call in table.items():
            if isinstance(call, dict) and any(key in call for key in TELLING):
                yield from (name.strip() for name in spelled.split(","))
                yield from call.get("also", [])


def modules(driver: dict[str, object]) -> list[str]:
    imports = driver.get("imports", [])
    assert isinstance(imports, list)
    return imports


def programs() -> Iterator[tuple[str, str]]:
    """Yield the smallest program that uses each call and attribute of the driver files, as far as a driver is seen."""
    for driver in drivers():
        imported = "".join(f"import {module}\n" for module in modules(driver) if module in NEEDED)
        types = driver.get("types", {})
        assert isinstance(types, dict)
        for type_ in types.values():
            for name in names(type_.get("methods")):
                yield f"{driver['id']}:{name}", f"{imported}x.{name}(y)\n"
            for name in (*names(type_.get("assigned")), *names(type_.get("read"))):
                yield f"{driver['id']}:{name}", f"{imported}x.{name} = y\n"
        for name in names(driver.get("functions")):
            module, _, function = name.rpartition(".")
            yield name, f"from {module} import {function}\n{function}(y)\n"


# Methods with everyday names: an object of these drivers can only be known where their module is imported.
NEEDED = {"asyncpg", "langgraph", "pg8000", "piccolo", "pony", "procrastinate", "psycopg", "psycopg2", "pgqueuer"}


@pytest.mark.parametrize(("name", "program"), list(programs()), ids=lambda value: str(value).replace("\n", ";"))
def test_every_call_of_the_driver_files_passes(name: str, program: str) -> None:
    assert may_matter(program.encode(), FileKind.PYTHON), name


@pytest.mark.parametrize(
    "sql",
    [
        "SET search_path TO a", "set session lock_timeout = 1", "SET LOCAL x.y = 'a'", 'SET "app.t" = 1',
        "SET ROLE app", "SET TIME ZONE 'UTC'", "SET NAMES 'utf8'", "RESET ALL", "RESET timezone;", "reset role",
        "DISCARD ALL", "discard temp", "PREPARE p AS SELECT 1", "prepare p(int) as select $1", "DEALLOCATE p",
        "LISTEN jobs", "LISTEN {}", "UNLISTEN *", "SELECT pg_advisory_lock(1)",
        "select pg_catalog.pg_try_advisory_lock",
        "CREATE TEMP TABLE t (a int)", "create temporary view v as select 1", "SELECT 1 INTO TEMPORARY TABLE t",
        "INSERT INTO pg_temp.x", "DECLARE c CURSOR WITH HOLD FOR SELECT 1", "LOAD 'auto_explain'",
        "select currval('s')",
        "SELECT lastval()", "select setseed(0.5)", "SELECT dblink_connect('a', '')", "SELECT pg_backend_pid()",
        "select set_config('a.b', 'c', false)", "SET SESSION AUTHORIZATION app",
        "SET SESSION CHARACTERISTICS AS TRANSACTION READ ONLY",
    ],
)  # fmt: skip
def test_session_state_in_a_literal_passes_wherever_it_goes(sql: str) -> None:
    assert may_matter(f"QUERY = '''{sql}'''\n".encode(), FileKind.PYTHON)
    assert may_matter(f'QUERY = "{sql.lower()}"\n'.encode(), FileKind.PYTHON)


@pytest.mark.parametrize(
    "text",
    [
        "SELECT 1; SET x = 1", "/* why */ SET x = 1", "-- why\nSET x = 1", r"SELECT 1;\nSET x = 1", r"\n SET x TO 1",
        "DO $$ BEGIN SET x = 1; END $$", "IF a THEN SET x = 1; ELSE SET x = 2; END IF", "WHILE a LOOP SET x = 1",
        "{prefix} SET x = 1", "COMMIT;RESET ALL", "COMMIT; DISCARD ALL", r"\tLOAD 'auto_explain'",
        "SET timezone TO 'UTC'", "SET jit TO off", "SET {name} TO {value}", "UNLISTEN jobs", "LISTEN a; LISTEN b",
        "LISTEN %s", "LISTEN jobs\n  ", "options=-csearch_path=a", "?options%3d-c%20jit%3doff", "a=b -c jit=off",
        r"\n-c jit=off", "cur.execute (", "cur.execute\n", "cur.execute_sql(q)", "cur.copy(q)", "copy.copied.copy(q)",
        "c.add_listener('a', f)", "c.remove_listener('a', f)", "c.set_session(autocommit=True)", "lastval()",
    ],
)  # fmt: skip
def test_a_statement_or_call_passes_wherever_it_may_begin(text: str) -> None:
    assert may_matter(f"x = 1\n{text}".encode(), FileKind.PYTHON)
    assert may_matter(f'QUERY = """{text}""" if y else z  # why\n'.encode(), FileKind.PYTHON)


@pytest.mark.parametrize(
    "program",
    [
        "DATABASES = {'default': {}}",
        "DATABASES['default']['DISABLE_SERVER_SIDE_CURSORS'] = True",
        "connect_args = {'options': '-c statement_timeout=5s'}",
        "url = 'postgresql://h/d?options=-c%20search_path%3Dapp'",
        "env['PGOPTIONS'] = x",
        "server_settings['jit'] = 'off'",
        "kwargs = dict(prepare_threshold=0)",
        "connect_args = {'statement_cache_size': 0, 'prepared_statement_cache_size': 0}",
        "options = {'assume_role': 'app'}",
        "t = Table('a', m, prefixes=['TEMPORARY'])",
        "select(func.pg_advisory_lock(1))",
        "for row in Order.objects.iterator(): pass",
        "c = conn.cursor('name', withhold=True)",
        "SQLALCHEMY_ENGINE_OPTIONS = {}",
        "@event.listens_for(engine, 'connect')\ndef f(): pass",
        "import os, psycopg",
        "import\tpsycopg",
        "import \\\n    psycopg",
        "import os, \\\r\n    psycopg",
        "from\tpsycopg import connect",
        "from \\\n  psycopg import connect",
        "lock = 'pg_' + 'try_' + 'advisory_lock'",
    ],
)
def test_settings_and_constructs_without_sql_pass(program: str) -> None:
    assert may_matter(program.encode(), FileKind.PYTHON)


@pytest.mark.parametrize(
    "program",
    [
        "",
        "import os\n\n\ndef load(name):\n    '''Load, set and reset the temperature.'''\n    return os.environ[name]\n",
        "settings.DATABASES_READY = True\nx = y.copy()\nlistening = True\nz = w.cursor()\n",
        "from django.db import models\n\n\nclass A(models.Model):\n    name = models.TextField()\n",
        "subprocess.run(['sh', '-c', 'ls'])\n",
        "# a notification was prepared and discarded; the session has ended\n",
        "# cur.execute(q)\n  # SET search_path = a\rx = 1\r# LISTEN x\n",
        "raise E('you have not set X_SECURE to True', 'must set null=True', 'so set it to the maximum')\n",
        "m = '<fieldset class=a><a data-context=b --ssl-ca=c>', 'trying to load ', 'for reset emails', 'Set it to x'\n",
        "b = copy.copy(a)\nshutil.copy(a, b)\ncommand.execute()\nself.executed = x.execute_async(y)\n",
        "class T(TestCase):\n    databases = {'default'}\n",
        "def on_listener(x):\n    '''Listen for events on an interface.'''\n    return LastValue(x)\n",
        "from app import default_secrets_search_path\nx('set_session')\n",
    ],
)
def test_everyday_code_is_left_unparsed(program: str) -> None:
    assert not may_matter(program.encode(), FileKind.PYTHON)


def openers() -> Iterator[str]:
    """Yield the names that open a block in the driver files, as far as an import does not tell of them."""
    for driver in drivers():
        types = driver.get("types", {})
        assert isinstance(types, dict)
        for table in (driver.get("functions"), *(type_.get("methods") for type_ in types.values())):
            for spelled, call in table.items() if isinstance(table, dict) else ():
                if isinstance(call, dict) and call.get("block", {}).get("kind") == "explicit":
                    yield from (name.strip().rpartition(".")[2] for name in spelled.split(","))


@pytest.mark.parametrize("name", sorted(set(openers())))
def test_what_opens_a_transaction_passes_where_the_pooler_allows_none(name: str) -> None:
    program = f"with x.{name}():\n    pass\n".encode()
    assert may_matter(program, FileKind.PYTHON, tokens=TRANSACTION_WORDS)


@given(st.binary(), st.sampled_from([b"cur.execute(sql)", b"pg_advisory_lock", b"SET  search_path\n= a", b"listen x"]))
def test_what_stands_around_a_hit_does_not_hide_it(noise: bytes, hit: bytes) -> None:
    assert may_matter(noise + b"\n" + hit + b"\n" + noise, FileKind.PYTHON)


def test_a_project_adds_words_of_its_own() -> None:
    tokens = words_of(["myapp.db.Run", "run"])
    assert tokens == (b"run",)
    assert may_matter(b"myapp.DB.Run(q)", FileKind.PYTHON, tokens=tokens)
    assert not may_matter(b"myapp.go(q)", FileKind.PYTHON, tokens=tokens)


def test_every_sql_file_passes_but_an_empty_one() -> None:
    assert may_matter(b"select 1", FileKind.SQL)
    assert not may_matter(b" \n", FileKind.SQL)
    assert not may_matter(b"", FileKind.SQL)
