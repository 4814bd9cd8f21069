"""What holds for all tests."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from hypothesis import settings

if TYPE_CHECKING:
    import pytest

# A deadline measures the machine, not the code: what must be fast has a test that counts or compares.
settings.register_profile("txsafe", deadline=None)
settings.load_profile("txsafe")

WITHOUT_LAB = "not lab"
"""What pyproject.toml selects."""


def pytest_configure(config: pytest.Config) -> None:
    """Observe every pooler in CI too."""
    if os.environ.get("CI") and config.option.markexpr == WITHOUT_LAB:
        config.option.markexpr = "not soak"
