"""Reports survive being written down; what is damaged is refused, whatever it is."""

from __future__ import annotations

import json
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from txsafe.analysis import Analyzer
from txsafe.cache.codec import DamagedError, decode, encode
from txsafe.config import Config
from txsafe.discovery import FileInput
from txsafe.model import FileReport, Keeps, Position

RULES = Path(__file__).parents[2] / "fixtures/rules"
ANALYZER = Analyzer.of(Config(), keeps=Keeps.USES)


@pytest.mark.parametrize("path", sorted(RULES.rglob("*.*")), ids=lambda path: path.name)
def test_a_report_is_the_same_after_it_was_kept(path: Path) -> None:
    report = ANALYZER.analyze(FileInput(path, path.name))
    kept = json.loads(json.dumps(encode(report)))
    assert decode(FileReport, kept) == report
    assert decode(FileReport, kept).diagnostics == report.diagnostics


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
)


@given(value=JSON)
def test_what_is_no_report_is_refused(value: object) -> None:
    with pytest.raises(DamagedError):
        decode(FileReport, value)  # type: ignore[arg-type]  # that is the point


@given(data=st.data(), value=JSON)
def test_a_report_with_a_part_exchanged_is_refused_or_a_report(data: st.DataObject, value: object) -> None:
    report = ANALYZER.analyze(FileInput(Path("a.sql"), "a.sql", b"LISTEN jobs;\nSET search_path TO a;\n"))
    kept = json.loads(json.dumps(encode(report)))
    place = kept
    while isinstance(place, list) and place:
        index = data.draw(st.integers(0, len(place) - 1))
        if not isinstance(place[index], list) or not place[index] or data.draw(st.booleans()):
            place[index] = value
            break
        place = place[index]
    with suppress(DamagedError):
        assert isinstance(decode(FileReport, kept), FileReport)


def test_a_number_is_no_truth_value() -> None:
    assert decode(Position, [1, 2]) == Position(1, 2)
    with pytest.raises(DamagedError):
        decode(Position, [True, 2])


def test_what_is_no_part_of_the_model_is_a_defect() -> None:
    with pytest.raises(TypeError):
        encode(1.5)
    with pytest.raises(TypeError):
        decode(list[int], [1])
