# ruff: noqa: E501 - a case is a line of code
"""What SQL reaches a server, from where, and what could not be seen."""

from __future__ import annotations

import pytest

from tests.python.sighting import see, sent, texts, the_site
from txsafe.errors import SourceError
from txsafe.model import HOLE_CHARACTERS, Confidence, Hole

PG = "import psycopg\nc = psycopg.connect(D)\n"


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        (PG + "c.execute('A')", ["A"]),
        (PG + "c.execute(query='A')", ["A"]),
        (PG + "c.cursor().executemany('A', [])", ["A"]),
        (PG + "c.cursor().copy('A')", ["A"]),
        (PG + "c.execute('A' if x else 'B')", ["A", "B"]),
        (PG + "Q = 'A'\nc.execute(Q)", ["A"]),
        ("import psycopg2\nfrom psycopg2.extras import execute_values\nexecute_values(psycopg2.connect(D).cursor(), 'A', [])", ["A"]),
        ("import psycopg2\npsycopg2.connect(D).cursor().copy_expert('A', f)", ["A"]),
        ("import asyncpg\nasync def f(c: asyncpg.Connection):\n    await c.executemany(command='A', args=[])", ["A"]),
        ("import asyncpg\nasync def f(c: asyncpg.Connection):\n    await c.fetchval('A', 1)", ["A"]),
        ("import asyncpg\nasync def f(p: asyncpg.Pool):\n    await p.fetch('A')", ["A"]),
        ("from sqlalchemy import text\nfrom sqlalchemy.orm import Session\ndef f(s: Session):\n    s.scalar(text('A'))", ["A"]),
        ("from sqlalchemy import create_engine\ncreate_engine(U).connect().exec_driver_sql('A')", ["A"]),
        ("from django.db import migrations\nmigrations.RunSQL(['A', ('B', [1])], reverse_sql='C')", ["A", "B", "C"]),
        ("from django.db.models.expressions import RawSQL\nRawSQL('A', [])", ["A"]),
        ("from m import Book\nfrom django.db import models\nBook.objects.raw('SELECT 1')", ["SELECT 1"]),
        ("from m import Book\nfrom django.db import models\nBook.objects.filter(a=1).extra(select={'x': 'A'}, where=['B'])", ["A", "B"]),
        ("def f(apps, schema_editor):\n    schema_editor.execute('A')\nimport django", ["A"]),
        ("import pandas, psycopg\npandas.read_sql('SELECT 1', psycopg.connect(D))", ["SELECT 1"]),
        ("import databases\nasync def f():\n    await databases.Database(U).fetch_all('A')", ["A"]),
        ("import pg8000.native\npg8000.native.Connection('u').run('A')", ["A"]),
        (("import aiopg\nasync def f():\n    async with aiopg.create_pool(D) as p:\n        async with p.acquire() as c:\n"
         "            async with c.cursor() as q:\n                await q.execute('A')"), ["A"]),
        ("from tortoise import connections\nasync def f():\n    await connections.get('default').execute_script('A')", ["A"]),
        ("from peewee import PostgresqlDatabase\nPostgresqlDatabase('x').execute_sql('A')", ["A"]),
        ("from piccolo.table import Table\nclass Band(Table): ...\nBand.raw('A')", ["A"]),
        ("from sqlalchemy import DDL, event\nevent.listen(t, 'after_create', DDL('CREATE INDEX i ON t (a)'))", ["CREATE INDEX i ON t (a)"]),
    ],
    ids=lambda value: str(value)[-60:],
)  # fmt: skip
def test_sql_is_found_in(code: str, expected: list[str]) -> None:
    assert texts(code) == expected


def test_bound_parameters_are_noticed() -> None:
    code = PG + "c.execute('A', [1])\nc.execute('B')\nc.execute('C', None)\nc.execute('D', params=x)"
    assert [site.parameters for site in sent(code)] == [True, False, False, True]


def test_a_statement_with_parameters_in_a_list_has_them() -> None:
    code = "from django.db import migrations\nmigrations.RunSQL([('A', [1]), 'B'])"
    assert [site.parameters for site in sent(code)] == [True, False]


def test_a_constant_elsewhere_is_named_by_the_trail() -> None:
    site = the_site("import psycopg\nQ = 'LISTEN x'\ndef f():\n    psycopg.connect(D).execute(Q)")
    assert [related.message for related in site.trail] == ["sent here by psycopg.Connection.execute"]
    assert site.trail[0].place == site.place


def test_the_scope_is_the_qualified_name_of_the_function() -> None:
    code = "import psycopg\nclass A:\n    def f(self):\n        return lambda: psycopg.connect(D).execute('S')"
    assert the_site(code).scope == "A.f.<lambda>"


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        ("def f(sql):\n    c.execute(sql)", "parameter"),
        ("from m import q\nc.execute(q)", "m.q"),
        ("c.execute(build())", "build"),
        ("c.execute(f'{anything}')", ""),
    ],
)
def test_sql_that_is_not_in_view_is_said(code: str, reason: str) -> None:
    seen = see("import psycopg\nc = psycopg.connect(D)\n" + code)
    assert seen.sites == ()
    assert seen.sinks == 1
    assert len(seen.unresolved) == 1
    assert reason in seen.unresolved[0].reason


@pytest.mark.parametrize(
    "statement",
    [
        "select(User)", "select(User).where(x)", "User.__table__.insert().values(a=1)", "sa.select(1)", "stmt",
        "update(User) if a else delete(User)", "table.select()", "(await build()).delete()",
    ],
)  # fmt: skip
def test_statements_built_of_objects_are_no_unseen_sql(statement: str) -> None:
    seen = see(
        "import sqlalchemy as sa\nfrom sqlalchemy import select, update, delete\nfrom sqlalchemy.orm import Session\n"
        f"async def f(s: Session, a):\n    stmt = select(User)\n    s.execute({statement})"
    )
    assert seen.unresolved == ()
    assert seen.sinks == 1


def test_a_constant_that_stands_for_no_sql_is_none() -> None:
    seen = see("from django.db import migrations\nmigrations.RunSQL('A', migrations.RunSQL.noop)")
    assert seen.unresolved == ()
    assert [site.template.text for site in seen.sites] == ["A"]


def test_sinks_count_whether_resolved_or_not() -> None:
    assert see(PG + "c.execute('A')\nc.execute(x())\nc.execute()\nc.commit()").sinks == 2


# ---------------------------------------------------------------- wrappers

WRAPPER = """
import psycopg
class Db:
    def __init__(self):
        self.c = psycopg.connect(D)
    def _run(self, sql, args=None):
        self.c.execute(sql, args)
"""


def test_sql_of_a_wrapper_is_judged_where_it_is_written() -> None:
    seen = see(WRAPPER + "    def go(self):\n        self._run('LISTEN x')")
    (site,) = seen.sites
    assert site.template.text == "LISTEN x"
    assert site.scope == "Db.go"
    assert [related.message for related in site.trail] == ["sent here by psycopg.Connection.execute"]
    assert seen.unresolved == ()


def test_a_wrapper_that_others_may_call_stays_unresolved_besides() -> None:
    seen = see(WRAPPER.replace("_run", "run") + "    def go(self):\n        self.run(sql='LISTEN x')")
    assert [site.template.text for site in seen.sites] == ["LISTEN x"]
    assert len(seen.unresolved) == 1


def test_a_wrapper_is_found_through_an_instance() -> None:
    assert texts(WRAPPER + "db = Db()\ndef go():\n    db._run('LISTEN x')") == ["LISTEN x"]


def test_a_wrapper_is_found_through_what_a_function_returns() -> None:
    assert texts(WRAPPER + "def db():\n    return Db()\ndef go():\n    db()._run('LISTEN x')") == ["LISTEN x"]


def test_another_class_with_a_method_of_that_name_is_none() -> None:
    code = (
        WRAPPER
        + "class Other:\n    def _run(self, sql): ...\nOther()._run('LISTEN y')\nself_made._run('LISTEN z')\n_run('LISTEN w')"
    )
    assert texts(code) == []


def test_a_call_of_a_wrapper_for_another_database_is_left_alone() -> None:
    code = WRAPPER + "    def go(self):\n        if dialect == 'mysql':\n            self._run('SET x = 1')"
    assert texts(code) == []


def test_a_lambda_has_no_callers_by_name() -> None:
    seen = see("import psycopg\nrun = lambda sql: psycopg.connect(D).execute(sql)\nrun('LISTEN x')")
    assert len(seen.unresolved) == 1


def test_a_wrapper_called_with_a_star_is_unresolved() -> None:
    seen = see(WRAPPER + "    def go(self, rest):\n        self._run(*rest)\n        self._run()")
    assert seen.sites == ()
    assert seen.unresolved


@pytest.mark.parametrize("argument", ["''", "None", "5", "x.y[0].z", "[stmt, 'A', unknown]"])
def test_odd_arguments_do_no_harm(argument: str) -> None:
    code = f"from django.db import migrations\nfrom m import unknown, x\nmigrations.RunSQL({argument})"
    assert texts(code) in ([], ["A"])


def test_a_hook_without_a_known_event_says_so() -> None:
    code = (
        "from sqlalchemy import event\n@event.listens_for(engine, name)\n@other\n@yet.another(1)\n"
        "def on_connect(dbapi_connection, record):\n    dbapi_connection.cursor().execute('SET a = 1')\nfrom x import engine, name"
    )
    assert [related.message for related in the_site(code).trail] == ["runs on the event …"]


def test_a_construct_for_another_database_is_left_alone() -> None:
    code = (
        "from sqlalchemy import func\nif dialect == 'mysql':\n    x = func.setseed(1)\nelse:\n    y = other.setseed(1)"
    )
    assert see(code).sites == ()


def test_a_construct_handed_to_something_unknown_is_found() -> None:
    code = "from sqlalchemy import func\nfrom m import thing\nthing.add(a()(func.setseed(1)), b=[func.setseed(2)])"
    assert [site.template.text for site in see(code).sites] == ["SELECT setseed(1)", "SELECT setseed(2)"]


def test_a_wrapper_of_a_wrapper_is_followed() -> None:
    code = (
        WRAPPER + "    def _outer(self, q):\n        self._run(q)\n    def go(self):\n        self._outer('LISTEN x')"
    )
    assert "LISTEN x" in texts(code)


def test_a_wrapper_that_completes_the_text_is_followed() -> None:
    code = "import psycopg\ndef _listen(channel):\n    psycopg.connect(D).execute('LISTEN ' + channel)\n_listen('jobs')"
    assert "LISTEN jobs" in texts(code)


def test_the_block_inside_a_wrapper_counts() -> None:
    code = (
        "import psycopg\nc = psycopg.connect(D, autocommit=True)\ndef _run(sql):\n    with c.transaction():\n        c.execute(sql)\n"
        "_run('SET LOCAL a = 1')"
    )
    site = the_site(code)
    assert site.transaction.kind.value == "explicit"
    assert site.transaction.block is None


def test_declared_sinks_take_their_argument() -> None:
    seen = see("from myapp.db import run\nrun('x', 'LISTEN a')", sinks={"myapp.db.run": 1})
    assert [(site.template.text, site.sink) for site in seen.sites] == [("LISTEN a", "myapp.db.run")]


def test_declared_sinks_are_known_in_their_own_file() -> None:
    seen = see("def run(sql): ...\nrun('LISTEN a')", sinks={"myapp.db.run": 0}, module="myapp.db")
    assert [site.template.text for site in seen.sites] == ["LISTEN a"]


# ---------------------------------------------------------------- constructs


def test_a_function_built_of_objects_is_a_query() -> None:
    code = (
        "from sqlalchemy import func, select\nfrom sqlalchemy.orm import Session\ndef f(s: Session):\n"
        "    s.execute(select(func.pg_advisory_lock(42)))"
    )
    site = the_site(code)
    assert site.template.text.startswith("SELECT")
    assert "pg_advisory_lock(42)" in site.template.text
    assert site.confidence is Confidence.HIGH


def test_a_function_passed_as_it_is_is_selected() -> None:
    code = "from sqlalchemy import func\nfrom sqlalchemy.orm import Session\ndef f(s: Session):\n    s.scalar(func.pg_advisory_lock(1))"
    assert the_site(code).template.text == "SELECT pg_advisory_lock(1)"


def test_a_function_is_found_wherever_it_stands() -> None:
    code = (
        "from sqlalchemy import func\nfrom sqlalchemy.orm import Session\ndef f(s: Session):\n"
        "    s.query(Job).filter(func.pg_try_advisory_lock(Job.id)).all()\nx = func.setseed(1)\ny = func.count(1)"
    )
    first, second = see(code).sites
    assert first.template.text.startswith("SELECT pg_try_advisory_lock(")
    assert first.transaction.kind.value == "implicit"
    assert first.confidence is Confidence.HIGH
    assert second.template.text == "SELECT setseed(1)"
    assert second.confidence is Confidence.MEDIUM


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        ("'t', m, prefixes=['TEMPORARY']", "CREATE TEMPORARY TABLE t ()"),
        ("'t', m, prefixes=('TEMP',), postgresql_on_commit='DROP'", "CREATE TEMPORARY TABLE t () ON COMMIT DROP"),
        ("name, m, prefixes=['TEMPORARY']", f"CREATE TEMPORARY TABLE {HOLE_CHARACTERS[Hole.IDENTIFIER]} ()"),
        ("'t', m, prefixes=['UNLOGGED']", None),
        ("'t', m", None),
    ],
)
def test_a_temporary_table_construct_creates_one(arguments: str, text: str | None) -> None:
    assert texts(f"from sqlalchemy import Table\nfrom x import name\nTable({arguments})") == ([text] if text else [])


def test_alembic_creates_temporary_tables_too() -> None:
    assert texts("from alembic import op\nop.create_table('t', prefixes=['TEMPORARY'])") == [
        "CREATE TEMPORARY TABLE t ()"
    ]


def test_a_hook_says_what_makes_it_run() -> None:
    code = (
        "from sqlalchemy import event\n@event.listens_for(engine, 'connect')\ndef on_connect(dbapi_connection, record):\n"
        "    dbapi_connection.cursor().execute('SET a = 1')\nfrom x import engine"
    )
    assert [related.message for related in the_site(code).trail] == ["runs on the event connect"]


# ---------------------------------------------------------------- what is left out


@pytest.mark.parametrize("path", ["hooks/mysql.py", "src/snowflake/db.py"])
def test_a_file_named_after_another_database_is_left_alone(path: str) -> None:
    assert sent("from a import engine\nengine.execute('SET a = 1')", path) == []


def test_a_file_named_after_another_database_counts_where_the_driver_is_postgresqls() -> None:
    assert len(sent("import psycopg\npsycopg.connect(D).execute('SET a = 1')", "from_mysql.py")) == 1


def test_a_guess_in_such_a_file_is_unsure() -> None:
    code = "import psycopg\nclass MySqlHook:\n    def f(self, thing):\n        thing.execute('SET a = 1')"
    assert the_site(code).confidence is Confidence.LOW


def test_python_that_cannot_be_parsed_is_an_error() -> None:
    with pytest.raises(SourceError):
        see("def f(:")


@pytest.mark.parametrize(
    "call", ["asyncio.wait_for", "asyncio.shield", "loop.run_until_complete", "asyncio.create_task"]
)
def test_what_asyncio_waits_for_is_what_it_was(call: str) -> None:
    code = f"import asyncio, asyncpg\nloop = asyncio.new_event_loop()\nconn = {call}(asyncpg.connect('dsn'))\n"
    (site,) = sent(f"{code}conn.execute('LISTEN x')")
    assert (site.driver, site.sink) == ("asyncpg", "asyncpg.Connection.execute")


def test_what_asyncio_makes_itself_is_no_connection() -> None:
    code = "import asyncio, asyncpg\nconn = asyncio.open_connection('host', 1)\nconn.execute('LISTEN x')"
    assert sent(code) == []
