"""What tests ask of processes that they have started."""

from __future__ import annotations

import os
import signal
import time

import pytest


def wait_until_gone(group: int) -> None:
    """Fail, and end it, where something of a process group is still there after five seconds."""
    for _ in range(100):
        try:
            os.killpg(group, 0)
        except ProcessLookupError:
            return
        time.sleep(0.05)
    os.killpg(group, signal.SIGKILL)
    pytest.fail("processes were left behind")
