"""What an expression says of a number that the environment decides."""

from __future__ import annotations

import pytest

from txsafe.budget.expressions import LONGEST, Reading, read_expression


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("20", Reading(default=20)),
        ("'20'", Reading(default=20)),
        ("os.environ['SIZE']", Reading(variable="SIZE")),
        ("os.environ.get('SIZE')", Reading(variable="SIZE")),
        ("int(os.environ.get('SIZE', '20'))", Reading(variable="SIZE", default=20)),
        ("int(os.getenv('SIZE', 20))", Reading(variable="SIZE", default=20)),
        ("int(os.getenv('SIZE') or 7)", Reading(variable="SIZE", default=7)),
        ("env.int('SIZE', default=9)", Reading(variable="SIZE", default=9)),
        ("config('SIZE', cast=int, default=20)", Reading(variable="SIZE", default=20)),
        ("env.int('SIZE', default=nobody_knows())", Reading(variable="SIZE")),
        ("multiprocessing.cpu_count() * 2 + 1", Reading(processors=True)),
    ],
)
def test_a_variable_and_its_default_are_read(text: str, expected: Reading) -> None:
    assert read_expression(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "",
        "size",
        "build('SIZE', 20)",
        "settings['SIZE']",
        "True",
        "None",
        "20 if",
        "'many'",
        "(" * 300,
        "1" * (LONGEST + 1),
    ],
)
def test_anything_else_says_nothing(text: str) -> None:
    assert read_expression(text) is None
