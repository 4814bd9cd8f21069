# ruff: noqa: E501 - a case is a line of code
"""What touches the session without SQL in the program."""

from __future__ import annotations

import pytest

from tests.python.sighting import see, spelled, uses
from txsafe.model import Confidence

HIGH, MEDIUM, LOW = Confidence.HIGH, Confidence.MEDIUM, Confidence.LOW

PREPARES = {
    "psycopg by default": ("import psycopg\npsycopg.connect(D)", "absent", HIGH),
    "a threshold": ("import psycopg\npsycopg.connect(D, prepare_threshold=0)", "0", HIGH),
    "a threshold that is not known": (
        "import psycopg\ndef f(n):\n    psycopg.connect(D, prepare_threshold=n)",
        "…",
        LOW,
    ),
    "one of two thresholds": ("import psycopg\npsycopg.connect(D, prepare_threshold=None if x else 5)", "…", LOW),
    "a mapping in view": ("import psycopg\nk = {'prepare_threshold': 5}\npsycopg.connect(D, **k)", "5", HIGH),
    "a mapping in view, filled later": (
        "import psycopg\nk = {}\nk['prepare_threshold'] = 5\npsycopg.connect(D, **k)",
        "5",
        None,
    ),
    "a mapping that is not known": ("import psycopg\ndef f(**k):\n    psycopg.connect(D, **k)", "absent", LOW),
    "another cursor class": ("import psycopg\ndef f(C):\n    psycopg.connect(D, cursor_factory=C)", "absent", LOW),
    "a pool": ("from psycopg_pool import ConnectionPool\nConnectionPool(D)", "absent", HIGH),
    "a pool's mapping": (
        "from psycopg_pool import ConnectionPool\nConnectionPool(D, kwargs={'prepare_threshold': 1})",
        "1",
        HIGH,
    ),
    "a pool that is configured elsewhere": (
        "from psycopg_pool import ConnectionPool\nConnectionPool(D, configure=f)",
        "absent",
        LOW,
    ),
    "an attribute": ("import psycopg\ndef f(c: psycopg.Connection):\n    c.prepare_threshold = 0", "0", HIGH),
    "an attribute of a guess": ("import psycopg\ndef f(conn):\n    conn.prepare_threshold = 0", "0", MEDIUM),
    "prepare=True": ("import psycopg\ndef f(c: psycopg.Connection):\n    c.execute('S', prepare=True)", "True", HIGH),
    "asyncpg by default": ("import asyncpg\nasyncpg.create_pool(D)", "absent", HIGH),
    "asyncpg's cache": ("import asyncpg\nasyncpg.connect(D, statement_cache_size=50)", "50", HIGH),
    "asyncpg's prepare": ("import asyncpg\ndef f(c: asyncpg.Connection):\n    c.prepare('SELECT 1')", "SELECT 1", HIGH),
    "asyncpg's cursor": ("import asyncpg\ndef f(c: asyncpg.Connection):\n    c.cursor('SELECT 1')", "SELECT 1", HIGH),
    "SQLAlchemy on asyncpg": (
        "from sqlalchemy.ext.asyncio import create_async_engine\ncreate_async_engine('postgresql+asyncpg://h/d')",
        "absent",
        HIGH,
    ),
    "SQLAlchemy on asyncpg, half off": (
        (
            "from sqlalchemy.ext.asyncio import create_async_engine\ncreate_async_engine(\n"
            "    U, connect_args={'prepared_statement_cache_size': 0})"
        ),
        "0",
        HIGH,
    ),
    "SQLAlchemy on asyncpg, with names": (
        (
            "from sqlalchemy.ext.asyncio import create_async_engine\ncreate_async_engine('postgresql+asyncpg://h/d', "
            "connect_args={'statement_cache_size': 0, 'prepared_statement_name_func': f})"
        ),
        "given",
        HIGH,
    ),
    "SQLAlchemy on asyncpg, with names in AUTOCOMMIT": (
        (
            "from sqlalchemy.ext.asyncio import create_async_engine\ncreate_async_engine('postgresql+asyncpg://h/d', "
            "isolation_level='AUTOCOMMIT', connect_args={'statement_cache_size': 0, 'prepared_statement_cache_size': 0,"
            " 'prepared_statement_name_func': f})"
        ),
        "AUTOCOMMIT",
        HIGH,
    ),
    "SQLAlchemy on a URL that is not known": (
        "from sqlalchemy.ext.asyncio import create_async_engine\ndef f(url):\n    create_async_engine(url)",
        "absent",
        LOW,
    ),
    "SQLAlchemy on a URL that is rewritten": (
        (
            "from sqlalchemy.ext.asyncio import create_async_engine\ndef f(url):\n"
            "    async_url = url.replace('postgresql://', 'postgresql+asyncpg://')\n    create_async_engine(async_url)"
        ),
        "absent",
        HIGH,
    ),
    "SQLAlchemy on a URL object": (
        (
            "from sqlalchemy.engine import URL\nfrom sqlalchemy import create_engine\n"
            "create_engine(URL.create('postgresql+psycopg', host=H))"
        ),
        "absent",
        HIGH,
    ),
    "SQLAlchemy on psycopg 3": (
        "from sqlalchemy import create_engine\ncreate_engine('postgresql+psycopg://h/d')",
        "absent",
        HIGH,
    ),
    "databases": ("import databases\ndatabases.Database('postgresql://h/d')", "absent", HIGH),
    "piccolo": (
        "from piccolo.engine.postgres import PostgresEngine\nPostgresEngine(config={'database': 'x'})",
        "absent",
        HIGH,
    ),
    "langgraph": (
        "from langgraph.checkpoint.postgres import PostgresSaver\nPostgresSaver.from_conn_string(D)",
        "0",
        HIGH,
    ),
    "Django with server-side binding": (
        "DATABASES = {'default': {'OPTIONS': {'server_side_binding': True, 'prepare_threshold': 0}}}",
        "0",
        HIGH,
    ),
}


@pytest.mark.parametrize(("code", "value", "confidence"), PREPARES.values(), ids=PREPARES.keys())
def test_statements_are_prepared_by(code: str, value: str, confidence: Confidence | None) -> None:
    (use,) = uses(code, "named-prepare")
    assert use.facts["value"] == value
    assert confidence in {None, use.confidence}
    assert use.facts["reason"]


QUIET = {
    "None": "import psycopg\npsycopg.connect(D, prepare_threshold=None)",
    "None in a mapping": "import psycopg\nk = dict(prepare_threshold=None)\npsycopg.connect(D, **k)",
    "prepare=True where nothing is prepared": "import psycopg\nc = psycopg.connect(D, prepare_threshold=None)\nc.execute('S', prepare=True)",
    "executemany where nothing is prepared": "import psycopg\npsycopg.connect(D, prepare_threshold=None).cursor().executemany('S', [])",
    "executemany on a connection of elsewhere": "import psycopg\ndef f(c: psycopg.Cursor):\n    c.executemany('S', [])",
    "a client cursor": "import psycopg\npsycopg.connect(D, cursor_factory=psycopg.ClientCursor)",
    "an attribute set to None": "import psycopg\ndef f(c: psycopg.Connection):\n    c.prepare_threshold = None",
    "asyncpg's cache off": "import asyncpg\nasyncpg.connect(D, statement_cache_size=0)",
    "psycopg2": "import psycopg2\npsycopg2.connect(D)",
    "SQLAlchemy on psycopg2": "from sqlalchemy import create_engine\ncreate_engine('postgresql+psycopg2://h/d')",
    "SQLAlchemy on a URL that is not known": "from sqlalchemy import create_engine\ndef f(u):\n    create_engine(u)",
    "SQLAlchemy on SQLite": "from sqlalchemy.ext.asyncio import create_async_engine\ncreate_async_engine('sqlite+aiosqlite://')",
    "Django without server-side binding": "DATABASES = {'default': {'OPTIONS': {'prepare_threshold': 0}}}",
    "another database": "import databases\ndatabases.Database('mysql://h/d')",
}


@pytest.mark.parametrize("code", QUIET.values(), ids=QUIET.keys())
def test_nothing_is_prepared_by(code: str) -> None:
    assert uses(code, "named-prepare") == []


OTHERS = {
    "psycopg's notifies": ("import psycopg\ndef f(c: psycopg.Connection):\n    for n in c.notifies(): ...", "notifications", "notifies"),
    "psycopg2's notifies": ("import psycopg2\nc = psycopg2.connect(D)\nc.notifies.pop()", "notifications", "notifies"),
    "asyncpg's listener": ("import asyncpg\ndef f(c: asyncpg.Connection):\n    c.add_listener('x', g)", "notifications", "add_listener"),
    "the driver below Django": ("from django.db import connection\nconnection.connection.notifies()", "notifications", "notifies"),
    "aiopg's notifies": ("import aiopg\nasync def f():\n    c = await aiopg.connect(D)\n    await c.notifies.get()", "notifications", "notifies"),
    "WITH HOLD": ("import psycopg2\npsycopg2.connect(D).cursor('n', withhold=True)", "hold-cursor", "withhold=True"),
    "a cursor in autocommit": ("import psycopg\npsycopg.connect(D, autocommit=True).cursor(name='n')", "cursor-in-autocommit", "name='n'"),
    "Django's iterator": ("from django.db import models\nfrom m import A\nA.objects.all().iterator()", "hold-cursor", None),
    "a backend's pid": ("import psycopg\ndef f(c: psycopg.Connection):\n    c.info.backend_pid", "backend-pid", "backend_pid"),
    "set_session in autocommit": (
        "import psycopg2\nc = psycopg2.connect(D)\nc.autocommit = True\nc.set_session(readonly=True)",
        "session-characteristics",
        "readonly=True",
    ),
    "read-only in autocommit": (
        "import psycopg2\nc = psycopg2.connect(D)\nc.set_session(autocommit=True)\nc.readonly = True",
        "session-characteristics",
        "readonly",
    ),
    "pg8000 below SQLAlchemy": (
        "from sqlalchemy import create_engine\ncreate_engine('postgresql+pg8000://h', isolation_level='SERIALIZABLE')",
        "session-characteristics",
        "isolation_level='SERIALIZABLE'",
    ),
    "pg8000 in autocommit": (
        "import pg8000.native\npg8000.native.Connection('u').run('SELECT :a', a=1)",
        "split-prepare",
        "run",
    ),
    "asyncpg's pool": ("import asyncpg\nasyncpg.create_pool(D)", "pool-reset", "create_pool"),
    "psycopg2's reset": ("import psycopg2\npsycopg2.connect(D).reset()", "pool-reset", "reset"),
    "pony": ("from pony.orm import Database\ndb = Database()\ndb.bind(provider='postgres')", "pool-reset", "bind"),
    "django-pglocks": ("from django_pglocks import advisory_lock\nwith advisory_lock('x'): ...", "session-lock", "advisory_lock"),
    "django-pglock": ("import pglock\npglock.advisory('x')", "session-lock", "advisory"),
    "procrastinate": ("import procrastinate\napp = procrastinate.App(connector=c)\napp.run_worker()", "notifications", "run_worker"),
    "assume_role": (
        "DATABASES = {'default': {'OPTIONS': {'assume_role': 'app'}}}",
        "session-role",
        "app",
    ),
    "django-tenants": ("DATABASES = {'default': {'ENGINE': 'django_tenants.postgresql_backend'}}", "session-set", "'django_tenants.postgresql_backend'"),
    "an atomic block": ("from django.db import transaction\nwith transaction.atomic(): ...", "transaction-block", "atomic"),
}  # fmt: skip


@pytest.mark.parametrize(("code", "api", "place"), OTHERS.values(), ids=OTHERS.keys())
def test_an_api_is_used_by(code: str, api: str, place: str | None) -> None:
    (use,) = uses(code, api)
    assert place is None or spelled(code, use) == place


@pytest.mark.parametrize(
    ("code", "api"),
    [
        ("import psycopg2\npsycopg2.connect(D).set_session(readonly=True)", "session-characteristics"),
        ("import psycopg2\nc = psycopg2.connect(D)\nc.readonly = True", "session-characteristics"),
        ("import psycopg\npsycopg.connect(D).cursor('n')", "cursor-in-autocommit"),
        ("import psycopg\npsycopg.connect(D).cursor('n', withhold=False)", "hold-cursor"),
        ("import pglock\npglock.advisory('x', xact=True)", "session-lock"),
        ("import asyncpg\nasyncpg.create_pool(D, reset=f)", "pool-reset"),
        ("import socket\nsocket.socket().notifies()", "notifications"),
        ("from m import A\nA.objects.all().iterator()", "hold-cursor"),
        (
            "from django.db import transaction\nfrom m import A\nimport django\nwith transaction.atomic():\n    A.objects.iterator()",
            "hold-cursor",
        ),
        ("if dialect == 'mysql':\n    import psycopg2\n    psycopg2.connect(D).reset()", "pool-reset"),
        ("OPTIONS = {'OPTIONS': {'assume_role': 'app'}}", "session-role"),
    ],
    ids=lambda value: str(value)[-50:],
)
def test_an_api_is_not_used_by(code: str, api: str) -> None:
    assert uses(code, api) == []


def test_a_condition_that_is_not_known_lowers_the_confidence() -> None:
    (use,) = uses("import psycopg\ndef f(h):\n    psycopg.connect(D).cursor('n', withhold=h)", "hold-cursor")
    assert use.confidence is LOW
    assert use.facts["withhold"] == "…"


# ---------------------------------------------------------------- the startup packet

STARTUP = {
    "options": (
        "import psycopg2\npsycopg2.connect(D, options='-c statement_timeout=5000')",
        [("statement_timeout", "5000")],
    ),
    "several options": (
        "import psycopg2\npsycopg2.connect(D, options='-cjit=off --work-mem=4MB -c search_path=a,b')",
        [("jit", "off"), ("work_mem", "4MB"), ("search_path", "a,b")],
    ),
    "an option with a hole": (
        "import psycopg\npsycopg.connect(D, options=f'-c search_path={s}')",
        [("search_path", "…")],
    ),
    "an escaped option": (
        r"import psycopg\npsycopg.connect(D, options='-c a.b=x\\ y')".replace(r"\n", "\n"),
        [("a.b", "x y")],
    ),
    "a URL": ("import psycopg2\npsycopg2.connect('postgresql://h/d?options=-c%20jit%3Doff')", [("jit", "off")]),
    "a connection string": ("import psycopg2\npsycopg2.connect(\"host=h options='-c jit=off'\")", [("jit", "off")]),
    "server settings": (
        "import asyncpg\nasyncpg.connect(D, server_settings={'jit': 'off', 'application_name': 'x'})",
        [("jit", "off"), ("application_name", "x")],
    ),
    "connect_args": (
        "from sqlalchemy import create_engine\ncreate_engine(U, connect_args={'options': '-c lock_timeout=1'})",
        [("lock_timeout", "1")],
    ),
    "a keyword": ("import psycopg2\npsycopg2.connect(D, application_name='x')", [("application_name", "x")]),
    "a pool": (
        "from psycopg_pool import ConnectionPool\nConnectionPool(D, kwargs={'options': '-c jit=off'})",
        [("jit", "off")],
    ),
    "Django": ("DATABASES = {'default': {'OPTIONS': {'options': '-c jit=off'}}}", [("jit", "off")]),
    "Django, set later": (
        "DATABASES = load()\nDATABASES['default']['OPTIONS'] = {'options': '-c jit=off'}",
        [("jit", "off")],
    ),
    "the environment": ("import os\nos.environ['PGOPTIONS'] = '-c jit=off'", [("jit", "off")]),
    "the environment of a process": ("run(env={'PGOPTIONS': '-c jit=off'})", [("jit", "off")]),
    "the environment by a call": ("import os\nos.environ.setdefault('PGOPTIONS', '-c jit=off')", [("jit", "off")]),
    "the environment by a keyword": ("env = dict(os.environ, PGOPTIONS='-c jit=off')", [("jit", "off")]),
}


@pytest.mark.parametrize(("code", "expected"), STARTUP.values(), ids=STARTUP.keys())
def test_a_parameter_is_sent_at_start_up_by(code: str, expected: list[tuple[str, str]]) -> None:
    found = uses(code, "startup-parameter")
    assert [(use.facts["name"], use.facts["value"]) for use in found] == expected


@pytest.mark.parametrize(
    ("code", "confidence"),
    [
        ("import psycopg2\ndef f(o):\n    psycopg2.connect(D, options=o)", LOW),
        ("import psycopg2\npsycopg2.connect(D, options='-x')", MEDIUM),
    ],
)
def test_options_that_cannot_be_read_are_said_as_a_whole(code: str, confidence: Confidence) -> None:
    (use,) = uses(code, "startup-options")
    assert use.confidence is confidence


def test_nothing_is_sent_by_default() -> None:
    seen = see("import psycopg2, asyncpg\npsycopg2.connect(D)\nasyncpg.connect(D, server_settings=x)\nx = 'PGOPTIONS'")
    assert [use for use in seen.uses if use.api.startswith("startup")] == []


def test_a_mapping_written_elsewhere_is_named_by_the_trail() -> None:
    code = "import psycopg\nk = {'prepare_threshold': 5}\ndef f():\n    from psycopg_pool import ConnectionPool\n    ConnectionPool(D, kwargs=k)"
    (use,) = uses(code, "named-prepare")
    assert [related.message for related in use.trail] == ["`kwargs` of the call"]


def test_an_assignment_to_an_attribute_of_something_else_is_none() -> None:
    assert see("import psycopg\nfrom m import thing\nthing.autocommit = True\nthing.prepare_threshold = 0").uses == ()


def test_a_use_in_a_file_named_after_another_database_is_left_alone() -> None:
    code = "from sqlalchemy.ext.asyncio import create_async_engine\ndef f(url):\n    create_async_engine(url)"
    assert uses(code, "named-prepare", "mysql.py") == []


def test_a_use_knows_its_route() -> None:
    (use,) = uses("import os, psycopg\npsycopg.connect(os.environ['DIRECT_URL'])", "named-prepare")
    assert use.route == ("DIRECT_URL",)


GINO = "import gino\nfrom gino import Gino\ndb = Gino()\n"


@pytest.mark.parametrize(
    ("code", "reasons"),
    [
        ("async def f():\n    await gino.create_engine(U)", ["statement_cache_size"]),
        ("async def f():\n    await db.set_bind(U)", ["statement_cache_size"]),
        ("async def f():\n    async with db.acquire() as conn:\n        await conn.prepare(Q)", ["prepare"]),
        ("async def f():\n    e = await gino.create_engine(U, statement_cache_size=0)\n    await e.scalar(Q)", []),
        ("async def f():\n    await db.scalar(Q)\n    await other.prepare(Q)", []),
    ],
)
def test_ginos_engine_is_a_pool_of_asyncpgs(code: str, reasons: list[str]) -> None:
    assert [use.facts["setting"] for use in uses(GINO + code, "named-prepare")] == reasons


def test_ginos_database_sends_sql_and_opens_transactions() -> None:
    code = f"{GINO}async def f():\n    await db.scalar('SET a = 1')\n    async with db.transaction():\n        await db.scalar('SET a = 2')"
    assert [(site.driver, site.transaction.kind.value) for site in see(code).sites] == [
        ("gino", "autocommit"),
        ("gino", "explicit"),
    ]
