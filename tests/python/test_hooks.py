# ruff: noqa: E501 - a case is a line or two of code
"""Functions that drivers call: what they are given, and when they run."""

from __future__ import annotations

import pytest

from tests.test_driver_facts import judge, rules
from txsafe.model import Confidence

ENGINE = "from sqlalchemy import create_engine, event, text\nengine = create_engine('postgresql+psycopg2://h/d')\n"
PSYCOPG = "from sqlalchemy import create_engine, event\nengine = create_engine('postgresql+psycopg://h/d')\n"
ASYNCPG = "import asyncpg\nasync def hook(x):\n    await x.execute('{}')\nasync def f():\n    await asyncpg.create_pool(D, statement_cache_size=0, reset={}{})\n"
POOL = "from psycopg_pool import ConnectionPool\ndef hook(x):\n    {}\npool = ConnectionPool(D, kwargs={{'prepare_threshold': None}}, {}=hook)\n"

RUNS = {
    "a decorator": (
        ENGINE + "@event.listens_for(engine, 'connect')\ndef f(x, record):\n    x.cursor().execute('SET a.b = 1')\n",
        "runs on the event connect",
    ),
    "a class of engines": (
        ENGINE
        + "from sqlalchemy.engine import Engine\n@event.listens_for(Engine, 'checkout')\ndef f(x, r, p):\n    x.cursor().execute('SET a.b = 1')\n",
        "runs on the event checkout",
    ),
    "a call": (
        ENGINE + "def f(x):\n    x.exec_driver_sql('SET a.b = 1')\nevent.listen(engine, 'begin', f)\n",
        "runs on the event begin",
    ),
    "the third parameter": (
        ENGINE
        + "from sqlalchemy.orm import Session\n@event.listens_for(Session, 'after_begin')\ndef f(s, t, x):\n    x.execute(text('SET a.b = 1'))\n",
        "runs on the event after_begin",
    ),
    "asyncpg's init": (ASYNCPG.format("SET a.b = 1", "noop", ", init=hook"), "runs as `init`"),
    "asyncpg's setup": (ASYNCPG.format("SET a.b = 1", "noop", ", setup=hook"), "runs as `setup`"),
    "asyncpg's reset": (ASYNCPG.format("SET a.b = 1", "hook", ""), "runs as `reset`"),
    "a lambda": (
        "import asyncpg\nasync def f():\n    await asyncpg.create_pool(D, statement_cache_size=0, reset=noop, init=lambda x: x.execute('SET a.b = 1'))\n",
        "runs as `init`",
    ),
    "psycopg's configure": (POOL.format("x.execute('SET a.b = 1')", "configure"), "runs as `configure`"),
    "psycopg's reset": (POOL.format("x.execute('SET a.b = 1')", "reset"), "runs as `reset`"),
    "Django's signal": (
        "from django.db.backends.signals import connection_created\ndef f(sender, connection, **kw):\n    connection.cursor().execute('SET a.b = 1')\nconnection_created.connect(f)\n",
        "runs as `receiver`",
    ),
}


@pytest.mark.parametrize(("code", "label"), RUNS.values(), ids=RUNS.keys())
def test_a_hook_is_known_by(code: str, label: str) -> None:
    (found,) = (each for each in judge(code) if each.rule == "session-set")
    assert found.confidence is Confidence.HIGH
    assert label in [related.message for related in found.related]


QUIET = {
    "SET LOCAL when a transaction begins": ENGINE
    + "@event.listens_for(engine, 'begin')\ndef f(conn):\n    conn.exec_driver_sql('SET LOCAL a.b = 1')\n",
    "SET LOCAL after a session's begin": ENGINE
    + "from sqlalchemy.orm import Session\n@event.listens_for(Session, 'after_begin')\ndef f(s, t, conn):\n    conn.execute(text('SET LOCAL a.b = 1'))\n",
    "a codec": "import asyncpg\nasync def hook(conn):\n    await conn.set_type_codec('json', encoder=e, decoder=d, schema='pg_catalog')\nasync def f():\n    await asyncpg.create_pool(D, statement_cache_size=0, reset=noop, init=hook)\n",
    "a check": "from psycopg_pool import ConnectionPool\nConnectionPool(D, kwargs={'prepare_threshold': None}, check=ConnectionPool.check_connection)\n",
    "a function of the same name": "def connect(x):\n    x.run('SET a.b = 1')\n",
    "a method": "class A:\n    def hook(self, x):\n        x.notify('a')\n    def f(self):\n        signal.connect(self.hook)\n",
}


@pytest.mark.parametrize("code", QUIET.values(), ids=QUIET.keys())
def test_nothing_is_wrong_with(code: str) -> None:
    assert rules(code) == set()


def test_set_local_in_setup_has_no_effect() -> None:
    assert rules(ASYNCPG.format("SET LOCAL a.b = 1", "noop", ", setup=hook")) == {"set-local-outside-transaction"}


OFF = {
    "an event": PSYCOPG
    + "@event.listens_for(engine, 'connect')\ndef f(conn, record):\n    conn.prepare_threshold = None\n",
    "configure": "from psycopg_pool import ConnectionPool\ndef hook(conn):\n    conn.prepare_threshold = None\nConnectionPool(D, configure=hook)\n",
    "a creator": "import psycopg\nfrom sqlalchemy import create_engine\ndef make():\n    return psycopg.connect(D, prepare_threshold=None)\ncreate_engine('postgresql+psycopg://', creator=make)\n",
}


@pytest.mark.parametrize("code", OFF.values(), ids=OFF.keys())
def test_prepared_statements_can_be_turned_off_by(code: str) -> None:
    assert judge(code) == ()


def test_what_a_creator_does_is_seen() -> None:
    code = "import psycopg\nfrom sqlalchemy import create_engine\ndef make():\n    return psycopg.connect(D, options='-c jit=off')\ncreate_engine('postgresql+psycopg://', creator=make)\n"
    assert rules(code) == {"driver-prepare", "startup-parameter"}


def test_another_value_turns_nothing_off() -> None:
    code = PSYCOPG + "@event.listens_for(engine, 'connect')\ndef f(conn, record):\n    conn.prepare_threshold = 3\n"
    assert rules(code) == {"driver-prepare"}
