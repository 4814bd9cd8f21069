"""A pattern that is compiled later does what a compiled one does."""

from __future__ import annotations

import re

import pytest

from txsafe.patterns import later


def test_it_does_what_a_compiled_one_does() -> None:
    lazy = later(r"(a+)(b)?", re.IGNORECASE)
    compiled = re.compile(r"(a+)(b)?", re.IGNORECASE)
    for text in ("", "xAAb", "aab ab"):
        assert lazy.findall(text) == compiled.findall(text)
        assert lazy.sub("-", text) == compiled.sub("-", text)
        assert (lazy.match(text) is None) == (compiled.match(text) is None)
    assert (lazy.pattern, lazy.flags, lazy.groups) == (compiled.pattern, compiled.flags, compiled.groups)


def test_it_is_compiled_by_its_first_use() -> None:
    broken = later("(")
    with pytest.raises(re.error):
        broken.match("")


def test_it_has_nothing_that_a_pattern_has_not() -> None:
    with pytest.raises(AttributeError):
        _ = later("a").nonsense  # type: ignore[attr-defined]
