"""Which uses belong together, and which only seem to."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.feature_samples import AUTOCOMMIT, BLOCK, shipped_rules, site, uses_in
from txsafe.catalog.rules import Role
from txsafe.model import Confidence, FeatureUse, Place, Span, Transaction, TransactionContext
from txsafe.pairs import MOST_PARTNERS, Held, Pair, find_pairs, pair_uses

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


def found_in(*statements: tuple[str, dict[str, object]]) -> tuple[Pair, ...]:
    sites = [
        replace(site(text, start=100 * number), **about)  # type: ignore[arg-type]
        for number, (text, about) in enumerate(statements)
    ]
    return find_pairs(uses_in(*sites), shipped_rules().values())


LOCK, UNLOCK = "SELECT pg_advisory_lock(1)", "SELECT pg_advisory_unlock(1)"
UNKNOWN = TransactionContext()
UNSURE = TransactionContext(kind=Transaction.AUTOCOMMIT, certainty=Confidence.MEDIUM)


@pytest.mark.parametrize(
    ("about", "its", "held"),
    [
        ({"transaction": BLOCK}, {"transaction": BLOCK}, [Held.SURELY]),
        ({"transaction": BLOCK}, {"transaction": BLOCK, "scope": "other"}, [Held.SURELY]),
        ({"transaction": BLOCK}, {"transaction": OTHER_BLOCK}, [Held.NOT]),
        ({"transaction": AUTOCOMMIT}, {"transaction": AUTOCOMMIT}, [Held.NOT]),
        ({"transaction": UNSURE}, {"transaction": UNSURE}, [Held.PERHAPS]),
        ({"transaction": UNSURE}, {"transaction": AUTOCOMMIT}, [Held.NOT]),
        ({"transaction": UNKNOWN}, {"transaction": UNKNOWN}, [Held.NOT]),
        (
            {"transaction": UNKNOWN, "connection": "c"},
            {"transaction": UNKNOWN, "connection": "c"},
            [Held.PERHAPS],
        ),
        ({"transaction": UNKNOWN, "connection": "c"}, {"transaction": UNKNOWN, "connection": "d"}, []),
        ({"transaction": AUTOCOMMIT, "scope": "A.f"}, {"transaction": AUTOCOMMIT, "scope": "A.g"}, [Held.NOT]),
        ({"transaction": AUTOCOMMIT, "scope": "A.f"}, {"transaction": AUTOCOMMIT, "scope": "B.g"}, []),
        ({"transaction": AUTOCOMMIT, "scope": "f"}, {"transaction": AUTOCOMMIT, "scope": "g"}, []),
    ],
)
def test_a_pair_tells_whether_one_transaction_holds_both(
    about: dict[str, object], its: dict[str, object], held: list[Held]
) -> None:
    pairs = found_in((LOCK, about), (UNLOCK, its))
    assert [pair.held for pair in pairs] == held
    for pair in pairs:
        assert [use.captures["call"] for use in (pair.opening, *pair.others)] == [
            "pg_advisory_lock",
            "pg_advisory_unlock",
        ]


def test_a_pair_names_at_most_so_many_partners() -> None:
    (pair,) = found_in((LOCK, {}), *((UNLOCK, {}) for _ in range(30)))
    assert len(pair.others) == MOST_PARTNERS


def marks(*statements: tuple[str, dict[str, object]]) -> tuple[FeatureUse, ...]:
    sites = [
        replace(site(text, start=100 * number), **about)  # type: ignore[arg-type]
        for number, (text, about) in enumerate(statements)
    ]
    return pair_uses(uses_in(*sites), shipped_rules().values())


def test_what_a_caller_may_hold_is_less_sure() -> None:
    lock, unlock = marks((LOCK, {"transaction": UNSURE}), (UNLOCK, {"transaction": UNSURE}))
    assert (lock.confidence, unlock.confidence) == (Confidence.MEDIUM, Confidence.MEDIUM)
    assert not lock.paired


def test_a_lock_that_nobody_gives_back_is_as_sure_as_ever() -> None:
    (lock,) = marks((LOCK, {"transaction": UNSURE}))
    assert lock.confidence is Confidence.HIGH


def test_a_helper_s_unlock_is_part_of_its_lock() -> None:
    alone = {"transaction": AUTOCOMMIT}
    lock, unlock, other = marks(
        (LOCK, {**alone, "scope": "A.f"}), (UNLOCK, {**alone, "scope": "A.g"}), (UNLOCK, {**alone, "scope": "A.h"})
    )
    assert (unlock.part_of, other.part_of) == (lock.place, lock.place)
    assert [related.place for related in lock.trail] == [unlock.place, other.place]
    assert lock.part_of is None


def test_a_function_s_own_unlock_is_a_finding_of_its_own() -> None:
    lock, unlock = marks((LOCK, {"transaction": AUTOCOMMIT}), (UNLOCK, {"transaction": AUTOCOMMIT}))
    assert (lock.part_of, unlock.part_of) == (None, None)
