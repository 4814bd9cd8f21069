"""Stops what the lab started and removes its run folder, once the test session is gone: orderly or by a crash.

A process of its own whose standard input is a pipe from the session. Each line there is a process: id, start time,
signal.
At the pipe's end, which the kernel sees to even when the session is killed, it stops them, the last started first, and
what they have forked: a pooler's workers may outlive it and go on for ever.
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
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

PATIENCE = 10.0
"""Seconds for an orderly stop before SIGKILL."""
GRACE = 1.0
"""Seconds for what a server has forked to follow it."""


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
    fields = _read_status(pid)
    return None if fields is None else fields[19]


def _read_status(pid: int) -> list[str] | None:
    """Return the fields of a process from its state on; see proc(5)."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
    except OSError:
        return None
    return None if fields[0] in "ZX" else fields


def list_followers(charges: Iterable[Charge]) -> tuple[Charge, ...]:
    """Return what is left of the sessions that these processes lead, led or not.

    An id is given away again only when nobody's session has it, so what has it follows this process, or another one
    that has the id now.
    """
    now = {charge.pid: process_start(charge.pid) for charge in charges}
    own = {charge.pid for charge in charges if now[charge.pid] in {charge.started, None}}
    found = []
    for pid in (int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdigit()):
        fields = _read_status(pid)
        if fields is not None and pid not in own and int(fields[3]) in own:
            found.append(Charge(pid, fields[19], signal.SIGKILL))
    return tuple(found)


def stop(*charges: Charge) -> None:
    """Stop processes and what they have forked, by force where they do not go."""
    for charge in charges:
        _send(charge, charge.signal)
    _wait(PATIENCE, lambda: any(charge.alive for charge in charges))
    for charge in charges:
        _send(charge, signal.SIGKILL)
    _wait(GRACE, lambda: bool(list_followers(charges)))
    # What forks while it is being stopped is met the next time.
    _wait(PATIENCE, lambda: _kill_followers(charges))


def _kill_followers(charges: Iterable[Charge]) -> bool:
    """Tell whether there were any."""
    followers = list_followers(charges)
    for follower in followers:
        _send(follower, follower.signal)
    return bool(followers)


def _wait(seconds: float, condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + seconds
    while condition() and time.monotonic() < deadline:
        time.sleep(0.02)


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
