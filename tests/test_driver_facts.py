# ruff: noqa: E501 - a case is a line or two of code
"""What drivers do to a session, version by version: each fact with a program that meets it and one that does not.

All are judged for plain transaction pooling (PgBouncer 1.18), where nothing that a driver does is translated.
"""

from __future__ import annotations

import textwrap
from functools import cache
from pathlib import Path

import pytest

from txsafe.analysis import Analyzer
from txsafe.config import Config
from txsafe.discovery import FileInput
from txsafe.model import Confidence, Diagnostic, Severity

PROFILE = "pgbouncer-1.18/transaction"
ROOT = Path("/no-such-folder")
"""Nothing here says which versions are installed."""


@cache
def analyzer(*versions: tuple[str, str]) -> Analyzer:
    return Analyzer.of(Config(profile=PROFILE, root=ROOT, versions=dict(versions)))


def judge(code: str, **versions: str) -> tuple[Diagnostic, ...]:
    path = ROOT / "app.py"
    file = FileInput(path, str(path), textwrap.dedent(code).encode())
    report = analyzer(*sorted(versions.items())).analyze(file)
    assert not report.errors, report.errors
    return report.diagnostics


def rules(code: str, **versions: str) -> set[str]:
    """Return the rules that are reported with more than a guess, and are more than a nuisance."""
    sure = (each for each in judge(code, **versions) if each.confidence > Confidence.LOW)
    return {each.rule for each in sure if each.severity > Severity.NOTE}


PREPARE = {"driver-prepare"}
START = {"startup-parameter"}
SET = {"session-set"}
LOCAL = {"set-local-outside-transaction"}
SAFE: set[str] = set()

PSYCOPG = (
    "import psycopg\nfrom psycopg_pool import ConnectionPool\nconn = psycopg.connect(D, prepare_threshold=None{})\n"
)
IN_AUTOCOMMIT = PSYCOPG.format(", autocommit=True")
IMPLICIT = PSYCOPG.format("")
PSYCOPG2 = "import psycopg2\nconn = psycopg2.connect(D)\n"
ASYNCPG = "import asyncpg\nasync def f():\n    conn = await asyncpg.connect(D, statement_cache_size={})\n"
ENGINE = "from sqlalchemy import create_engine, text\nfrom sqlalchemy.orm import Session\nengine = create_engine({})\n"
ASYNC_ENGINE = "from sqlalchemy.ext.asyncio import create_async_engine\nfrom sqlalchemy.pool import NullPool\nengine = create_async_engine('postgresql+asyncpg://h/d'{})\n"
PG8000 = "import pg8000.{0}\nconn = pg8000.{0}.connect(D)\n"
DJANGO = "DATABASES = {{'default': {{'ENGINE': 'django.db.backends.postgresql', 'OPTIONS': {}}}}}\n"

PREPARED = {
    # psycopg 3
    "psycopg by default": ("import psycopg\npsycopg.connect(D)", PREPARE),
    "threshold 0 is the opposite of off": ("import psycopg\npsycopg.connect(D, prepare_threshold=0)", PREPARE),
    "threshold None": ("import psycopg\npsycopg.connect(D, prepare_threshold=None)", SAFE),
    "None set later": ("import psycopg\ndef f(conn: psycopg.Connection):\n    conn.prepare_threshold = None", SAFE),
    "prepare=True": (
        "import psycopg\ndef f(conn: psycopg.Connection):\n    conn.execute('SELECT 1', prepare=True)",
        PREPARE,
    ),
    "prepare=True under None": (IMPLICIT + "conn.execute('SELECT 1', prepare=True)", SAFE),
    "prepare=False": (
        "import psycopg\ndef f(conn: psycopg.Connection):\n    conn.execute('SELECT 1', prepare=False)",
        SAFE,
    ),
    "executemany under None": (IMPLICIT + "conn.cursor().executemany('SELECT %s', [])", SAFE),
    "a client cursor": ("import psycopg\npsycopg.connect(D, cursor_factory=psycopg.ClientCursor)", SAFE),
    "prepare=True on a client cursor": (
        "import psycopg\ndef f(cur: psycopg.ClientCursor):\n    cur.execute('SELECT 1', prepare=True)",
        SAFE,
    ),
    "stream and copy": (IMPLICIT + "cur = conn.cursor()\ncur.stream('SELECT 1')\ncur.copy('COPY t TO STDOUT')", SAFE),
    "a pool by default": ("from psycopg_pool import ConnectionPool\nConnectionPool(D)", PREPARE),
    "a pool with None": (
        "from psycopg_pool import ConnectionPool\nConnectionPool(D, kwargs={'prepare_threshold': None})",
        SAFE,
    ),
    # psycopg2
    "psycopg2 never prepares": (PSYCOPG2 + "conn.cursor().executemany('SELECT %s', [])", SAFE),
    # asyncpg
    "asyncpg by default": ("import asyncpg\nasync def f():\n    await asyncpg.connect(D)", PREPARE),
    "asyncpg's cache off": (ASYNCPG.format(0) + "    await conn.fetch('SELECT $1', 1)", SAFE),
    "a lifetime of 0 means for ever": (
        "import asyncpg\nasync def f():\n    await asyncpg.connect(D, max_cached_statement_lifetime=0)",
        PREPARE,
    ),
    "asyncpg's cursor is always named": (ASYNCPG.format(0) + "    conn.cursor('SELECT 1')", PREPARE),
    "a named statement": (ASYNCPG.format(0) + "    await conn.prepare('SELECT 1', name='x')", PREPARE),
    # others
    "databases": ("import databases\ndatabases.Database('postgresql://h/d')", PREPARE),
    "databases, off": ("import databases\ndatabases.Database('postgresql://h/d', statement_cache_size=0)", SAFE),
    "pg8000's unnamed statement in autocommit": (
        ENGINE.format("'postgresql+pg8000://h/d', isolation_level='AUTOCOMMIT'"),
        PREPARE,
    ),
    "pg8000 in a transaction": (ENGINE.format("'postgresql+pg8000://h/d'"), SAFE),
    "pg8000's native connection": (
        "import pg8000.native\nconn = pg8000.native.Connection('u')\nconn.run('SELECT :x', x=1)",
        PREPARE,
    ),
    "pg8000's native connection in a transaction": (
        "import pg8000.native\nconn = pg8000.native.Connection('u')\nconn.run('BEGIN')\nconn.run('SELECT :x', x=1)\nconn.run('COMMIT')",
        SAFE,
    ),
    "pg8000's prepare": (
        "import pg8000.native\nconn = pg8000.native.Connection('u')\nconn.prepare('SELECT 1')",
        PREPARE,
    ),
    "SQLAlchemy on psycopg": (ENGINE.format("'postgresql+psycopg://h/d'"), PREPARE),
    "SQLAlchemy on psycopg, off": (
        ENGINE.format("'postgresql+psycopg://h/d', connect_args={'prepare_threshold': None}"),
        SAFE,
    ),
    "SQLAlchemy on psycopg2": (ENGINE.format("'postgresql+psycopg2://h/d'"), SAFE),
    "langgraph's checkpointer": (
        "from langgraph.checkpoint.postgres import PostgresSaver\nPostgresSaver.from_conn_string(D)",
        PREPARE,
    ),
    "Django's threshold without binding is inert": (DJANGO.format("{'prepare_threshold': 0}"), SAFE),
    "Django's binding alone": (DJANGO.format("{'server_side_binding': True}"), SAFE),
    "Django's threshold with binding": (
        DJANGO.format("{'server_side_binding': True, 'prepare_threshold': 0}"),
        PREPARE,
    ),
}


@pytest.mark.parametrize(("code", "expected"), PREPARED.values(), ids=PREPARED.keys())
def test_whether_statements_are_prepared_by_name(code: str, expected: set[str]) -> None:
    assert rules(code) & PREPARE == expected


OFF = ", connect_args={'statement_cache_size': 0}"
BOTH = ", connect_args={'statement_cache_size': 0, 'prepared_statement_cache_size': 0}"
OWN = ", connect_args={'prepared_statement_cache_size': 0}"
NAMED = ", connect_args={'statement_cache_size': 0, 'prepared_statement_cache_size': 0, 'prepared_statement_name_func': make}"
HALF_NAMED = ", connect_args={'statement_cache_size': 0, 'prepared_statement_name_func': make}"
AUTOCOMMIT = ", isolation_level='AUTOCOMMIT'"

ON_ASYNCPG = {
    "nothing": ("", PREPARE, PREPARE),
    "NullPool alone": (", poolclass=NullPool", PREPARE, PREPARE),
    "only SQLAlchemy's cache off": (OWN, PREPARE, PREPARE),
    "only asyncpg's cache off": (OFF, PREPARE, SAFE),
    "… under AUTOCOMMIT": (OFF + AUTOCOMMIT, PREPARE, SAFE),
    "both off": (BOTH, PREPARE, SAFE),
    "both off and names": (NAMED, SAFE, SAFE),
    "… under AUTOCOMMIT, with names": (NAMED + AUTOCOMMIT, PREPARE, PREPARE),
    "names with SQLAlchemy's cache on": (HALF_NAMED, PREPARE, PREPARE),
    "names alone": (", connect_args={'prepared_statement_name_func': make}", PREPARE, PREPARE),
}


@pytest.mark.parametrize(("arguments", "old", "new"), ON_ASYNCPG.values(), ids=ON_ASYNCPG.keys())
def test_what_sqlalchemy_needs_on_asyncpg(arguments: str, old: set[str], new: set[str]) -> None:
    code = ASYNC_ENGINE.format(arguments)
    assert rules(code, asyncpg="0.30.0") & PREPARE == old
    assert rules(code, asyncpg="0.31.0") & PREPARE == new


def test_asyncpgs_prepare_is_unnamed_from_0_31_on_with_its_cache_off() -> None:
    off, on = (ASYNCPG.format(size) + "    await conn.prepare('SELECT 1')" for size in (0, 100))
    assert rules(off, asyncpg="0.30.0") == PREPARE
    assert rules(off, asyncpg="0.31.0") == SAFE
    assert rules(on, asyncpg="0.31.0") == PREPARE


def test_the_default_driver_of_sqlalchemy_is_psycopg_from_2_1_on() -> None:
    code = ENGINE.format("'postgresql://h/d'")
    assert rules(code, sqlalchemy="2.0.44") == SAFE
    assert rules(code, sqlalchemy="2.1.0") == PREPARE
    assert rules(code) == SAFE
    off = ENGINE.format("'postgresql://h/d', connect_args={'prepare_threshold': None}")
    assert rules(off, sqlalchemy="2.1.0") == SAFE


def test_an_assumed_version_is_named_and_makes_a_guess() -> None:
    (found,) = judge(ASYNC_ENGINE.format(OFF))
    assert found.confidence is Confidence.LOW
    assert "asyncpg 0.30 is assumed, no version was found; set it in [tool.txsafe.versions]" in found.message
    (certain,) = judge(ASYNC_ENGINE.format(OFF), asyncpg="0.29")
    assert certain.confidence is Confidence.HIGH
    assert "assumed" not in certain.message


STARTUP = {
    "psycopg's options": (PSYCOPG.format(", options='-c statement_timeout=5'"), START),
    "psycopg's application_name passes": (PSYCOPG.format(", application_name='x'"), SAFE),
    "client-only parameters": (
        PSYCOPG.format(", connect_timeout=5, keepalives=1, sslmode='require', target_session_attrs='any'"),
        SAFE,
    ),
    "options in a URL": (
        "import psycopg\npsycopg.connect('postgresql://h/d?options=-csearch_path%3Da', prepare_threshold=None)",
        START,
    ),
    "options in a connection string": ("import psycopg2\npsycopg2.connect(\"dbname=d options='-c jit=off'\")", START),
    "PGOPTIONS": ("import os\nos.environ['PGOPTIONS'] = '-c jit=off'\nimport psycopg2", START),
    "asyncpg's server_settings": (
        "import asyncpg\nasync def f():\n    await asyncpg.connect(D, statement_cache_size=0, server_settings={'jit': 'off'})",
        START,
    ),
    "asyncpg's application_name": (
        "import asyncpg\nasync def f():\n    await asyncpg.connect(D, statement_cache_size=0, server_settings={'application_name': 'x', 'timezone': 'UTC', 'datestyle': 'ISO'})",
        SAFE,
    ),
    "asyncpg's DSN": (
        "import asyncpg\nasync def f():\n    await asyncpg.connect('postgresql://h/d?statement_cache_size=0', statement_cache_size=0)",
        START,
    ),
    "pg8000's startup_params": (
        "import pg8000.dbapi\npg8000.dbapi.connect('u', startup_params={'search_path': 'a'})",
        START,
    ),
    "SQLAlchemy's options": (
        ENGINE.format("'postgresql+psycopg2://h/d', connect_args={'options': '-c jit=off'}"),
        START,
    ),
    "SQLAlchemy's client_encoding": (ENGINE.format("'postgresql+psycopg2://h/d', client_encoding='utf8'"), SAFE),
    "Django's options": (DJANGO.format("{'options': '-c search_path=a'}"), START),
    "Django's isolation level": (DJANGO.format("{'isolation_level': 4}"), SAFE),
    "tortoise's schema": (
        "from tortoise import Tortoise\nasync def f():\n    await Tortoise.init(config={'connections': {'default': {'engine': 'tortoise.backends.asyncpg', 'credentials': {'schema': 'a'}}}})",
        START,
    ),
    "a URL in a constant": ("SQLALCHEMY_DATABASE_URI = 'postgresql://h/d?options=-c%20jit%3Doff'", START),
}


@pytest.mark.parametrize(("code", "expected"), STARTUP.values(), ids=STARTUP.keys())
def test_what_travels_in_the_startup_packet(code: str, expected: set[str]) -> None:
    assert rules(code) & START == expected


SESSIONS = {
    # transactions of psycopg 3
    "a SET in the implicit transaction is committed": (
        IMPLICIT + "with conn:\n    conn.execute('SET work_mem = 1')",
        SET,
    ),
    "a SET that is rolled back": (
        IMPLICIT + "with conn.transaction(force_rollback=True):\n    conn.execute('SET work_mem = 1')",
        SAFE,
    ),
    "SET LOCAL in the implicit transaction": (IMPLICIT + "conn.execute('SET LOCAL work_mem = 1')", SAFE),
    "SET LOCAL in autocommit": (IN_AUTOCOMMIT + "conn.execute('SET LOCAL work_mem = 1')", LOCAL),
    "one string of two statements": (IN_AUTOCOMMIT + "conn.execute('SET LOCAL work_mem = 1; SELECT 1')", SAFE),
    "a manual BEGIN": (
        IN_AUTOCOMMIT + "conn.execute('BEGIN')\nconn.execute('SET LOCAL work_mem = 1')\nconn.execute('COMMIT')",
        SAFE,
    ),
    "psycopg's isolation level": (IN_AUTOCOMMIT + "conn.isolation_level = 1\nconn.read_only = True", SAFE),
    "two-phase commit": (IMPLICIT + "conn.tpc_begin('x')\nconn.tpc_prepare()\nconn.tpc_commit()", SAFE),
    "notifies": (IMPLICIT + "conn.notifies()", {"listen"}),
    "a named cursor with hold": (IN_AUTOCOMMIT + "conn.cursor('c', withhold=True)", {"hold-cursor"}),
    "a named cursor in autocommit": (IN_AUTOCOMMIT + "conn.cursor('c')", {"cursor-outside-transaction"}),
    "a named cursor in a transaction": (IMPLICIT + "conn.cursor('c')", SAFE),
    # psycopg2
    "set_session without autocommit": (PSYCOPG2 + "conn.set_session(readonly=True)", SAFE),
    "set_session in autocommit": (
        PSYCOPG2 + "conn.autocommit = True\nconn.set_session(readonly=True)",
        {"session-characteristics"},
    ),
    "readonly before autocommit": (PSYCOPG2 + "conn.readonly = True\nconn.autocommit = True", SAFE),
    "readonly in autocommit": (PSYCOPG2 + "conn.autocommit = True\nconn.readonly = True", {"session-characteristics"}),
    "set_isolation_level(0)": (PSYCOPG2 + "conn.set_isolation_level(0)", SAFE),
    "set_isolation_level in autocommit": (PSYCOPG2 + "conn.autocommit = True\nconn.set_isolation_level(1)", SAFE),
    "set_client_encoding": (PSYCOPG2 + "conn.autocommit = True\nconn.set_client_encoding('utf8')", SAFE),
    "reset": (PSYCOPG2 + "conn.reset()", {"pool-reset"}),
    "mogrify": (PSYCOPG2 + "conn.cursor().mogrify('LISTEN a')", SAFE),
    "execute_values takes SQL second": (
        PSYCOPG2 + "from psycopg2.extras import execute_values\nexecute_values(conn.cursor(), 'SET work_mem = 1', [])",
        SET,
    ),
    "a block under autocommit": (
        PSYCOPG2 + "conn.autocommit = True\nwith conn:\n    conn.cursor().execute('SET LOCAL work_mem = 1')",
        SAFE,
    ),
    # asyncpg
    "asyncpg in autocommit": (ASYNCPG.format(0) + "    await conn.execute('SET LOCAL work_mem = 1')", LOCAL),
    "asyncpg in a transaction": (
        ASYNCPG.format(0) + "    async with conn.transaction():\n        await conn.execute('SET LOCAL work_mem = 1')",
        SAFE,
    ),
    "asyncpg's isolation": (
        ASYNCPG.format(0) + "    async with conn.transaction(isolation='serializable'):\n        pass",
        SAFE,
    ),
    "asyncpg's codec": (ASYNCPG.format(0) + "    await conn.set_type_codec('json', encoder=str, decoder=str)", SAFE),
    "asyncpg's listener": (ASYNCPG.format(0) + "    await conn.add_listener('a', g)", {"listen"}),
    "asyncpg's pool resets": (
        "import asyncpg\nasync def f():\n    await asyncpg.create_pool(D, statement_cache_size=0)",
        {"pool-reset"},
    ),
    "asyncpg's pool without reset": (
        "import asyncpg\nasync def f():\n    await asyncpg.create_pool(D, statement_cache_size=0, reset=noop)",
        SAFE,
    ),
    # SQLAlchemy
    "pg8000's isolation level": (
        ENGINE.format("'postgresql+pg8000://h/d', isolation_level='SERIALIZABLE'"),
        {"session-characteristics"},
    ),
    "psycopg2's isolation level": (ENGINE.format("'postgresql+psycopg2://h/d', isolation_level='SERIALIZABLE'"), SAFE),
    "connect() rolls back": (
        ENGINE.format("'postgresql+psycopg2://h/d'")
        + "with engine.connect() as c:\n    c.execute(text('SET work_mem = 1'))",
        SAFE,
    ),
    "begin() commits": (
        ENGINE.format("'postgresql+psycopg2://h/d'")
        + "with engine.begin() as c:\n    c.execute(text('SET work_mem = 1'))",
        SET,
    ),
    "begin() sends nothing in AUTOCOMMIT": (
        ENGINE.format("'postgresql+psycopg2://h/d', isolation_level='AUTOCOMMIT'")
        + "with engine.begin() as c:\n    c.execute(text('SET LOCAL work_mem = 1'))",
        LOCAL,
    ),
    "stream_results in AUTOCOMMIT": (
        ENGINE.format("'postgresql+psycopg2://h/d', isolation_level='AUTOCOMMIT'")
        + "with engine.connect() as c:\n    c.execution_options(stream_results=True).execute(text('SELECT 1'))",
        {"cursor-outside-transaction"},
    ),
    "stream_results in a transaction": (
        ENGINE.format("'postgresql+psycopg2://h/d'")
        + "with engine.connect() as c:\n    c.execution_options(stream_results=True).execute(text('SELECT 1'))",
        SAFE,
    ),
    "a temporary table": (
        "from sqlalchemy import Table, MetaData\nTable('t', MetaData(), prefixes=['TEMPORARY'])",
        {"temp-table"},
    ),
    "a temporary table that is dropped": (
        "from sqlalchemy import Table, MetaData\nTable('t', MetaData(), prefixes=['TEMPORARY'], postgresql_on_commit='DROP')",
        SAFE,
    ),
    # Alembic
    "alembic's SET": ("from alembic import op\ndef upgrade():\n    op.execute('SET work_mem = 1')", SET),
    "alembic's SET LOCAL": ("from alembic import op\ndef upgrade():\n    op.execute('SET LOCAL work_mem = 1')", SAFE),
    "SET LOCAL in an autocommit block": (
        "from alembic import op\ndef upgrade():\n    with op.get_context().autocommit_block():\n        op.execute('SET LOCAL work_mem = 1')",
        LOCAL,
    ),
    # Django
    "assume_role": (DJANGO.format("{'assume_role': 'x'}"), {"session-role"}),
    "Django's autocommit": (
        "from django.db import connection\nwith connection.cursor() as cur:\n    cur.execute('SET LOCAL work_mem = 1')",
        LOCAL,
    ),
    "Django in atomic": (
        "from django.db import connection, transaction\nwith transaction.atomic():\n    with connection.cursor() as cur:\n        cur.execute('SET LOCAL work_mem = 1')",
        SAFE,
    ),
    "Django's RunSQL": (
        "from django.db import migrations\nclass Migration(migrations.Migration):\n    operations = [migrations.RunSQL('SET work_mem = 1')]",
        SET,
    ),
    # others
    "aiopg is always in autocommit": (
        "import aiopg\nasync def f():\n    async with aiopg.connect(D) as conn, conn.cursor() as cur:\n        await cur.execute('SET LOCAL work_mem = 1')",
        LOCAL,
    ),
    "aiopg's begin": (
        "import aiopg\nasync def f():\n    async with aiopg.connect(D) as conn, conn.cursor() as cur:\n        async with cur.begin():\n            await cur.execute('SET LOCAL work_mem = 1')",
        SAFE,
    ),
    "pgtrigger's ignore": ("import pgtrigger\nwith pgtrigger.ignore():\n    pass", SAFE),
    "pglock's advisory": ("import pglock\nwith pglock.advisory('x'):\n    pass", {"session-advisory-lock"}),
    "pglock's transaction-level advisory": ("import pglock\npglock.advisory('x', xact=True).acquire()", SAFE),
    "pglock's timeout": ("import pglock\nwith pglock.timeout(seconds=1):\n    pass", SET),
    "django-pglocks": (
        "from django_pglocks import advisory_lock\nwith advisory_lock('x'):\n    pass",
        {"session-advisory-lock"},
    ),
    "procrastinate's worker": (
        "import procrastinate\napp = procrastinate.App(connector=c)\napp.run_worker()",
        {"listen"},
    ),
    "procrastinate's polling worker": (
        "import procrastinate\napp = procrastinate.App(connector=c)\napp.run_worker(listen_notify=False)",
        SAFE,
    ),
    "dlock": (
        "from sqlalchemy_dlock import create_sadlock\nwith create_sadlock(conn, 'x'):\n    pass",
        {"session-advisory-lock"},
    ),
    "dlock in a transaction": (
        "from sqlalchemy_dlock import create_sadlock\nwith create_sadlock(conn, 'x', xact=True):\n    pass",
        SAFE,
    ),
    "pandas": (
        "import pandas, psycopg2\nconn = psycopg2.connect(D)\npandas.read_sql('SELECT pg_advisory_lock(1)', conn)",
        {"session-advisory-lock"},
    ),
}


@pytest.mark.parametrize(("code", "expected"), SESSIONS.values(), ids=SESSIONS.keys())
def test_what_stays_with_the_session(code: str, expected: set[str]) -> None:
    assert rules(code) - PREPARE == expected
