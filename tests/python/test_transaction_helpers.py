# ruff: noqa: E501, ISC004 - a case is a line of code
"""Transactions around objects that are entered: stacks, helper classes, generators."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.python.sighting import sent
from tests.python.test_surroundings import AUTOCOMMIT, DJANGO, EXPLICIT, HELPER, HIGH, MEDIUM, UNKNOWN, the_help

if TYPE_CHECKING:
    from txsafe.model import Confidence, Transaction

STATEMENT = "connection.cursor().execute('SET LOCAL a = 1')"
STACK = f"{DJANGO}from contextlib import ExitStack, contextmanager\n"
LOCK = (
    "import asyncpg\nclass Lock:\n    def __init__(self, key, conn: asyncpg.Connection):\n        self.conn = conn\n"
    "    async def __aenter__(self):\n        await self.conn.execute('SET LOCAL a = 1')\n"
    "    async def take(self):\n        pass\n"
)
OUTSIDE = "async def f():\n    c = await asyncpg.connect(D)\n"

CASES = {
    "a stack": (f"{STACK}with ExitStack() as stack:\n    stack.enter_context(transaction.atomic())\n    {STATEMENT}", EXPLICIT, HIGH),
    "a stack, before": (
        f"{STACK}with ExitStack() as stack:\n    {STATEMENT}\n    stack.enter_context(transaction.atomic())",
        AUTOCOMMIT,
        HIGH,
    ),
    "a stack, after": (
        f"{STACK}with ExitStack() as stack:\n    stack.enter_context(transaction.atomic())\n{STATEMENT}",
        AUTOCOMMIT,
        HIGH,
    ),
    "another stack": (
        f"{STACK}with ExitStack() as stack:\n    with ExitStack() as other:\n        other.enter_context(transaction.atomic())\n    {STATEMENT}",
        AUTOCOMMIT,
        HIGH,
    ),
    "a context manager of the program on a stack": (
        f"{STACK}@contextmanager\ndef block():\n    with transaction.atomic():\n        yield\n"
        f"with ExitStack() as stack:\n    stack.enter_context(block())\n    {STATEMENT}",
        EXPLICIT,
        HIGH,
    ),
    "a helper around a caller's stack": (
        f"{STACK}{HELPER}def f():\n    with ExitStack() as stack:\n        stack.enter_context(transaction.atomic())\n        _help()",
        EXPLICIT,
        HIGH,
    ),
    "a class that is entered in a block": (
        f"{LOCK}{OUTSIDE}    async with c.transaction():\n        async with Lock('x', c):\n            pass",
        EXPLICIT,
        HIGH,
    ),
    "a class that is entered by its name in a block": (
        f"{LOCK}{OUTSIDE}    lock = Lock('x', conn=c)\n    async with c.transaction(), lock as held:\n        pass",
        EXPLICIT,
        HIGH,
    ),
    "a class that is entered outside": (f"{LOCK}{OUTSIDE}    async with Lock('x', c):\n        pass", AUTOCOMMIT, HIGH),
    "a class that is entered in another connection's block": (
        f"{LOCK}{OUTSIDE}    d = await asyncpg.connect(D)\n    async with d.transaction(), Lock('x', c):\n        pass",
        AUTOCOMMIT,
        HIGH,
    ),
    "a subclass that is entered in a block": (
        f"{LOCK}class Other(Lock):\n    pass\n{OUTSIDE}    async with c.transaction():\n        async with Other('x', c):\n            pass",
        EXPLICIT,
        HIGH,
    ),
    "a class that nobody enters": (LOCK, UNKNOWN, HIGH),
    "a method of a class that is given the connection": (
        LOCK.replace("__aenter__", "enter") + f"{OUTSIDE}    lock = Lock('x', c)\n    async with c.transaction():\n        await lock.enter()",
        EXPLICIT,
        HIGH,
    ),
    "a method of a class that is given the connection, outside": (
        LOCK.replace("__aenter__", "enter") + f"{OUTSIDE}    lock = Lock('x', c)\n    await lock.enter()",
        AUTOCOMMIT,
        HIGH,
    ),
    "a class on Django's connection": (
        f"{DJANGO}class Lock:\n    def __enter__(self):\n        {STATEMENT}\n    def __exit__(self, *a):\n        pass\n"
        "def f():\n    with transaction.atomic(), Lock():\n        pass",
        EXPLICIT,
        HIGH,
    ),
    "a class on Django's connection, that nobody enters": (
        f"{DJANGO}class Lock:\n    def __enter__(self):\n        {STATEMENT}",
        AUTOCOMMIT,
        MEDIUM,
    ),
}  # fmt: skip


@pytest.mark.parametrize(("code", "kind", "certainty"), CASES.values(), ids=CASES.keys())
def test_the_transaction_is(code: str, kind: Transaction, certainty: Confidence) -> None:
    found = the_help(code).transaction
    assert (found.kind, found.certainty) == (kind, certainty)


def test_what_a_generator_does_before_and_after_its_yield_are_two_transactions() -> None:
    """The caller has the session, too, and commits it."""
    code = (
        "from contextlib import contextmanager\nfrom sqlalchemy import text\nfrom sqlalchemy.orm import Session\n"
        "@contextmanager\ndef lock(session: Session):\n    session.execute(text('A'))\n    yield\n    session.execute(text('B'))"
    )
    first, second = [site.transaction.block for site in sent(code)]
    assert first != second


def test_a_generator_is_no_safer_for_a_caller_whose_session_opens_transactions_by_itself() -> None:
    code = (
        "from contextlib import contextmanager\nfrom sqlalchemy import create_engine, text\nfrom sqlalchemy.orm import Session\n"
        "@contextmanager\ndef lock(session: Session):\n    session.execute(text('SELECT pg_advisory_lock(1)'))\n    yield\n"
        "    session.execute(text('SELECT pg_advisory_unlock(1)'))\n"
        "def f():\n    session = Session(create_engine(U))\n    with lock(session):\n        session.commit()"
    )
    first, second = [site.transaction for site in sent(code)]
    assert first.kind is second.kind
    assert None in {first.block, second.block} or first.block != second.block


def test_a_function_shares_the_transaction_that_its_caller_s_session_opens_by_itself() -> None:
    code = (
        "import psycopg\ndef f(conn: psycopg.Connection):\n    conn.execute('SELECT pg_advisory_lock(1)')\n"
        "    conn.execute('SELECT pg_advisory_unlock(1)')\nf(psycopg.connect(D))"
    )
    first, second = [site.transaction.block for site in sent(code)]
    assert first is not None
    assert first == second


@pytest.mark.parametrize(("handed_out", "same"), [("", True), ("session", False)])
def test_a_generator_keeps_its_own_session_unless_it_hands_it_out(handed_out: str, same: bool) -> None:
    code = (
        "from sqlalchemy import create_engine, text\nfrom sqlalchemy.orm import Session\n"
        f"def lock():\n    session = Session(create_engine(U))\n    session.execute(text('A'))\n    yield {handed_out}\n    session.execute(text('B'))"
    )
    first, second = [site.transaction.block for site in sent(code)]
    assert (first == second) is same


def test_two_functions_that_enter_one_context_manager_share_no_transaction() -> None:
    code = (
        "from contextlib import contextmanager\nfrom sqlalchemy import create_engine, text\nengine = create_engine(U)\n"
        "@contextmanager\ndef scope():\n    with engine.begin() as conn:\n        yield conn\n"
        "def f():\n    with scope() as conn:\n        conn.execute(text('A'))\n"
        "def g():\n    with scope() as conn:\n        conn.execute(text('B'))"
    )
    first, second = [site.transaction.block for site in sent(code)]
    assert None not in {first, second}
    assert first != second


@pytest.mark.parametrize(("name", "kind"), [("txn", EXPLICIT), ("tx", EXPLICIT), ("things", UNKNOWN)])
def test_what_is_called_a_transaction_is_one(name: str, kind: Transaction) -> None:
    (site,) = sent(f"import psycopg\ndef move({name}):\n    {name}.execute('SELECT 1')")
    assert site.transaction.kind is kind
