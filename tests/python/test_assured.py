# ruff: noqa: E501 - a case is a line of code
"""The program's own tests of whether a transaction is open."""

from __future__ import annotations

import pytest

from tests.python.sighting import the_site
from txsafe.model import Confidence, Transaction

DJANGO = "from django.db import connection\n"
SEND = "connection.cursor().execute('SET LOCAL a = 1')"

INSIDE = {
    "what refuses to go on": f"def f():\n    if not connection.in_atomic_block:\n        raise E\n    {SEND}",
    "what leaves": f"def f():\n    if not connection.in_atomic_block:\n        return\n    for x in y:\n        {SEND}",
    "a loop that goes on": f"def f():\n    for x in y:\n        if not connection.in_atomic_block:\n            continue\n        {SEND}",
    "one of two reasons to leave": f"def f():\n    if not x or not connection.in_atomic_block:\n        return\n    {SEND}",
    "after a yield": f"def f():\n    if not connection.in_atomic_block:\n        raise E\n    yield\n    {SEND}",
    "the branch": f"def f():\n    if connection.in_atomic_block:\n        {SEND}",
    "a branch of two conditions": f"def f():\n    if x and connection.in_atomic_block:\n        {SEND}",
    "the other branch": f"def f():\n    if not connection.in_atomic_block:\n        g()\n    else:\n        {SEND}",
    "an assertion": f"def f():\n    assert connection.in_atomic_block\n    {SEND}",
    "in the file": f"assert connection.in_atomic_block\n{SEND}",
}
NOT_SURELY = {
    "the wrong branch": f"def f():\n    if not connection.in_atomic_block:\n        {SEND}",
    "what leaves in one": f"def f():\n    if connection.in_atomic_block:\n        return\n    {SEND}",
    "one of two conditions to leave": f"def f():\n    if x and not connection.in_atomic_block:\n        raise E\n    {SEND}",
    "one of two conditions": f"def f():\n    if x or connection.in_atomic_block:\n        {SEND}",
    "what comes too late": f"def f():\n    {SEND}\n    if not connection.in_atomic_block:\n        raise E",
    "what does not leave": f"def f():\n    if not connection.in_atomic_block:\n        warn()\n    {SEND}",
    "what goes on either way": f"def f():\n    if not connection.in_atomic_block:\n        raise E\n    else:\n        g()\n{SEND}",
    "another function's": f"def f():\n    if not connection.in_atomic_block:\n        raise E\n    def g():\n        {SEND}",
    "another branch's": f"def f():\n    if x:\n        assert connection.in_atomic_block\n    {SEND}",
}


@pytest.mark.parametrize("case", INSIDE)
def test_where_the_program_has_made_sure_of_a_transaction_there_is_one(case: str) -> None:
    context = the_site(DJANGO + INSIDE[case]).transaction
    assert (context.kind, context.certainty) == (Transaction.EXPLICIT, Confidence.MEDIUM)


@pytest.mark.parametrize("case", NOT_SURELY)
def test_a_test_says_nothing_of_where_it_may_have_failed(case: str) -> None:
    assert the_site(DJANGO + NOT_SURELY[case]).transaction.kind is Transaction.AUTOCOMMIT


def test_a_method_that_tells_counts_as_an_attribute_does() -> None:
    code = "import asyncpg\nasync def f(c: asyncpg.Connection):\n    if not c.is_in_transaction():\n        raise E\n    await c.execute('SET LOCAL a = 1')"
    assert the_site(code).transaction.kind is Transaction.EXPLICIT
