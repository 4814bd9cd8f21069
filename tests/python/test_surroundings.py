# ruff: noqa: E501, ISC004 - a case is a line of code
"""The transaction that a function's callers hold."""

from __future__ import annotations

import pytest

from tests.python.sighting import sent
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
    "a callback of a runner that opens a block": (
        f"{DJANGO}{HELPER}def run(fn):\n    with transaction.atomic():\n        return fn()\ndef f():\n    run(_help)",
        EXPLICIT,
        HIGH,
    ),
    "a callback of a runner that opens none": (
        f"{DJANGO}{HELPER}def run(fn):\n    return fn()\nrun(fn=_help)",
        AUTOCOMMIT,
        HIGH,
    ),
    "a callback of a runner that nobody knows": (f"{DJANGO}{HELPER}import run\nrun(_help)", AUTOCOMMIT, MEDIUM),
    "a callback that is called by a function within the runner": (
        f"{DJANGO}{HELPER}def run(fn):\n    @transaction.atomic\n    def inner():\n        return fn()\n    return inner()\nrun(_help)",
        EXPLICIT,
        HIGH,
    ),
    "a callback that is handed on": (
        f"{DJANGO}{HELPER}def in_block(fn):\n    with transaction.atomic():\n        return fn()\n"
        "def run(fn):\n    return in_block(fn)\nrun(_help)",
        EXPLICIT,
        HIGH,
    ),
    "a callback that is handed on in circles": (
        f"{DJANGO}{HELPER}def run(fn):\n    return run(fn)\nrun(_help)",
        AUTOCOMMIT,
        MEDIUM,
    ),
    "a callback with its first argument": (
        f"import functools\n{DJANGO}def _help(a):\n    connection.cursor().execute('SET LOCAL a = 1')\n"
        "def run(fn):\n    with transaction.atomic():\n        return fn()\nrun(functools.partial(_help, 1))",
        EXPLICIT,
        HIGH,
    ),
    "a callback that is given a cursor": (
        "import asyncpg\nclass A:\n    async def run(self, fn, *a):\n        c = await asyncpg.connect(D)\n        async with c.transaction():\n"
        "            return await fn(c, *a)\n    async def _help(self, c: asyncpg.Connection):\n        await c.execute('SET LOCAL a = 1')\n"
        "    async def f(self):\n        await self.run(self._help)",
        EXPLICIT,
        HIGH,
    ),
    "a callback that is given a connection in autocommit": (
        "import asyncpg\nclass A:\n    async def run(self, fn):\n        c = await asyncpg.connect(D)\n        return await fn(c)\n"
        "    async def _help(self, c: asyncpg.Connection):\n        await c.execute('SET LOCAL a = 1')\n"
        "    async def f(self):\n        await self.run(self._help)",
        AUTOCOMMIT,
        HIGH,
    ),
    "a callback behind another callback": (
        f"{DJANGO}{HELPER}class A:\n    def in_block(self, name, fn, *a):\n        with transaction.atomic():\n            return fn(*a)\n"
        "    def connected(self, fn, *a):\n        return fn(self, *a)\n"
        "    def run(self, name, fn, *a):\n        return self.connected(self.in_block, name, fn, *a)\nA().run('x', _help)",
        EXPLICIT,
        HIGH,
    ),
    "a callback among others": (f"{DJANGO}{HELPER}def run(*a):\n    pass\nrun(1, _help)", AUTOCOMMIT, MEDIUM),
    "a callback beside another that calls nothing": (
        f"{DJANGO}{HELPER}def other(a):\n    return a\ndef run(*a):\n    pass\nrun(other, _help)",
        AUTOCOMMIT,
        MEDIUM,
    ),
    "a callback by a name that nobody takes": (
        f"{DJANGO}{HELPER}def run(**k):\n    pass\nrun(fn=_help)",
        AUTOCOMMIT,
        MEDIUM,
    ),
    "a callback that its runner forgets": (f"{DJANGO}{HELPER}def run(fn):\n    pass\nrun(_help)", AUTOCOMMIT, MEDIUM),
    "a lambda that a runner calls": (
        f"{DJANGO}{HELPER}def run(fn):\n    with transaction.atomic():\n        return fn()\nrun(lambda: _help())",
        EXPLICIT,
        HIGH,
    ),
    "run_sync": (
        "from sqlalchemy import text\nfrom sqlalchemy.ext.asyncio import create_async_engine\nfrom sqlalchemy.orm import Session\n"
        "def _help(s: Session):\n    s.execute(text('SET LOCAL a = 1'))\n"
        "async def f():\n    async with create_async_engine(U).begin() as c:\n        await c.run_sync(_help)",
        EXPLICIT,
        HIGH,
    ),
    "run_sync in AUTOCOMMIT": (
        "from sqlalchemy import Connection, text\nfrom sqlalchemy.ext.asyncio import create_async_engine\n"
        "def _help(c: Connection):\n    c.execute(text('SET LOCAL a = 1'))\n"
        "async def f():\n    async with create_async_engine(U, isolation_level='AUTOCOMMIT').begin() as c:\n        await c.run_sync(_help)",
        AUTOCOMMIT,
        HIGH,
    ),
    "on_commit": (
        f"{DJANGO}{HELPER}def f():\n    with transaction.atomic():\n        transaction.on_commit(_help)",
        AUTOCOMMIT,
        HIGH,
    ),
}  # fmt: skip


def test_the_trail_names_the_calls_that_are_outside() -> None:
    code = f"{DJANGO}{HELPER}def f():\n    with transaction.atomic():\n        _help()\n    _help()\nf()"
    trail = the_help(code).transaction.trail
    assert [code[related.place.span.start : related.place.span.end] for related in trail] == ["f()", "_help()"]


def test_two_helpers_that_are_called_in_one_block_share_it() -> None:
    code = (
        f"{DJANGO}{HELPER}def _other():\n    connection.cursor().execute('SET LOCAL b = 1')\n"
        "def f():\n    with transaction.atomic():\n        _help()\n        _other()"
    )
    first, second = [site.transaction.block for site in sent(code)]
    assert first is not None
    assert first == second


def test_a_helper_that_is_called_in_two_blocks_shares_none_with_one_that_is_called_in_one() -> None:
    code = (
        f"{DJANGO}{HELPER}def _other():\n    connection.cursor().execute('SET LOCAL b = 1')\n"
        "def f():\n    with transaction.atomic():\n        _help()\n        _other()\n"
        "    with transaction.atomic():\n        _help()"
    )
    first, second = [site.transaction.block for site in sent(code)]
    assert first != second


def test_more_calls_than_are_looked_at_leave_it_open() -> None:
    calls = "".join("    _help()\n" for _ in range(100))
    code = f"{DJANGO}{HELPER}with transaction.atomic():\n{calls}"
    found = the_help(code).transaction
    assert (found.kind, found.certainty) == (AUTOCOMMIT, LOW)


def test_a_chain_of_callers_that_is_too_long_leaves_it_open() -> None:
    chain = "".join(f"def _f{number}():\n    _f{number - 1}()\n" for number in range(1, 20))
    code = f"{DJANGO}{HELPER.replace('_help', '_f0')}{chain}with transaction.atomic():\n    _f19()"
    found = the_help(code).transaction
    assert (found.kind, found.certainty) == (AUTOCOMMIT, MEDIUM)


def the_help(code: str) -> SqlSite:
    (site,) = [site for site in sent(code) if "SET LOCAL" in site.template.text]
    return site


@pytest.mark.parametrize(("code", "kind", "certainty"), CASES.values(), ids=CASES.keys())
def test_the_transaction_is(code: str, kind: Transaction, certainty: Confidence) -> None:
    found = the_help(code).transaction
    assert (found.kind, found.certainty) == (kind, certainty)
