"""Calls that other calls make, and settings that callers hand on."""

from __future__ import annotations

import pytest

from tests.python.sighting import spelled, texts, uses

FORWARDED = {
    "partial": "functools.partial(conn.execute, 'LISTEN x')",
    "to_thread": "await asyncio.to_thread(conn.execute, 'LISTEN x')",
    "an executor": "pool.submit(conn.execute, 'LISTEN x')",
    "a loop's executor": "await loop.run_in_executor(None, conn.execute, 'LISTEN x')",
    "a loop's timer": "loop.call_later(5, conn.execute, 'LISTEN x')",
    "sync_to_async": "await sync_to_async(conn.execute)('LISTEN x')",
}


@pytest.mark.parametrize("call", FORWARDED.values(), ids=FORWARDED.keys())
def test_a_call_that_another_call_makes_is_a_sink(call: str) -> None:
    code = f"import psycopg\nasync def f(conn: psycopg.Connection, loop, pool):\n    {call}\n"
    assert texts(code) == ["LISTEN x"]


OTHERS = {
    "a function without arguments": "asyncio.to_thread(conn.execute)",
    "something that is no name": "functools.partial(conns[0], 'LISTEN x')",
    "another function": "loop.call_exception_handler(conn.execute, 'LISTEN x')",
    "a decorator of a call": "sync_to_async(make(conn))('LISTEN x')",
}


@pytest.mark.parametrize("call", OTHERS.values(), ids=OTHERS.keys())
def test_other_calls_are_not(call: str) -> None:
    assert texts(f"import psycopg\nasync def f(conn: psycopg.Connection):\n    {call}\n") == []


def test_a_partial_call_of_a_driver_may_be_given_more_later() -> None:
    code = "import asyncpg, functools\nconnect = functools.partial(asyncpg.connect, 'postgresql://x')\n"
    assert {str(use.confidence) for use in uses(code, "named-prepare")} == {"low"}


def test_a_partial_statement_is_no_guess_at_how_it_is_prepared() -> None:
    code = (
        "import functools, psycopg\nc = psycopg.connect('', prepare_threshold=None)\nf(functools.partial(c.execute, x))"
    )
    assert uses(code, "named-prepare") == []


def test_a_private_function_hands_on_what_its_callers_give() -> None:
    code = """
        import asyncpg
        async def _connect(**options):
            return await asyncpg.connect(**options)
        async def one():
            return await _connect(server_settings={"search_path": "a"})
        async def other():
            return await _connect(statement_cache_size=0)
    """
    (parameter,) = uses(code, "startup-parameter")
    assert spelled(code, parameter) == "search_path"


def test_what_a_caller_turns_off_is_off() -> None:
    code = """
        import asyncpg
        async def _connect(**options):
            return await asyncpg.connect(**options)
        async def only():
            return await _connect(statement_cache_size=0)
    """
    assert not [use for use in uses(code, "named-prepare") if use.confidence > "low"]


def test_a_public_function_may_be_called_from_elsewhere() -> None:
    code = """
        import asyncpg
        async def connect(**options):
            return await asyncpg.connect(**options)
        async def only():
            return await connect(server_settings={"search_path": "a"}, statement_cache_size=0)
    """
    assert uses(code, "named-prepare")
    assert uses(code, "startup-parameter")


def test_a_lambda_that_sends_its_parameter_is_followed_to_its_callers() -> None:
    code = """
        import psycopg
        def f(conn: psycopg.Connection):
            run = lambda sql: conn.execute(sql)
            run("LISTEN x")
    """
    assert texts(code) == ["LISTEN x"]
