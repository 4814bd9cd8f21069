"""Conditions of pooler files."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from txsafe.catalog.conditions import Circumstances, Condition, read_condition, split_names, version_fits
from txsafe.catalog.document import Reader, parse_document
from txsafe.errors import CatalogError
from txsafe.model import Transaction

numbers = st.tuples(st.integers(0, 30), st.integers(0, 30))


def dotted(version: tuple[int, ...]) -> str:
    return ".".join(map(str, version))


def circumstances(**changes: object) -> Circumstances:
    values: dict[str, object] = {"mode": "transaction", "version": "1.24", "server_version": 15, **changes}
    return Circumstances(**values)  # type: ignore[arg-type]  # the tests give each field its own type


@given(numbers, numbers)
def test_ranges_order_versions_by_their_numbers(one: tuple[int, int], other: tuple[int, int]) -> None:
    assert version_fits(dotted(one), f">={dotted(other)}") == (one >= other)
    assert version_fits(dotted(one), f"<{dotted(other)}") == (one < other)
    assert version_fits(dotted(one), f">{dotted(other)}") == (one > other)
    assert version_fits(dotted(one), f"<={dotted(other)}") == (one <= other)


@given(numbers, numbers, numbers)
def test_a_range_holds_where_both_its_bounds_do(
    one: tuple[int, int], low: tuple[int, int], high: tuple[int, int]
) -> None:
    assert version_fits(dotted(one), f">={dotted(low)},<{dotted(high)}") == (low <= one < high)


def test_patch_releases_lie_after_their_minor_one() -> None:
    assert version_fits("1.21.1", ">=1.21,<1.22")


def test_an_unknown_version_is_in_no_range() -> None:
    assert not Condition(version=">=1.0").holds(circumstances(version=None))
    assert not Condition(version="<99").holds(circumstances(version=None))
    assert Condition().holds(circumstances(version=None))


def test_the_server_version_decides_by_itself() -> None:
    condition = Condition(server_version=">=18")
    assert condition.holds(circumstances(server_version=18))
    assert not condition.holds(circumstances(server_version=15))


@pytest.mark.parametrize(
    ("wanted", "value", "expected"),
    [
        ((">0",), "200", True),
        ((">0",), "0", False),
        ((">0",), None, False),
        (("<5",), "4", True),
        (("<5",), "5", False),
        ((">=5",), "5", True),
        (("<=5",), "6", False),
        (("yes",), "yes", True),
        (("yes",), "no", False),
        (("!yes",), None, False),
        (("*DISCARD ALL*",), "rollback; discard all", True),
        (("!*DISCARD ALL*", "!*RESET ALL*"), "DEALLOCATE ALL", True),
    ],
)
def test_settings_are_compared_as_globs_or_numbers(wanted: tuple[str, ...], value: str | None, expected: bool) -> None:
    settings = {} if value is None else {"setting": value}
    assert Condition(settings={"setting": wanted}).holds(circumstances(settings=settings)) is expected


@given(st.integers(0, 10**6), st.integers(0, 10**6))
def test_exactly_one_of_below_and_at_least_holds(value: int, limit: int) -> None:
    held = [
        Condition(settings={"n": (f"{sign}{limit}",)}).holds(circumstances(settings={"n": str(value)}))
        for sign in ("<", ">=")
    ]
    assert sorted(held) == [False, True]


def test_parameter_names_may_come_from_a_setting() -> None:
    condition = Condition(parameter_in=("timezone", "$extra"))
    settings = {"extra": "IntervalStyle, search_path"}
    assert condition.depends_on_name
    for name in ("timezone", "intervalstyle", "search_path"):
        assert condition.holds(circumstances(name=name, settings=settings))
    assert not condition.holds(circumstances(name="work_mem", settings=settings))
    assert not condition.holds(circumstances(name="search_path"))
    assert condition.may_hold(circumstances(name=None))


def test_mode_transaction_and_report_must_agree() -> None:
    assert not Condition(mode=("session",)).holds(circumstances())
    assert Condition(transaction=(Transaction.EXPLICIT,)).holds(circumstances(transaction=Transaction.EXPLICIT))
    assert not Condition(transaction=(Transaction.EXPLICIT,)).holds(circumstances())
    assert Condition(reported=True).holds(circumstances(reported=True))
    assert not Condition(reported=False).holds(circumstances(reported=True))


def test_lists_of_names_are_split_and_lower_case() -> None:
    assert split_names(" IntervalStyle ,search_path,, ") == ("intervalstyle", "search_path")


# ---------------------------------------------------------------- reading


def read(text: str) -> Condition:
    reader = Reader(parse_document(text, "x.yaml"))
    return read_condition(reader, ("transaction", "session"), {"number": True, "word": False})


def test_a_condition_is_read_with_all_its_parts() -> None:
    condition = read(
        "mode: session\nversion: '>=1.20, <1.24'\nserver-version: '>=18'\nsettings: {number: '>0', word: [a, b]}\n"
        "parameter-in: [TimeZone, $word]\nreported: 'no'\ntransaction: [explicit]"
    )
    assert condition == Condition(
        mode=("session",),
        version=">=1.20, <1.24",
        server_version=">=18",
        settings={"number": (">0",), "word": ("a", "b")},
        parameter_in=("timezone", "$word"),
        reported=False,
        transaction=(Transaction.EXPLICIT,),
    )
    assert read_condition(None, (), {}) == Condition()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("mode: sesion", "x.yaml:1: unknown mode 'sesion'; did you mean 'session'?"),
        ("version: latest", "x.yaml:1: 'latest' is no range of versions such as '>=1.20,<1.24'"),
        ("server-version: '18'", "x.yaml:1: '18' is no range of versions such as '>=1.20,<1.24'"),
        ("settings: {numbr: a}", "x.yaml:1: unknown setting 'numbr'; did you mean 'number'?"),
        ("settings: {word: []}", "x.yaml:1: nothing is asked of setting 'word'"),
        ("settings: {word: '>0'}", "x.yaml:1: 'word' can only be compared alone, and if it is a number"),
        ("settings: {number: ['>0', '3']}", "x.yaml:1: 'number' can only be compared alone, and if it is a number"),
        ("parameter-in: $wrd", "x.yaml:1: unknown setting '$wrd'; did you mean 'word'?"),
        ("reported: maybe", "x.yaml:1: 'reported' must be yes or no, not 'maybe'"),
        ("transaction: open", "x.yaml:1: 'open' is none of explicit, implicit, autocommit, unknown"),
        ("moed: session", "x.yaml:1: unknown key 'moed'; did you mean 'mode'?"),
    ],
)
def test_a_wrong_condition_is_told_with_its_place(text: str, message: str) -> None:
    with pytest.raises(CatalogError) as caught:
        read(text)
    assert str(caught.value) == message
