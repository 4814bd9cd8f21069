"""Whether the second of two calls surely follows the first, once, and what the rest of the function may do."""

from __future__ import annotations

import ast

import pytest

from txsafe.python.scopes import Module
from txsafe.rewrites.straight_line import Course, follow, repeats
from txsafe.source import decode

OPENED = "def f(dsn, work, rows):\n    conn = connect(dsn)\n    cur = conn.cursor()\n"


def course(body: str, head: str = OPENED) -> Course | None:
    """Follow `cur.execute("first")` to `cur.execute("second")`; calls that send "known" are known."""
    text = head + "".join(f"    {line}\n" for line in body.splitlines())
    module = Module.of(decode(text.encode(), "app.py"))
    by_text = {
        call.args[0].value: call for call in module.calls if call.args and isinstance(call.args[0], ast.Constant)
    }
    known = frozenset(by_text[name] for name in ("first", "second", "known") if name in by_text)
    return follow(module, by_text["first"], by_text["second"], known=known)


FIRST, SECOND = 'cur.execute("first")', 'cur.execute("second")'


@pytest.mark.parametrize(
    "body",
    [
        f"{FIRST}\n{SECOND}",
        f"{FIRST}\nx = 1\n{SECOND}\nreturn cur.fetchall()",
        f"with conn.cursor() as cur:\n    {FIRST}\nwith conn.cursor() as cur:\n    {SECOND}",
        f"with conn:\n    {FIRST}\n    with conn.transaction():\n        pass\n        {SECOND}",
        f"try:\n    {FIRST}\n    {SECOND}\nfinally:\n    conn.close()",
        f"{FIRST}\nfor row in {SECOND}:\n    print(row)",
        f"{FIRST}\nrows = [row for row in {SECOND}]",
        f"{FIRST}\nif {SECOND}:\n    pass",
        f'{FIRST}\n{SECOND}\ncur.execute("known")',
        f"{FIRST}\n{SECOND}\nconn.commit()",
    ],
)
def test_what_follows_in_any_case_does_so_without_a_doubt(body: str) -> None:
    found = course(body)
    assert found is not None
    assert not found.care


@pytest.mark.parametrize(
    ("body", "care"),
    [
        (f"{FIRST}\nprint(rows)\n{SECOND}", "other work is done in between"),
        (f"{FIRST}\nconn.commit()\n{SECOND}", "the transaction ends in between"),
        (f"{FIRST}\n{SECOND}\nwork(conn)", "the connection is handed on"),
        (f"{FIRST}\n{SECOND}\nwork(row=[cur])", "the connection is handed on"),
        (f"{FIRST}\n{SECOND}\ncur.nextset()", "the connection is handed on"),
        (f"{FIRST}\n{SECOND}\nreturn conn", "the connection is handed out"),
        (f"{FIRST}\n{SECOND}\nyield cur", "the connection is handed out"),
    ],
)
def test_what_else_happens_is_a_doubt(body: str, care: str) -> None:
    found = course(body)
    assert found is not None
    assert found.care == (care,)


@pytest.mark.parametrize(
    "head",
    [
        "def f(cur):\n",
        "def f(conn):\n    cur = conn.cursor()\n",
        "def f(self):\n    cur = self.conn.cursor()\n",
        "cur = connect(dsn).cursor()\nif cur:\n",
    ],
)
def test_who_was_given_the_connection_may_not_be_the_only_one_that_has_it(head: str) -> None:
    found = course(f"{FIRST}\n{SECOND}", head)
    assert found is not None
    assert found.care == ("the connection is handed out",)


@pytest.mark.parametrize("opening", ["connect(dsn)", "await connect(dsn)", "pool.acquire()", "pools[0].connection()"])
def test_a_connection_that_the_function_opens_is_its_own(opening: str) -> None:
    found = course(f"{FIRST}\n{SECOND}", f"async def f(pool, dsn):\n    conn = {opening}\n    cur = conn.cursor()\n")
    assert found is not None
    assert not found.care


@pytest.mark.parametrize(
    "body",
    [
        f"if dsn:\n    {FIRST}\n{SECOND}",
        f"for row in rows:\n    {FIRST}\n{SECOND}",
        f"{FIRST}\nfor row in rows:\n    {SECOND}",
        f"{FIRST}\nwhile {SECOND}:\n    pass",
        f"{FIRST}\nx = {SECOND} if rows else 1",
        f"{FIRST}\nx = rows and {SECOND}",
        f"{FIRST}\nx = [{SECOND} for row in rows]",
        f"{FIRST}\nx = [1 for row in rows if {SECOND}]",
        f"{FIRST}\nx = lambda: {SECOND}",
        f"{FIRST}\ndef g():\n    {SECOND}",
        f"{SECOND}\n{FIRST}",
        f"try:\n    {FIRST}\nexcept Exception:\n    {SECOND}",
        f"{FIRST}\nwork(cur)\n{SECOND}",
        f"{FIRST}\ncur.nextset()\n{SECOND}",
        f"{FIRST}\ncur.execute(dsn)\n{SECOND}",
        f"{FIRST}\n{SECOND}\ncur.execute(dsn)",
        f"{FIRST}\n{SECOND}\nconn.copy_expert(dsn)",
    ],
)
def test_what_may_not_follow_or_not_once_is_refused(body: str) -> None:
    assert course(body) is None


def test_many_rows_are_sent_one_by_one() -> None:
    for text, expected in (("cur.executemany(x)", True), ("execute_values(cur, x)", True), ("cur.execute(x)", False)):
        call = ast.parse(text, mode="eval").body
        assert isinstance(call, ast.Call)
        assert repeats(call) is expected
