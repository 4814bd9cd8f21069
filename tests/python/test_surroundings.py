# ruff: noqa: E501 - a case is a line of code
"""The transaction that a function's callers hold."""

from __future__ import annotations

import pytest

from tests.python.sighting import sent, spelled
from txsafe.model import Confidence, SqlSite, Transaction

EXPLICIT, IMPLICIT, AUTOCOMMIT, UNKNOWN = (
    Transaction.EXPLICIT,
    Transaction.IMPLICIT,
    Transaction.AUTOCOMMIT,
    Transaction.UNKNOWN,
)
HIGH, MEDIUM, LOW = Confidence.HIGH, Confidence.MEDIUM, Confidence.LOW

DJANGO = "from django.db import connection, transaction\n"
HELPER = "def _help():\n    connection.cursor().execute('SET LOCAL a = 1')\n"
CLASS = "class A:\n    def _help(self):\n        connection.cursor().execute('SET LOCAL a = 1')\n"
PARAMETER = "import asyncpg\nasync def _help(c: asyncpg.Connection):\n    await c.execute('SET LOCAL a = 1')\n"

CASES = {
    "only called inside": (
        f"{DJANGO}{HELPER}def f():\n    with transaction.atomic():\n        _help()",
        EXPLICIT,
        HIGH,
    ),
    "called inside and out": (
        f"{DJANGO}{HELPER}def f():\n    with transaction.atomic():\n        _help()\n_help()",
        AUTOCOMMIT,
        HIGH,
    ),
    "called outside by a function that others may call": (
        f"{DJANGO}{HELPER}def f():\n    _help()",
        AUTOCOMMIT,
        MEDIUM,
    ),
    "called at import": (f"{DJANGO}{HELPER}_help()", AUTOCOMMIT, HIGH),
    "not called in view": (f"{DJANGO}{HELPER}", AUTOCOMMIT, HIGH),
    "public and not called in view": (f"{DJANGO}{HELPER.replace('_help', 'help_')}", AUTOCOMMIT, MEDIUM),
    "public and only called inside": (
        f"{DJANGO}{HELPER.replace('_help', 'help_')}with transaction.atomic():\n    help_()",
        EXPLICIT,
        HIGH,
    ),
    "in a function that is decorated by nobody known": (f"{DJANGO}@task\n{HELPER}", AUTOCOMMIT, MEDIUM),
    "called inside and handed on": (
        f"{DJANGO}{HELPER}with transaction.atomic():\n    _help()\nregister(_help)",
        AUTOCOMMIT,
        LOW,
    ),
    "called by a decorated caller": (f"{DJANGO}{HELPER}@transaction.atomic\ndef f():\n    _help()", EXPLICIT, HIGH),
    "called by the helper of a caller": (
        f"{DJANGO}{HELPER}def _g():\n    _help()\ndef f():\n    with transaction.atomic():\n        _g()",
        EXPLICIT,
        HIGH,
    ),
    "called by itself": (
        f"{DJANGO}def _help(n):\n    connection.cursor().execute('SET LOCAL a = 1')\n    _help(n - 1)\n"
        "def f():\n    with transaction.atomic():\n        _help(3)",
        EXPLICIT,
        HIGH,
    ),
    "called in a circle": (
        f"{DJANGO}def _help():\n    connection.cursor().execute('SET LOCAL a = 1')\n    _g()\ndef _g():\n    _help()",
        AUTOCOMMIT,
        HIGH,
    ),
    "called through self": (
        f"{DJANGO}{CLASS}    def f(self):\n        with transaction.atomic():\n            self._help()",
        EXPLICIT,
        HIGH,
    ),
    "called through self by a subclass": (
        f"{DJANGO}{CLASS}class B(A):\n    def f(self):\n        with transaction.atomic():\n            self._help()",
        EXPLICIT,
        HIGH,
    ),
    "called through super": (
        f"{DJANGO}{CLASS}class B(A):\n    @transaction.atomic\n    def _help(self):\n        super()._help()",
        EXPLICIT,
        HIGH,
    ),
    "called on an instance": (
        f"{DJANGO}{CLASS}def f():\n    with transaction.atomic():\n        A()._help()",
        EXPLICIT,
        HIGH,
    ),
    "another function of the same name": (
        f"{DJANGO}{CLASS}def f():\n    with transaction.atomic():\n        _help()",
        AUTOCOMMIT,
        HIGH,
    ),
    "handed in within a block": (
        f"{PARAMETER}async def f():\n    c = await asyncpg.connect(D)\n    async with c.transaction():\n        await _help(c)",
        EXPLICIT,
        HIGH,
    ),
    "handed in by keyword within a block": (
        f"{PARAMETER}async def f():\n    c = await asyncpg.connect(D)\n    async with c.transaction():\n        await _help(c=c)",
        EXPLICIT,
        HIGH,
    ),
    "handed in outside": (
        f"{PARAMETER}async def f():\n    c = await asyncpg.connect(D)\n    await _help(c)",
        AUTOCOMMIT,
        HIGH,
    ),
    "handed in within another connection's block": (
        f"{PARAMETER}async def f():\n    c = await asyncpg.connect(D)\n    d = await asyncpg.connect(D)\n    async with d.transaction():\n        await _help(c)",
        AUTOCOMMIT,
        HIGH,
    ),
    "handed in by nobody in view": (PARAMETER, UNKNOWN, HIGH),
    "spread from a list": (f"{PARAMETER}async def f(*a):\n    await _help(*a)", UNKNOWN, HIGH),
    "left out": (f"{PARAMETER}async def f():\n    await _help()", UNKNOWN, HIGH),
    "handed to a method": (
        "import asyncpg\nclass A:\n    async def _help(self, c: asyncpg.Connection):\n        await c.execute('SET LOCAL a = 1')\n"
        "    async def f(self):\n        c = await asyncpg.connect(D)\n        await self._help(c)",
        AUTOCOMMIT,
        HIGH,
    ),
    "handed to a method that is named by its class": (
        "import asyncpg\nclass A:\n    async def _help(self, c: asyncpg.Connection):\n        await c.execute('SET LOCAL a = 1')\n"
        "async def f(a):\n    c = await asyncpg.connect(D)\n    await A._help(a, c)",
        AUTOCOMMIT,
        HIGH,
    ),
    "a connection that the function makes": (
        "import asyncpg\nfrom django.db import transaction\nasync def _help():\n    c = await asyncpg.connect(D)\n"
        "    await c.execute('SET LOCAL a = 1')\ndef f():\n    with transaction.atomic():\n        _help()",
        AUTOCOMMIT,
        HIGH,
    ),
    "a connection of the object, in a block of another method": (
        "import asyncpg\nclass A:\n    async def __aenter__(self):\n        self.c = await asyncpg.connect(D)\n"
        "    async def _help(self):\n        await self.c.execute('SET LOCAL a = 1')\n"
        "    async def f(self):\n        async with self.c.transaction():\n            await self._help()",
        EXPLICIT,
        HIGH,
    ),
    "a connection of the object, in a block of one of two": (
        "import asyncpg\nclass A:\n    async def __aenter__(self):\n        self.c = await asyncpg.connect(D)\n"
        "    async def _help(self):\n        await self.c.execute('SET LOCAL a = 1')\n"
        "    async def g(self):\n        await self._help()\n"
        "    async def f(self):\n        async with self.c.transaction():\n            await self._help()",
        UNKNOWN,
        HIGH,
    ),
    "in a nested function": (
        f"{DJANGO}def f():\n    def help_():\n        connection.cursor().execute('SET LOCAL a = 1')\n    with transaction.atomic():\n        help_()",
        EXPLICIT,
        HIGH,
    ),
    "after a switch of its own": (
        "import psycopg\ndef _help(c: psycopg.Connection):\n    c.autocommit = True\n    c.execute('SET LOCAL a = 1')\n"
        "def f():\n    c = psycopg.connect(D)\n    with c.transaction():\n        _help(c)",
        AUTOCOMMIT,
        HIGH,
    ),
    "a function without a name": (f"{DJANGO}f = lambda: connection.cursor().execute('SET LOCAL a = 1')", AUTOCOMMIT, MEDIUM),
    "a session handed in, in autocommit": (
        "from sqlalchemy import create_engine, text\nfrom sqlalchemy.orm import Session\n"
        "def _help(s: Session):\n    s.execute(text('SET LOCAL a = 1'))\n"
        "def f():\n    s = Session(create_engine(U, isolation_level='AUTOCOMMIT'))\n    _help(s)",
        AUTOCOMMIT,
        HIGH,
    ),
    "a session handed in within begin": (
        "from sqlalchemy import create_engine, text\nfrom sqlalchemy.orm import Session\n"
        "def _help(s: Session):\n    s.execute(text('SET LOCAL a = 1'))\n"
        "def f():\n    with Session(create_engine(U)) as s, s.begin():\n        _help(s)",
        EXPLICIT,
        HIGH,
    ),
}  # fmt: skip


def the_help(code: str) -> SqlSite:
    (site,) = [site for site in sent(code) if "SET LOCAL" in site.template.text]
    return site


@pytest.mark.parametrize(("code", "kind", "certainty"), CASES.values(), ids=CASES.keys())
def test_the_transaction_is(code: str, kind: Transaction, certainty: Confidence) -> None:
    found = the_help(code).transaction
    assert (found.kind, found.certainty) == (kind, certainty)
