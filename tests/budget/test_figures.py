"""Figures are ranges: what is computed of them holds for every number in them."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from txsafe.budget.figures import (
    LARGEST,
    Figure,
    Origin,
    Question,
    Source,
    between,
    known,
    product,
    smaller,
    total,
    unknown,
    unlimited,
)

ASK = Question("--instances N", "how many?")
HERE = Source(Origin.FLAG, "--instances 3")


@st.composite
def figures(draw: st.DrawFn) -> Figure:
    least = draw(st.integers(0, 50))
    most = draw(st.none() | st.integers(least, 100))
    return Figure(least=least, most=most)


def holds(figure: Figure, number: int) -> bool:
    return figure.least <= number and (figure.most is None or number <= figure.most)


def within(data: st.DataObject, figure: Figure) -> int:
    return data.draw(st.integers(figure.least, 200 if figure.most is None else figure.most))


@given(st.data(), st.lists(figures(), min_size=1, max_size=4))
def test_a_sum_and_a_product_hold_what_their_parts_come_to(data: st.DataObject, parts: list[Figure]) -> None:
    numbers = [within(data, part) for part in parts]
    multiplied = 1
    for number in numbers:
        multiplied *= number
    assert holds(total(parts), sum(numbers))
    assert holds(product(*parts), multiplied)


@given(st.data(), figures(), figures())
def test_a_cap_holds_the_smaller_number(data: st.DataObject, first: Figure, second: Figure) -> None:
    assert holds(smaller(first, second), min(within(data, first), within(data, second)))


@given(st.data(), st.lists(figures(), min_size=1, max_size=4))
def test_alternatives_hold_each_of_their_numbers(data: st.DataObject, parts: list[Figure]) -> None:
    chosen = data.draw(st.sampled_from(parts))
    assert holds(between(parts), within(data, chosen))


def test_what_nobody_said_is_at_least_one_and_keeps_its_question() -> None:
    asked = product(known(20, HERE), unknown(ASK))
    assert (asked.shown, asked.exact) == ("at least 20", None)
    assert asked.questions == (ASK,)
    assert asked.sources == (HERE,)


def test_what_is_unlimited_says_so_and_caps_nothing() -> None:
    endless = unlimited(HERE)
    assert endless.shown == "unlimited"
    assert total((known(5), endless)).unlimited
    assert smaller(known(5), endless).exact == smaller(endless, known(5)).exact == 5


def test_figures_are_shown_as_people_write_them() -> None:
    assert known(1000).shown == "1,000"
    assert Figure(least=3, most=20).shown == "3 to 20"
    assert known(10**12).exact == LARGEST
    assert total(()).exact == 0


def test_a_source_shows_its_place_first() -> None:
    assert Source(Origin.CODE, "pool_size = 20", "app/db.py", 12).shown == "app/db.py:12 (pool_size = 20)"
    assert HERE.shown == "--instances 3"
