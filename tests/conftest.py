"""What holds for all tests."""

from __future__ import annotations

import os
import signal

import pytest
from hypothesis import settings

# A deadline measures the machine, not the code: what must be fast has a test that counts or compares.
settings.register_profile("txsafe", deadline=None)
settings.load_profile("txsafe")


def pytest_configure() -> None:
    """Let what tests start be interrupted, as a shell's background job is not, and keep nothing between tests."""
    os.environ["TXSAFE_NO_CACHE"] = "1"  # tests/cache takes it back
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers() -> int:
    """Start one worker more than there are processors: one of them mostly waits for poolers."""
    return len(os.sched_getaffinity(0)) + 1


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the full lab, so that everything else runs while it waits."""
    items.sort(key=lambda item: item.get_closest_marker("lab") is None)
