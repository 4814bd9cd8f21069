# ruff: noqa: E501, ISC004 - a case is a line of code
"""The transaction that the program's own context managers and decorators hold."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.python.sighting import sent
from tests.python.test_surroundings import AUTOCOMMIT, DJANGO, EXPLICIT, HELPER, HIGH, MEDIUM, UNKNOWN, the_help

if TYPE_CHECKING:
    from txsafe.model import Confidence, Transaction

STATEMENT = "connection.cursor().execute('SET LOCAL a = 1')"
MANAGER = f"{DJANGO}from contextlib import contextmanager\n@contextmanager\ndef block():\n    with transaction.atomic():\n        yield\n"
DECORATOR = f"{DJANGO}from functools import wraps\ndef block(fn):\n    @wraps(fn)\n    def inner(*a, **k):\n        with transaction.atomic():\n            return fn(*a, **k)\n    return inner\n"
POOL = "import asyncpg\nfrom contextlib import asynccontextmanager\npool = asyncpg.create_pool(D)\n"

CASES = {
    "a context manager": (f"{MANAGER}with block():\n    {STATEMENT}", EXPLICIT, HIGH),
    "a context manager beside another": (f"{MANAGER}with open(F) as f, block():\n    {STATEMENT}", EXPLICIT, HIGH),
    "a context manager that is entered later": (
        f"{MANAGER}with {STATEMENT.replace('execute', 'run')} as x, block():\n    pass\n{STATEMENT}",
        AUTOCOMMIT,
        HIGH,
    ),
    "a context manager around a caller": (
        f"{MANAGER}{HELPER}def f():\n    with block():\n        _help()",
        EXPLICIT,
        HIGH,
    ),
    "a context manager that opens nothing": (
        f"{DJANGO}from contextlib import contextmanager\n@contextmanager\ndef block():\n    yield\nwith block():\n    {STATEMENT}",
        AUTOCOMMIT,
        HIGH,
    ),
    "a context manager that opens one on one of two ways": (
        f"{DJANGO}from contextlib import contextmanager\n@contextmanager\ndef block(a):\n    if a:\n        with transaction.atomic():\n            yield\n    else:\n        yield\nwith block(1):\n    {STATEMENT}",
        AUTOCOMMIT,
        HIGH,
    ),
    "a context manager within another": (
        f"{MANAGER}@contextmanager\ndef outer():\n    with block():\n        yield\nwith outer():\n    {STATEMENT}",
        EXPLICIT,
        HIGH,
    ),
    "a context manager within itself": (
        f"{DJANGO}from contextlib import contextmanager\n@contextmanager\ndef block():\n    with block():\n        yield\nwith block():\n    {STATEMENT}",
        AUTOCOMMIT,
        HIGH,
    ),
    "a function that only looks like one": (
        f"{DJANGO}def block():\n    with transaction.atomic():\n        yield\nwith block():\n    {STATEMENT}",
        AUTOCOMMIT,
        HIGH,
    ),
    "a context manager on the connection that it is given": (
        f"{POOL}@asynccontextmanager\nasync def block(name, conn):\n    async with conn.transaction():\n        yield\n"
        "async def f():\n    c = await asyncpg.connect(D)\n    async with block('x', c):\n        await c.execute('SET LOCAL a = 1')",
        EXPLICIT,
        HIGH,
    ),
    "a context manager on another connection": (
        f"{POOL}@asynccontextmanager\nasync def block(conn):\n    async with conn.transaction():\n        yield\n"
        "async def f():\n    c = await asyncpg.connect(D)\n    d = await asyncpg.connect(D)\n    async with block(d):\n        await c.execute('SET LOCAL a = 1')",
        AUTOCOMMIT,
        HIGH,
    ),
    "a context manager of the object": (
        f"{POOL}class A:\n    async def __aenter__(self):\n        self.c = await asyncpg.connect(D)\n"
        "    @asynccontextmanager\n    async def block(self):\n        async with self.c.transaction():\n            yield\n"
        "    async def f(self):\n        async with self.block():\n            await self.c.execute('SET LOCAL a = 1')",
        EXPLICIT,
        HIGH,
    ),
    "a decorator": (f"{DECORATOR}@block\ndef f():\n    {STATEMENT}", EXPLICIT, HIGH),
    "a decorator of a caller": (f"{DECORATOR}{HELPER}@block\ndef f():\n    _help()", EXPLICIT, HIGH),
    "a decorator with arguments": (
        f"{DJANGO}def block(using):\n    def outer(fn):\n        def inner(*a):\n            with transaction.atomic():\n                return fn(*a)\n        return inner\n    return outer\n"
        f"@block(using='x')\ndef f():\n    {STATEMENT}",
        EXPLICIT,
        HIGH,
    ),
    "a decorator that opens nothing": (
        f"{DJANGO}def block(fn):\n    def inner(*a):\n        return fn(*a)\n    return inner\n@block\ndef f():\n    {STATEMENT}",
        AUTOCOMMIT,
        MEDIUM,
    ),
    "a decorator that opens one at times": (
        f"{DJANGO}def block(fn):\n    def inner(*a):\n        if a:\n            return fn(*a)\n        with transaction.atomic():\n            return fn(*a)\n    return inner\n@block\ndef f():\n    {STATEMENT}",
        AUTOCOMMIT,
        MEDIUM,
    ),
    "a decorator that hands a connection in": (
        f"{POOL}def block(fn):\n    async def inner(*a):\n        async with pool.acquire() as c, c.transaction():\n            return await fn(c, *a)\n    return inner\n"
        "@block\nasync def f(c: asyncpg.Connection, x):\n    await c.execute('SET LOCAL a = 1')",
        EXPLICIT,
        HIGH,
    ),
    "a decorator that hands a connection in without a block": (
        f"{POOL}def block(fn):\n    async def inner(*a):\n        async with pool.acquire() as c:\n            return await fn(c, *a)\n    return inner\n"
        "@block\nasync def f(c: asyncpg.Connection, x):\n    await c.execute('SET LOCAL a = 1')",
        AUTOCOMMIT,
        HIGH,
    ),
    "a decorator that hands something else in": (
        f"{POOL}def block(fn):\n    async def inner(*a):\n        return await fn(*a)\n    return inner\n"
        "@block\nasync def f(c: asyncpg.Connection, x):\n    await c.execute('SET LOCAL a = 1')",
        UNKNOWN,
        HIGH,
    ),
    "a decorator on the object's connection": (
        "import asyncpg\ndef block(fn):\n    async def inner(self, *a):\n        async with self.conn.transaction():\n            return await fn(self, *a)\n    return inner\n"
        "class A:\n    async def __aenter__(self):\n        self.conn = await asyncpg.connect(D)\n"
        "    @block\n    async def f(self):\n        await self.conn.execute('SET LOCAL a = 1')",
        EXPLICIT,
        MEDIUM,
    ),
}


@pytest.mark.parametrize(("code", "kind", "certainty"), CASES.values(), ids=CASES.keys())
def test_the_transaction_is(code: str, kind: Transaction, certainty: Confidence) -> None:
    found = the_help(code).transaction
    assert (found.kind, found.certainty) == (kind, certainty)


def test_two_uses_of_a_context_manager_are_two_transactions() -> None:
    code = f"{MANAGER}with block():\n    {STATEMENT}\nwith block():\n    connection.cursor().execute('SET LOCAL b = 1')"
    first, second = [site.transaction.block for site in sent(code)]
    assert None not in {first, second}
    assert first != second
