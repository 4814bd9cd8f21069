"""Stops what the lab started and removes its run folder, once the test session is gone: orderly or by a crash.

A process of its own whose standard input is a pipe from the session. Each line there is a process: id, start time,
signal.
At the pipe's end, which the kernel sees to even when the session is killed, it stops them, the last started first.
Only the standard library, since it may outlive the checkout's environment.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import sys
import time
from dataclasses import dataclass
from pathlib import Path

PATIENCE = 10.0
"""Seconds for an orderly stop before SIGKILL."""


@dataclass(frozen=True, slots=True)
class Charge:
    """A process to stop. The start time tells it from a later one with the same id."""

    pid: int
    started: str
    signal: int

    @property
    def alive(self) -> bool:
        return process_start(self.pid) == self.started


def process_start(pid: int) -> str | None:
    """Return when a process started, in clock ticks since boot; None where it is gone or only its entry is left."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
    except OSError:
        return None
    return None if fields[0] in "ZX" else fields[19]


def stop(*charges: Charge) -> None:
    """Stop processes, by force where they do not go."""
    deadline = time.monotonic() + PATIENCE
    for charge in charges:
        _send(charge, charge.signal)
    while any(charge.alive for charge in charges) and time.monotonic() < deadline:
        time.sleep(0.02)
    for charge in charges:
        _send(charge, signal.SIGKILL)


def _send(charge: Charge, number: int) -> None:
    if charge.alive:
        with contextlib.suppress(ProcessLookupError):
            os.kill(charge.pid, number)


def main(folder: str) -> None:
    """Wait for the session's end, then clean up."""
    charges = []
    for line in sys.stdin:
        pid, started, number = line.split()
        charges.append(Charge(int(pid), started, int(number)))
    stop(*reversed(charges))
    shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main(sys.argv[1])
