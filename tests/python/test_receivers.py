# ruff: noqa: E501 - a case is a line of code
"""Which object of which driver a receiver is, and how sure that is."""

from __future__ import annotations

import pytest

from tests.python.sighting import see, sent, the_site
from txsafe.model import Confidence

KNOWN = {
    "an imported factory": """
        import psycopg
        conn = psycopg.connect(D, prepare_threshold=None)
        conn.execute("LISTEN x")
    """,
    "a factory under another name": """
        from psycopg2 import connect as open_it
        c = open_it(D)
        q = c.cursor()
        q.execute("LISTEN x")
    """,
    "a chain": """
        import psycopg2
        psycopg2.connect(D).cursor().execute("LISTEN x")
    """,
    "an annotation": """
        import asyncpg
        async def f(thing: asyncpg.Connection):
            await thing.execute("LISTEN x")
    """,
    "a cast": """
        from typing import cast
        import psycopg
        def f(self):
            thing = cast(psycopg.Connection, self.thing)
            thing.execute("LISTEN x")
    """,
    "an annotation in quotes": """
        import asyncpg
        async def f(thing: "asyncpg.Connection | None"):
            await thing.execute("LISTEN x")
    """,
    "an optional annotation": """
        from typing import Annotated, Optional
        from sqlalchemy.orm import Session
        def f(thing: Annotated[Optional[Session], 1]):
            thing.execute(text("LISTEN x"))
        from sqlalchemy import text
    """,
    "an alias of an annotation": """
        from typing import Annotated
        from sqlalchemy.ext.asyncio import AsyncSession
        from sqlalchemy import text
        Db = Annotated[AsyncSession, Depends(get)]
        async def f(thing: Db):
            await thing.execute(text("LISTEN x"))
    """,
    "a union": """
        from typing import Union
        import asyncpg
        async def f(thing: Union[asyncpg.Pool, asyncpg.Connection]):
            await thing.execute("LISTEN x")
    """,
    "a with statement": """
        from psycopg_pool import ConnectionPool
        pool = ConnectionPool(D, kwargs={"prepare_threshold": None})
        with pool.connection() as c, c.cursor() as q:
            q.execute("LISTEN x")
    """,
    "an async with statement": """
        import asyncpg
        async def f():
            p = await asyncpg.create_pool(D)
            async with p.acquire() as c:
                await c.execute("LISTEN x")
    """,
    "an attribute set in __init__": """
        import psycopg
        class Worker:
            def __init__(self):
                self._c = psycopg.connect(D)
            def run(self):
                self._c.execute("LISTEN x")
    """,
    "an annotated attribute": """
        import psycopg
        class Worker:
            link: psycopg.Connection
            def run(self):
                self.link.execute("LISTEN x")
    """,
    "a property": """
        import psycopg
        class Worker:
            @property
            def link(self):
                return psycopg.connect(D)
            def run(self):
                self.link.execute("LISTEN x")
    """,
    "a method of an instance": """
        import psycopg
        class Db:
            def link(self) -> psycopg.Connection:
                return self.x
        def run(db: Db):
            db.link().execute("LISTEN x")
    """,
    "a function that returns it": """
        import psycopg
        def link():
            return psycopg.connect(D)
        link().execute("LISTEN x")
    """,
    "a function whose annotation says so": """
        import psycopg
        from typing import Iterator
        def link() -> Iterator[psycopg.Connection]:
            yield make()
        def run():
            for c in link():
                c.execute("LISTEN x")
    """,
    "a lambda": """
        import psycopg
        link = lambda: psycopg.connect(D)
        link().execute("LISTEN x")
    """,
    "a fixture": """
        import psycopg, pytest
        @pytest.fixture
        def thing():
            with psycopg.connect(D) as c:
                yield c
        def test_it(thing):
            thing.execute("LISTEN x")
    """,
    "a default": """
        import psycopg
        link = psycopg.connect(D)
        def run(c=link):
            c.execute("LISTEN x")
    """,
    "a derived class": """
        import psycopg2.extensions
        class Cursor(psycopg2.extensions.cursor):
            def run(self):
                self.execute("LISTEN x")
    """,
    "a class derived from a derived class": """
        import psycopg2.extensions
        class A(psycopg2.extensions.cursor): ...
        class B(A):
            def run(self):
                self.execute("LISTEN x")
    """,
    "either of two": """
        import psycopg
        def run(flag):
            c = psycopg.connect(D) if flag else psycopg.connect(E)
            c.execute("LISTEN x")
    """,
    "or": """
        import psycopg
        def run(given=None):
            (given or psycopg.connect(D)).execute("LISTEN x")
    """,
    "handed on": """
        from contextlib import closing
        import psycopg2
        with closing(psycopg2.connect(D)) as c:
            with closing(c.cursor()) as q:
                q.execute("LISTEN x")
    """,
    "part of a tuple": """
        import psycopg
        a, b = 1, psycopg.connect(D)
        b.execute("LISTEN x")
    """,
    "a walrus": """
        import psycopg
        if (c := psycopg.connect(D)):
            c.execute("LISTEN x")
    """,
    "Django's connection": """
        from django.db import connection
        with connection.cursor() as c:
            c.execute("LISTEN x")
    """,
    "one of Django's connections": """
        from django.db import connections
        connections["replica"].cursor().execute("LISTEN x")
    """,
    "alembic's op": """
        from alembic import op
        op.execute("LISTEN x")
    """,
    "alembic's bind": """
        import sqlalchemy as sa
        from alembic import op
        op.get_bind().execute(sa.text("LISTEN x"))
    """,
    "Flask-SQLAlchemy's session": """
        from flask_sqlalchemy import SQLAlchemy
        from sqlalchemy import text
        db = SQLAlchemy()
        def f():
            db.session.execute(text("LISTEN x"))
    """,
    "a session factory": """
        from sqlalchemy import create_engine, text
        from sqlalchemy.orm import sessionmaker
        Session = sessionmaker(bind=create_engine(URL))
        def f():
            with Session() as s:
                s.execute(text("LISTEN x"))
    """,
    "a raw connection": """
        from sqlalchemy import create_engine
        engine = create_engine(URL)
        engine.raw_connection().cursor().execute("LISTEN x")
    """,
    "a cursor class": """
        import psycopg
        psycopg.ServerCursor(psycopg.connect(D), "name").execute("LISTEN x")
    """,
    "a method of what a function returns": """
        import psycopg
        class Db:
            def link(self):
                return psycopg.connect(D)
        def db():
            return Db()
        db().link().execute("LISTEN x")
    """,
    "a type without a described constructor": """
        import psycopg
        psycopg.Connection(pgconn).execute("LISTEN x")
    """,
    "a variable's annotation": """
        import psycopg
        from m import make
        thing: psycopg.Connection = make()
        thing.execute("LISTEN x")
    """,
    "a quoted annotation of a class of the file": """
        import psycopg2.extensions
        class C(psycopg2.extensions.cursor): ...
        def f(thing: "C"):
            thing.execute("LISTEN x")
    """,
    "a generic annotation": """
        from sqlalchemy.orm import scoped_session, Session
        from sqlalchemy import text
        def f(thing: scoped_session[Session]):
            thing.execute(text("LISTEN x"))
    """,
    "a class method": """
        import psycopg
        async def f():
            c = await psycopg.AsyncConnection.connect(D)
            await c.execute("LISTEN x")
    """,
}


@pytest.mark.parametrize("code", KNOWN.values(), ids=KNOWN.keys())
def test_a_receiver_is_known_by(code: str) -> None:
    site = the_site(code)
    assert site.template.text == "LISTEN x"
    assert site.driver is not None
    assert site.confidence is Confidence.HIGH


GUESSED = {
    "a parameter's name": ("import psycopg\ndef f(conn):\n    conn.execute('LISTEN x')", "psycopg"),
    "an attribute's name": ("import asyncpg\ndef f(a):\n    a._connection.execute('LISTEN x')", "asyncpg"),
    "the last word of a name": (
        "import psycopg2\ndef f(write_cursor):\n    write_cursor.execute('LISTEN x')",
        "psycopg2",
    ),
    "a function's name": ("import psycopg2\nfrom a import get_cursor\nget_cursor().execute('LISTEN x')", "psycopg2"),
    "a method called cursor": ("from a import thing\nthing.cursor().execute('LISTEN x')", None),
    "a name in a file without drivers": ("def f(cur):\n    cur.execute('LISTEN x')", None),
    "a name in a file with two drivers": (
        "import psycopg, sqlalchemy\ndef f(conn):\n    conn.execute('LISTEN x')",
        None,
    ),
    "the method alone": ("from a import thing\nthing.execute('LISTEN x')", None),
    "an attribute of a call": ("import psycopg\nfrom a import b\nb().x.y.conn.execute('LISTEN x')", "psycopg"),
    "a long chain of attributes": (
        "import psycopg\nfrom a import b\nb.c.d.e.f.g.h.i.conn.execute('LISTEN x')",
        "psycopg",
    ),
    "part of what a call returns": (
        "import psycopg\nfrom a import b\nx, conn = b()\nconn.execute('LISTEN x')",
        "psycopg",
    ),
    "an item of something": ("import psycopg\nfrom a import b\nb[0].conn.execute('LISTEN x')", "psycopg"),
    "a lambda's parameter": ("import psycopg\nf = lambda conn: conn.execute('LISTEN x')", "psycopg"),
    "a relative import": ("import psycopg\nfrom . import conn\nconn.execute('LISTEN x')", "psycopg"),
    "a method of a class of its own": ("class A:\n    def f(self):\n        self.execute('LISTEN x')", None),
}


@pytest.mark.parametrize(("code", "driver"), GUESSED.values(), ids=GUESSED.keys())
def test_a_receiver_is_guessed_by(code: str, driver: str | None) -> None:
    site = the_site(code)
    assert site.driver == driver
    assert site.confidence is Confidence.MEDIUM


OTHERS = {
    "another database's driver": "import sqlite3\nsqlite3.connect(P).execute('SET a = 1')",
    "a guess beside another database's driver": "import pymysql\ndef f(conn):\n    conn.execute('SET a = 1')",
    "a cursor of it": "import sqlite3\nc = sqlite3.connect(P).cursor()\nc.execute('SET a = 1')",
    "an annotation": "import aiosqlite\ndef f(conn: aiosqlite.Connection):\n    conn.execute('SET a = 1')",
    "a quoted annotation": "import aiosqlite\ndef f(conn: 'aiosqlite.Connection'):\n    conn.execute('SET a = 1')",
    "an attribute": "import duckdb\nclass A:\n    def __init__(self):\n        self.conn = duckdb.connect()\n"
    "    def f(self):\n        self.conn.execute('SET a = 1')",
    "a derived class": "import snowflake.connector\nclass A(snowflake.connector.Cursor):\n    def f(self):\n        self.execute('SET a = 1')",
    "an attribute of it": "import sqlite3\nsqlite3.connect(P).x.execute('SET a = 1')",
    "something that is no database": "import redis\nredis.Redis().execute('LISTEN x')",
    "an item of it": "import pymongo\npymongo.MongoClient()['db'].execute('SET a = 1')",
}


@pytest.mark.parametrize("code", OTHERS.values(), ids=OTHERS.keys())
def test_nothing_is_said_of(code: str) -> None:
    assert sent(code) == []


def test_a_receiver_that_may_be_another_database_is_less_sure() -> None:
    code = """
        import psycopg, sqlite3
        def f(flag):
            c = psycopg.connect(D) if flag else sqlite3.connect(P)
            c.execute("LISTEN x")
    """
    assert the_site(code).confidence is Confidence.MEDIUM


def test_a_method_of_unknown_make_needs_a_text_that_is_evidently_sql() -> None:
    seen = see("from a import thing\nthing.execute('run fast')\nthing.execute(command)\nthing.fetch('/users')")
    assert seen.sites == ()
    assert seen.unresolved == ()
    assert seen.sinks == 0


@pytest.mark.parametrize(
    ("dsn", "route"),
    [
        ('os.environ["DIRECT_URL"]', ("DIRECT_URL",)),
        ('os.getenv("DIRECT_URL")', ("DIRECT_URL",)),
        ('str(os.environ["DIRECT_URL"])', ("DIRECT_URL",)),
        ("settings.DIRECT_URL", ("DIRECT_URL",)),
        ("settings.direct_url", ("direct_url",)),
        ("DIRECT_URL", ("DIRECT_URL",)),
        ("elsewhere", ("elsewhere",)),
        ('"postgresql://app@db/shop"', ()),
        ('f"{a}?b=c"', ("a",)),
        ("a + b", ("a", "b")),
    ],
)
def test_a_route_is_the_name_of_the_connections_source(dsn: str, route: tuple[str, ...]) -> None:
    code = f"import os, psycopg\nfrom c import *\nc = psycopg.connect({dsn}, prepare_threshold=None)\nc.execute('LISTEN x')"
    assert the_site(code).route == route


def test_a_route_is_followed_through_a_variable() -> None:
    code = "import os, psycopg\nurl = os.environ['DIRECT_URL']\npsycopg.connect(url).execute('LISTEN x')"
    assert the_site(code).route == ("url", "DIRECT_URL")


def test_a_route_is_djangos_alias() -> None:
    code = "from django.db import connections\nconnections['replica'].cursor().execute('LISTEN x')"
    assert the_site(code).route == ("replica",)


@pytest.mark.parametrize(
    "code",
    [
        "a = a\na.execute('SELECT 1')",
        "class A(A): ...\nA().execute('SELECT 1')",
        "def f():\n    return f()\nf().execute('SELECT 1')",
        "conn" + ".cursor()" * 400 + ".execute('SELECT 1')",
        "def f(x: 'list['): x.execute('SELECT 1')",
        "def f(x: '" + "a" * 300 + "'): x.execute('SELECT 1')",
        "def f(x: 1): x.execute('SELECT 1')",
        "X = X | X\ndef f(x: X): x.execute('SELECT 1')",
        "def f(x: " + "list[" * 60 + "int" + "]" * 60 + "): x.execute('SELECT 1')",
    ],
    ids=lambda code: code[:30],
)
def test_what_goes_in_circles_comes_to_an_end(code: str) -> None:
    see(code)
