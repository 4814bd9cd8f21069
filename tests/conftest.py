"""What holds for all tests."""

from __future__ import annotations

import os
import signal
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
    """Observe every pooler in CI too, and let what tests start be interrupted, as a shell's background job is not."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    if os.environ.get("CI") and config.option.markexpr == WITHOUT_LAB:
        config.option.markexpr = "not soak"
