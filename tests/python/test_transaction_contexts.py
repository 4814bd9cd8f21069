# ruff: noqa: E501 - a case is a line of code
"""The transaction that a statement runs in."""

from __future__ import annotations

import pytest

from tests.python.sighting import sent, the_site
from txsafe.model import Transaction, TransactionEnd
from txsafe.python.transactions import read_transaction_word

EXPLICIT, IMPLICIT, AUTOCOMMIT, UNKNOWN = (
    Transaction.EXPLICIT,
    Transaction.IMPLICIT,
    Transaction.AUTOCOMMIT,
    Transaction.UNKNOWN,
)
COMMIT, ROLLBACK, OPEN = TransactionEnd.COMMIT, TransactionEnd.ROLLBACK, TransactionEnd.UNKNOWN

CASES = {
    "psycopg by default": ("import psycopg\npsycopg.connect(D).execute('S')", IMPLICIT, OPEN),
    "psycopg's with": ("import psycopg\nwith psycopg.connect(D) as c:\n    c.execute('S')", IMPLICIT, COMMIT),
    "psycopg in autocommit": ("import psycopg\npsycopg.connect(D, autocommit=True).execute('S')", AUTOCOMMIT, OPEN),
    "psycopg in autocommit that is not known": (
        "import psycopg\ndef f(a):\n    psycopg.connect(D, autocommit=a).execute('S')",
        UNKNOWN,
        OPEN,
    ),
    "a block in autocommit": (
        "import psycopg\nc = psycopg.connect(D, autocommit=True)\nwith c.transaction():\n    c.execute('S')",
        EXPLICIT,
        COMMIT,
    ),
    "a block that is rolled back": (
        "import psycopg\nc = psycopg.connect(D)\nwith c.transaction(force_rollback=True):\n    c.execute('S')",
        EXPLICIT,
        ROLLBACK,
    ),
    "a block of another connection": (
        (
            "import psycopg\na = psycopg.connect(D, autocommit=True)\nb = psycopg.connect(D)\n"
            "with b.transaction():\n    a.execute('S')"
        ),
        AUTOCOMMIT,
        OPEN,
    ),
    "a block around a cursor": (
        "import psycopg\nwith psycopg.connect(D) as c, c.transaction(), c.cursor() as q:\n    q.execute('S')",
        EXPLICIT,
        COMMIT,
    ),
    "autocommit by attribute": (
        "import psycopg2\nc = psycopg2.connect(D)\nc.autocommit = True\nc.cursor().execute('S')",
        AUTOCOMMIT,
        OPEN,
    ),
    "autocommit by attribute, later": (
        "import psycopg2\ndef f():\n    c = psycopg2.connect(D)\n    c.cursor().execute('S')\n    c.autocommit = True",
        IMPLICIT,
        OPEN,
    ),
    "autocommit by attribute, and back": (
        "import psycopg2\nc = psycopg2.connect(D)\nc.autocommit = True\nc.autocommit = False\nc.cursor().execute('S')",
        IMPLICIT,
        OPEN,
    ),
    "autocommit by method": (
        "import psycopg2\nc = psycopg2.connect(D)\nc.set_session(autocommit=True)\nc.cursor().execute('S')",
        AUTOCOMMIT,
        OPEN,
    ),
    "autocommit by isolation level": (
        (
            "import psycopg2\nfrom psycopg2.extensions import ISOLATION_LEVEL_AUTOCOMMIT\n"
            "c = psycopg2.connect(D)\nc.set_isolation_level(ISOLATION_LEVEL_AUTOCOMMIT)\nc.cursor().execute('S')"
        ),
        AUTOCOMMIT,
        OPEN,
    ),
    "another isolation level": (
        (
            "import psycopg2\nfrom psycopg2.extensions import ISOLATION_LEVEL_SERIALIZABLE\n"
            "c = psycopg2.connect(D)\nc.set_isolation_level(ISOLATION_LEVEL_SERIALIZABLE)\nc.cursor().execute('S')"
        ),
        IMPLICIT,
        OPEN,
    ),
    "a block that commits, on a connection that is closed afterwards": (
        (
            "import psycopg2\ndef f():\n    c = psycopg2.connect(D)\n    try:\n"
            "        with c, c.cursor() as d:\n            d.execute('S')\n    finally:\n        c.close()"
        ),
        EXPLICIT,
        COMMIT,
    ),
    "a block in which the connection is rolled back": (
        "import psycopg2\ndef f():\n    c = psycopg2.connect(D)\n    with c:\n        c.cursor().execute('S')\n        c.rollback()",
        EXPLICIT,
        ROLLBACK,
    ),
    "a block after which another one is rolled back": (
        (
            "import psycopg\ndef f():\n    c = psycopg.connect(D)\n    with c.transaction():\n        c.execute('S')\n"
            "    c.rollback()\n    c.commit()"
        ),
        EXPLICIT,
        COMMIT,
    ),
    "autocommit set by the function that makes the connection": (
        (
            "import psycopg2\ndef make():\n    c = psycopg2.connect(D)\n    c.autocommit = True\n    return c\n"
            "def f():\n    c = make()\n    c.cursor().execute('S')\n"
        ),
        AUTOCOMMIT,
        OPEN,
    ),
    "autocommit set by another caller of the function that makes the connection": (
        (
            "import psycopg2\ndef make():\n    c = psycopg2.connect(D)\n    return c\n"
            "def g():\n    c = make()\n    c.autocommit = True\n"
            "def f():\n    c = make()\n    c.cursor().execute('S')\n"
        ),
        IMPLICIT,
        OPEN,
    ),
    "autocommit set in __init__": (
        (
            "import psycopg2\nclass A:\n    def __init__(self):\n        self.c = psycopg2.connect(D)\n"
            "        self.c.autocommit = True\n    def f(self):\n        self.c.cursor().execute('S')"
        ),
        AUTOCOMMIT,
        OPEN,
    ),
    "autocommit set by one method and reset by another": (
        (
            "import psycopg2\nclass A:\n    def __init__(self):\n        self.c = psycopg2.connect(D)\n"
            "    def a(self):\n        self.c.autocommit = True\n    def b(self):\n        self.c.autocommit = False\n"
            "    def f(self):\n        self.c.cursor().execute('S')"
        ),
        UNKNOWN,
        OPEN,
    ),
    "another setting of the session": (
        "import psycopg2\nc = psycopg2.connect(D)\nc.set_session(readonly=True)\nc.cursor().execute('S')",
        IMPLICIT,
        OPEN,
    ),
    "psycopg2's with": (
        "import psycopg2\nc = psycopg2.connect(D)\nc.autocommit = True\nwith c:\n    c.cursor().execute('S')",
        EXPLICIT,
        COMMIT,
    ),
    "a commit afterwards": (
        "import psycopg2\nc = psycopg2.connect(D)\nc.cursor().execute('S')\nc.commit()",
        IMPLICIT,
        COMMIT,
    ),
    "closed without commit": (
        "import psycopg2\nc = psycopg2.connect(D)\nc.cursor().execute('S')\nc.close()",
        IMPLICIT,
        ROLLBACK,
    ),
    "a commit and a rollback afterwards": (
        "import psycopg2\nc = psycopg2.connect(D)\ntry:\n    c.cursor().execute('S')\nexcept E:\n    c.rollback()\nc.commit()",
        IMPLICIT,
        COMMIT,
    ),
    "psycopg handed in": ("import psycopg\ndef f(c: psycopg.Connection):\n    c.execute('S')", UNKNOWN, OPEN),
    "a pool": (
        (
            "import psycopg_pool\np = psycopg_pool.ConnectionPool(D, kwargs={'autocommit': True})\n"
            "with p.connection() as c:\n    c.execute('S')"
        ),
        AUTOCOMMIT,
        OPEN,
    ),
    "asyncpg": (
        "import asyncpg\nasync def f():\n    c = await asyncpg.connect(D)\n    await c.execute('S')",
        AUTOCOMMIT,
        OPEN,
    ),
    "asyncpg handed in": (
        "import asyncpg\nasync def f(c: asyncpg.Connection):\n    await c.execute('S')",
        UNKNOWN,
        OPEN,
    ),
    "asyncpg's block": (
        "import asyncpg\nasync def f(c: asyncpg.Connection):\n    async with c.transaction():\n        await c.execute('S')",
        EXPLICIT,
        COMMIT,
    ),
    "a block started by hand": (
        (
            "import asyncpg\nasync def f():\n    c = await asyncpg.connect(D)\n    t = c.transaction()\n"
            "    await t.start()\n    await c.execute('S')"
        ),
        EXPLICIT,
        OPEN,
    ),
    "a block opened by another method": (
        (
            "import asyncpg\nclass A:\n    async def __aenter__(self):\n        self.c = await asyncpg.connect(D)\n"
            "    async def f(self):\n        await self.c.execute('S')\n"
            "    async def g(self):\n        async with self.c.transaction():\n            await self.f()"
        ),
        UNKNOWN,
        OPEN,
    ),
    "engine.begin": (
        "from sqlalchemy import create_engine, text\nwith create_engine(U).begin() as c:\n    c.execute(text('S'))",
        EXPLICIT,
        COMMIT,
    ),
    "engine.connect": (
        "from sqlalchemy import create_engine, text\nwith create_engine(U).connect() as c:\n    c.execute(text('S'))",
        IMPLICIT,
        ROLLBACK,
    ),
    "engine.connect and commit": (
        "from sqlalchemy import create_engine, text\nwith create_engine(U).connect() as c:\n    c.execute(text('S'))\n    c.commit()",
        IMPLICIT,
        COMMIT,
    ),
    "an engine in AUTOCOMMIT": (
        (
            "from sqlalchemy import create_engine, text\ne = create_engine(U, isolation_level='AUTOCOMMIT')\n"
            "with e.connect() as c:\n    c.execute(text('S'))"
        ),
        AUTOCOMMIT,
        OPEN,
    ),
    "begin in AUTOCOMMIT sends nothing": (
        (
            "from sqlalchemy import create_engine, text\ne = create_engine(U, isolation_level='AUTOCOMMIT')\n"
            "with e.begin() as c:\n    c.execute(text('S'))"
        ),
        AUTOCOMMIT,
        OPEN,
    ),
    "begin in an isolation level that is not known": (
        (
            "from sqlalchemy import create_engine, text\ndef f(l):\n    e = create_engine(U, isolation_level=l)\n"
            "    with e.begin() as c:\n        c.execute(text('S'))"
        ),
        UNKNOWN,
        OPEN,
    ),
    "execution options": (
        (
            "from sqlalchemy import create_engine, text\n"
            "with create_engine(U).connect().execution_options(isolation_level='AUTOCOMMIT') as c:\n    c.execute(text('S'))"
        ),
        AUTOCOMMIT,
        OPEN,
    ),
    "a session handed in": (
        "from sqlalchemy import text\nfrom sqlalchemy.orm import Session\ndef f(s: Session):\n    s.execute(text('S'))",
        IMPLICIT,
        OPEN,
    ),
    "a session's begin": (
        (
            "from sqlalchemy import text\nfrom sqlalchemy.orm import Session\ndef f(s: Session):\n"
            "    with s.begin():\n        s.execute(text('S'))"
        ),
        EXPLICIT,
        COMMIT,
    ),
    "a factory's begin": (
        (
            "from sqlalchemy import text\nfrom sqlalchemy.orm import sessionmaker\nM = sessionmaker()\n"
            "with M.begin() as s:\n    s.execute(text('S'))"
        ),
        EXPLICIT,
        COMMIT,
    ),
    "a factory in AUTOCOMMIT": (
        (
            "from sqlalchemy import create_engine, text\nfrom sqlalchemy.orm import sessionmaker\n"
            "M = sessionmaker(create_engine(U, isolation_level='AUTOCOMMIT'))\nwith M() as s:\n    s.execute(text('S'))"
        ),
        AUTOCOMMIT,
        OPEN,
    ),
    "a context manager of the file": (
        (
            "from contextlib import contextmanager\nfrom sqlalchemy import create_engine, text\ne = create_engine(U)\n"
            "@contextmanager\ndef scope():\n    with e.begin() as c:\n        yield c\n"
            "def f():\n    with scope() as c:\n        c.execute(text('S'))"
        ),
        EXPLICIT,
        COMMIT,
    ),
    "alembic": ("from alembic import op\ndef upgrade():\n    op.execute('S')", EXPLICIT, COMMIT),
    "alembic's autocommit block": (
        "from alembic import op\ndef upgrade():\n    with op.get_context().autocommit_block():\n        op.execute('S')",
        AUTOCOMMIT,
        OPEN,
    ),
    "Django": (
        "from django.db import connection\nwith connection.cursor() as c:\n    c.execute('S')",
        AUTOCOMMIT,
        OPEN,
    ),
    "Django's atomic": (
        "from django.db import connection, transaction\nwith transaction.atomic():\n    connection.cursor().execute('S')",
        EXPLICIT,
        COMMIT,
    ),
    "Django's atomic around a cursor handed in": (
        "from django.db import transaction\ndef f(cursor):\n    with transaction.atomic():\n        cursor.execute('SELECT 1')",
        EXPLICIT,
        COMMIT,
    ),
    "Django's atomic as a decorator": (
        (
            "from django.db import connection\nfrom django.db.transaction import atomic\n@atomic\ndef f():\n"
            "    connection.cursor().execute('S')"
        ),
        EXPLICIT,
        COMMIT,
    ),
    "Django's atomic as a decorator with arguments": (
        (
            "from django.db import connection, transaction\n@transaction.atomic(using='x')\ndef f():\n"
            "    connection.cursor().execute('S')"
        ),
        EXPLICIT,
        COMMIT,
    ),
    "Django handed in": ("import django\ndef f(cursor):\n    cursor.execute('SELECT 1')", UNKNOWN, OPEN),
    "a Django migration": (
        "from django.db import migrations\nclass Migration(migrations.Migration):\n    operations = [migrations.RunSQL('S')]",
        EXPLICIT,
        COMMIT,
    ),
    "a Django migration that is not atomic": (
        (
            "from django.db import migrations\nclass Migration(migrations.Migration):\n    x = 1\n    atomic = False\n"
            "    operations = [migrations.RunSQL('S')]"
        ),
        AUTOCOMMIT,
        OPEN,
    ),
    "a function of a Django migration": (
        (
            "from django.db import connection, migrations\ndef forwards(apps, schema_editor):\n"
            "    connection.cursor().execute('S')\nclass Migration(migrations.Migration): ..."
        ),
        EXPLICIT,
        COMMIT,
    ),
    "an engine out of AUTOCOMMIT": (
        (
            "from sqlalchemy import create_engine, text\ne = create_engine(U, isolation_level='AUTOCOMMIT')\n"
            "with e.connect().execution_options(isolation_level='READ COMMITTED') as c:\n    c.execute(text('S'))"
        ),
        IMPLICIT,
        ROLLBACK,
    ),
    "execution options in place": (
        (
            "from sqlalchemy import create_engine, text\nwith create_engine(U).connect() as c:\n"
            "    c.execution_options(isolation_level='AUTOCOMMIT')\n    c.execute(text('S'))"
        ),
        AUTOCOMMIT,
        OPEN,
    ),
    "execution options of another engine": (
        (
            "from sqlalchemy import create_engine, text\ne = create_engine(U)\na = e.execution_options(isolation_level='AUTOCOMMIT')\n"
            "with e.connect() as c:\n    c.execute(text('S'))"
        ),
        IMPLICIT,
        ROLLBACK,
    ),
    "a session's connection in AUTOCOMMIT": (
        (
            "from sqlalchemy import create_engine, text\nfrom sqlalchemy.orm import Session\ns = Session(create_engine(U))\n"
            "s.connection(execution_options={'isolation_level': 'AUTOCOMMIT'})\ns.execute(text('S'))"
        ),
        AUTOCOMMIT,
        OPEN,
    ),
    "a savepoint": (
        "from sqlalchemy import create_engine, text\nwith create_engine(U).connect() as c, c.begin_nested():\n    c.execute(text('S'))",
        EXPLICIT,
        COMMIT,
    ),
    "a transaction of an object, committed": (
        (
            "from sqlalchemy import create_engine, text\nc = create_engine(U).connect()\nt = c.begin()\n"
            "c.execute(text('S'))\nt.commit()"
        ),
        IMPLICIT,
        COMMIT,
    ),
    "a block of asyncpg that was committed before": (
        (
            "import asyncpg\nasync def f():\n    c = await asyncpg.connect(D)\n    t = c.transaction()\n"
            "    await t.start()\n    await t.commit()\n    await c.execute('S')"
        ),
        AUTOCOMMIT,
        OPEN,
    ),
    "Django out of autocommit": (
        "from django.db import connection, transaction\ntransaction.set_autocommit(False)\nconnection.cursor().execute('S')",
        IMPLICIT,
        OPEN,
    ),
    "Django's connection out of autocommit": (
        "from django.db import connection\nconnection.set_autocommit(False)\nconnection.cursor().execute('S')\nconnection.commit()",
        IMPLICIT,
        COMMIT,
    ),
    "Django out of autocommit, and back": (
        (
            "from django.db import connection, transaction\ntransaction.set_autocommit(False)\n"
            "transaction.set_autocommit(True)\nconnection.cursor().execute('S')"
        ),
        AUTOCOMMIT,
        OPEN,
    ),
    "psycopg2 by the number of a level": (
        "import psycopg2\nc = psycopg2.connect(D)\nc.set_isolation_level(0)\nc.cursor().execute('S')",
        AUTOCOMMIT,
        OPEN,
    ),
    "psycopg by an awaited method": (
        (
            "import psycopg\nasync def f():\n    c = await psycopg.AsyncConnection.connect(D)\n"
            "    await c.set_autocommit(True)\n    await c.execute('S')"
        ),
        AUTOCOMMIT,
        OPEN,
    ),
    "alembic's bind in AUTOCOMMIT": (
        (
            "from alembic import op\nimport sqlalchemy as sa\ndef upgrade():\n"
            "    c = op.get_bind().execution_options(isolation_level='AUTOCOMMIT')\n    c.execute(sa.text('S'))"
        ),
        AUTOCOMMIT,
        OPEN,
    ),
    "BEGIN and COMMIT": (
        "import psycopg\nc = psycopg.connect(D, autocommit=True)\nc.execute('BEGIN')\nc.execute('S')\nc.execute('COMMIT')",
        EXPLICIT,
        COMMIT,
    ),
    "BEGIN and ROLLBACK": (
        "import psycopg\nc = psycopg.connect(D, autocommit=True)\nc.execute('BEGIN')\nc.execute('S')\nc.execute('ROLLBACK;')",
        EXPLICIT,
        ROLLBACK,
    ),
    "BEGIN alone": (
        "import psycopg\nc = psycopg.connect(D, autocommit=True)\nc.execute('BEGIN')\nc.execute('S')",
        EXPLICIT,
        OPEN,
    ),
    "after COMMIT": (
        "import psycopg\nc = psycopg.connect(D, autocommit=True)\nc.execute('BEGIN')\nc.execute('COMMIT')\nc.execute('S')",
        AUTOCOMMIT,
        OPEN,
    ),
    "BEGIN on another connection": (
        (
            "import psycopg\nc = psycopg.connect(D, autocommit=True)\nd = psycopg.connect(D, autocommit=True)\n"
            "d.execute('BEGIN')\nc.execute('S')"
        ),
        AUTOCOMMIT,
        OPEN,
    ),
    "BEGIN within psycopg2's with": (
        "import psycopg\nwith psycopg.connect(D) as c:\n    c.execute('BEGIN')\n    c.execute('S')",
        EXPLICIT,
        OPEN,
    ),
}


@pytest.mark.parametrize(("code", "kind", "end"), CASES.values(), ids=CASES.keys())
def test_the_transaction_is(code: str, kind: Transaction, end: TransactionEnd) -> None:
    site = next(site for site in sent(code) if site.template.text in {"S", "SELECT 1"})
    assert (site.transaction.kind, site.transaction.end) == (kind, end)


def blocks(code: str) -> list[str | None]:
    return [site.transaction.block for site in sent(code)]


def test_two_statements_of_one_block_share_it() -> None:
    first, second = blocks(
        "import psycopg\nc = psycopg.connect(D)\nwith c.transaction():\n    c.execute('A')\n    c.execute('B')"
    )
    assert first is not None
    assert first == second


def test_two_blocks_are_told_apart() -> None:
    first, second = blocks(
        "import psycopg\nc = psycopg.connect(D)\nwith c.transaction():\n    c.execute('A')\n"
        "with c.transaction():\n    c.execute('B')"
    )
    assert first != second


def test_a_commit_splits_the_implicit_transaction() -> None:
    first, second, third = blocks(
        "import psycopg2\nc = psycopg2.connect(D)\nq = c.cursor()\nq.execute('A')\nq.execute('B')\nc.commit()\nq.execute('C')"
    )
    assert first == second
    assert second != third


def test_statements_in_autocommit_share_no_block() -> None:
    assert blocks("import asyncpg\nasync def f():\n    c = await asyncpg.connect(D)\n    await c.execute('A')") == [
        None
    ]


def test_a_block_names_where_it_is_opened() -> None:
    site = the_site("import psycopg\nc = psycopg.connect(D)\nwith c.transaction():\n    c.execute('S')")
    assert site.transaction.opened is not None


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("BEGIN", (True, OPEN)),
        (" begin isolation level serializable;", (True, OPEN)),
        ("START TRANSACTION READ ONLY", (True, OPEN)),
        ("BEGIN; SELECT 1; COMMIT", None),
        ("COMMIT", (False, COMMIT)),
        ("END;", (False, COMMIT)),
        ("ROLLBACK", (False, ROLLBACK)),
        ("ABORT", (False, ROLLBACK)),
        ("ROLLBACK TO SAVEPOINT a", None),
        ("COMMIT PREPARED 'x'", None),
        ("SELECT 1", None),
    ],
)
def test_a_text_opens_or_ends_a_transaction(text: str, word: tuple[bool, TransactionEnd] | None) -> None:
    assert read_transaction_word(text) == word
