"""Settings that wrap each request in a transaction."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.python.test_surroundings import AUTOCOMMIT, DJANGO, EXPLICIT, HIGH, LOW, MEDIUM, the_help

if TYPE_CHECKING:
    from txsafe.model import Confidence, Transaction

STATEMENT = "connection.cursor().execute('SET LOCAL a = 1')"
ON = "DATABASES = {'default': {'ATOMIC_REQUESTS': True}}\n"
VIEW = f"def view(request):\n    {STATEMENT}\n"

CASES = {
    "a view": (ON + VIEW, EXPLICIT, MEDIUM),
    "a view that takes more": (ON + VIEW.replace("request)", "request, pk)"), EXPLICIT, MEDIUM),
    "a method": (f"{ON}class A(View):\n    def get(self, request):\n        {STATEMENT}", EXPLICIT, MEDIUM),
    "a helper of a view": (f"{ON}def _help():\n    {STATEMENT}\ndef view(request):\n    _help()", EXPLICIT, MEDIUM),
    "not a view": (f"{ON}def f():\n    {STATEMENT}", AUTOCOMMIT, LOW),
    "a view that opts out": (f"{ON}@transaction.non_atomic_requests\n{VIEW}", AUTOCOMMIT, LOW),
    "a view that opts out for one database": (
        f"{ON}@transaction.non_atomic_requests(using='x')\n{VIEW}",
        AUTOCOMMIT,
        LOW,
    ),
    "code that runs at import": (f"{ON}{STATEMENT}", AUTOCOMMIT, HIGH),
    "switched off": (ON.replace("True", "False") + VIEW, AUTOCOMMIT, MEDIUM),
    "switched by the environment": (ON.replace("True", "environ['ATOMIC']") + VIEW, EXPLICIT, MEDIUM),
    "switched on by an assignment": (
        f"DATABASES['default']['ATOMIC_REQUESTS'] = True\n{VIEW}",
        EXPLICIT,
        MEDIUM,
    ),
    "read": (f"print(DATABASES['default']['ATOMIC_REQUESTS'])\n{VIEW}", AUTOCOMMIT, MEDIUM),
    "mentioned": (f"print('ATOMIC_REQUESTS')\n{VIEW}", AUTOCOMMIT, MEDIUM),
    "not there": (VIEW, AUTOCOMMIT, MEDIUM),
}


@pytest.mark.parametrize(("code", "kind", "certainty"), CASES.values(), ids=CASES.keys())
def test_the_transaction_is(code: str, kind: Transaction, certainty: Confidence) -> None:
    found = the_help(DJANGO + code).transaction
    assert (found.kind, found.certainty) == (kind, certainty)


def test_another_driver_s_connection_has_nothing_to_do_with_it() -> None:
    code = (
        f"{ON}import asyncpg\nclass A:\n    async def get(self, request):\n"
        "        await self.conn.execute('SET LOCAL a = 1')\n"
    )
    assert the_help(code).transaction.kind is not EXPLICIT


def test_the_setting_is_named_where_it_may_matter() -> None:
    (related,) = the_help(f"{DJANGO}{ON}def f():\n    {STATEMENT}").transaction.trail
    assert "ATOMIC_REQUESTS" in related.message
