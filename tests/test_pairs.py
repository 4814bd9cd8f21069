"""Which uses belong together, and which only seem to."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.feature_samples import AUTOCOMMIT, BLOCK, shipped_rules, site, uses_in
from txsafe.catalog.rules import Role
from txsafe.model import FeatureUse, Place, Span, Transaction, TransactionContext
from txsafe.pairs import pair_uses

OTHER_BLOCK = TransactionContext(kind=Transaction.EXPLICIT, block="c")


def paired(*statements: str, transaction: TransactionContext = BLOCK) -> list[bool]:
    """Return, for each use that requires something, whether it is paired."""
    sites = [site(text, transaction=transaction, start=100 * number) for number, text in enumerate(statements)]
    uses = uses_in(*sites)
    return [use.paired for use in uses if shipped_rules()[use.rule].variants[use.variant].requires]


@pytest.mark.parametrize(
    ("statements", "expected"),
    [
        (("SELECT pg_advisory_lock(1)", "SELECT pg_advisory_unlock(1)"), [True, True]),
        (("SELECT pg_advisory_lock(1)", "SELECT pg_advisory_unlock(2)"), [False, False]),
        (("SELECT pg_advisory_lock(1, 2)", "SELECT pg_advisory_unlock(1, 3)"), [False, False]),
        (("SELECT pg_advisory_lock(1)", "SELECT pg_advisory_unlock_all()"), [True, True]),
        (("SELECT pg_advisory_lock(\uf8f0)", "SELECT pg_advisory_unlock(1)"), [True, True]),
        (("SELECT pg_advisory_unlock(1)", "SELECT pg_advisory_lock(1)"), [False, False]),
        (("SELECT pg_advisory_lock(1)",), [False]),
        (("PREPARE p AS SELECT 1", "EXECUTE p", "DEALLOCATE p"), [True, True, True]),
        (("PREPARE p AS SELECT 1", "EXECUTE p"), [False, True]),
        (("EXECUTE p", "PREPARE p AS SELECT 1", "DEALLOCATE p"), [False, True, True]),
        (("PREPARE p AS SELECT 1", "EXECUTE q"), [False, False]),
        (("CREATE TEMP TABLE t (id int)", "DROP TABLE t"), [True]),
        (("CREATE TEMP TABLE t (id int)", "DROP TABLE u"), [False]),
        (("DROP TABLE t", "CREATE TEMP TABLE t (id int)"), [False]),
        (("SELECT nextval('s')", "SELECT currval('s')"), [True]),
        (("SELECT nextval('s')", "SELECT lastval()"), [True]),
        (("SELECT nextval('s')", "SELECT currval('t')"), [False]),
        (("SELECT setseed(0.5)", "SELECT random()"), [True]),
        (("SELECT setseed(0.5)",), [False]),
        (("SET ROLE auditor", "RESET ROLE"), [True, True]),
        (("DECLARE c CURSOR WITH HOLD FOR SELECT 1", "CLOSE c"), [True]),
        (("SELECT dblink_connect('a', 'dbname=b')", "SELECT dblink_disconnect('a')"), [True, True]),
        (("SET search_path TO a", "RESET search_path"), [False, False]),
    ],
)
def test_uses_of_one_transaction_pair(statements: tuple[str, ...], expected: list[bool]) -> None:
    assert paired(*statements) == expected


def test_nothing_pairs_in_autocommit() -> None:
    lock = ("SELECT pg_advisory_lock(1)", "SELECT pg_advisory_unlock(1)")
    assert paired(*lock, transaction=AUTOCOMMIT) == [False, False]


@pytest.mark.parametrize(
    "elsewhere",
    [
        {"transaction": OTHER_BLOCK},
        {"place": Place("other.py", Span(0, 1))},
        {"rule": "temp-table", "variant": "drop"},
        {"rule": "gone"},
        {"variant": "gone"},
    ],
)
def test_uses_pair_only_within_a_file_a_block_and_a_rule(elsewhere: dict[str, object]) -> None:
    lock, unlock = uses_in(
        site("SELECT pg_advisory_lock(1)", transaction=BLOCK), site("SELECT pg_advisory_unlock(1)", transaction=BLOCK)
    )
    strange = replace(unlock, paired=False, **elsewhere)  # type: ignore[arg-type]
    found = pair_uses((replace(lock, paired=False), strange), shipped_rules().values())
    assert [use.paired for use in found] == [False, False]


KEYS = st.sampled_from(["1", "2", "", "…"])
ROLES = {Role.OPENS: "lock", Role.CLOSES: "unlock"}


@given(st.lists(st.tuples(st.sampled_from(list(ROLES)), KEYS), max_size=12))
def test_pairing_in_two_passes_agrees_with_comparing_each_with_each(drawn: list[tuple[Role, str]]) -> None:
    def is_partner(first: str, second: str) -> bool:
        return first == second or not {first, second} <= {"1", "2"}

    uses = tuple(
        FeatureUse(
            rule="session-advisory-lock",
            variant=ROLES[role],
            place=Place("app.py", Span(number, number)),
            sql="",
            captures={"arguments": key},
            transaction=BLOCK,
        )
        for number, (role, key) in enumerate(drawn)
    )
    expected = [
        any(other is Role.CLOSES and is_partner(key, its) for other, its in drawn[number + 1 :])
        if role is Role.OPENS
        else any(other is Role.OPENS and is_partner(key, its) for other, its in drawn[:number])
        for number, (role, key) in enumerate(drawn)
    ]
    assert [use.paired for use in pair_uses(uses, shipped_rules().values())] == expected
