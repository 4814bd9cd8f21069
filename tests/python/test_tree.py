from __future__ import annotations

import ast
import warnings

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.python.analysed import source_of
from txsafe.errors import SourceError
from txsafe.model import Span
from txsafe.python.tree import parse_module, span_of


def error_of(text: str) -> SourceError:
    with pytest.raises(SourceError) as caught:
        parse_module(source_of(text))
    return caught.value


def test_a_program_is_parsed() -> None:
    assert ast.unparse(parse_module(source_of("x = 1\n"))) == "x = 1"


@pytest.mark.parametrize(
    "line",
    [
        "print x",
        'print "a" % b',
        "raise E, 'x'",
        "exec 'x'",
        "y = `x`",
        "if x <> y: pass",
        "x = 10L",
        "x = 0777",
        "x = ur'a'",
    ],
)
def test_python_2_is_called_by_its_name(line: str) -> None:
    error = error_of(f"import os\n{line}\n")
    assert "Python 2" in str(error)
    assert error.line == 2


def test_an_exception_bound_by_a_comma_is_python_2() -> None:
    error = error_of("try:\n    pass\nexcept ValueError, e:\n    pass\n")
    assert "Python 2" in str(error)
    assert error.line == 3


def test_a_syntax_error_names_its_line() -> None:
    error = error_of("x = 1\n\ny = (\n")
    assert "never closed" in str(error)
    assert error.line == 3


def test_a_null_byte_is_an_error_of_its_line() -> None:
    error = error_of("x = 1\ny = '\0'\n")
    assert "null byte" in str(error)
    assert error.line == 2


@pytest.mark.parametrize(
    "text",
    ["x = " + "(" * 2000 + ")" * 2000, "x = " + "-" * 100_000 + "1", "x = " + "+".join(["1"] * 100_000)],
    ids=["brackets", "signs", "sums"],
)
def test_nesting_that_is_too_deep_is_an_error(text: str) -> None:
    assert "nested too deeply" in str(error_of(text))


def test_lone_surrogates_are_an_error() -> None:
    assert "cannot be parsed" in str(error_of("x = '\ud800'"))


def test_warnings_about_analysed_code_are_not_shown_and_others_are() -> None:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        parse_module(source_of(r"x = '\d' is 1"))
        parse_module(source_of(r"y = '\d' is 1"))
        warnings.warn("own", UserWarning, stacklevel=1)
    assert [str(warning.message) for warning in caught] == ["own"]


def test_a_node_without_a_position_covers_the_file() -> None:
    source = source_of("x = 1\n")
    assert span_of(source, parse_module(source)) == Span(0, 6)


def test_a_node_without_an_end_covers_nothing() -> None:
    source = source_of("xyz")
    node = ast.Name("xyz", ast.Load(), lineno=1, col_offset=1)
    assert span_of(source, node) == Span(1, 1)


@settings(deadline=None)
@given(
    st.text("aé漢😀\x0c ", max_size=8), st.sampled_from(["\n", "\r\n", "\r"]), st.text("xé😀", min_size=1, max_size=5)
)
def test_a_span_slices_the_literal_out_of_the_file(before: str, newline: str, inside: str) -> None:
    text = f"a = '''{before}{newline}{before}'''; b = '{inside}'{newline}"
    source = source_of(text)
    module = parse_module(source)
    literals = [node for node in ast.walk(module) if isinstance(node, ast.Constant)]
    spans = [span_of(source, node) for node in literals]
    assert {text[span.start : span.end] for span in spans} == {f"'''{before}{newline}{before}'''", f"'{inside}'"}
