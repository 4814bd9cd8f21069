"""Commands → how long they take, side by side.

Commands are run in turn, round after round. Time and memory are what the kernel says of the process and of its
children that were waited for; memory is that of the largest single one.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import time
from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from pathlib import Path

_MEMORY_UNIT = 1 if sys.platform == "darwin" else 1024
"""Bytes in one unit of ru_maxrss: getrusage(2) of each system."""


@dataclass(frozen=True, slots=True)
class Task:
    """A command; what has to be done before each run of it is not measured."""

    name: str
    command: Sequence[str]
    folder: Path
    before: Callable[[], None] = lambda: None
    statuses: frozenset[int] = frozenset({0, 1})
    """The exit statuses that are answers: linters say 1 where they found something."""
    once: bool = False
    """It takes so long that a second of more or less does not matter: measured in the first round only."""


@dataclass(frozen=True, slots=True)
class Usage:
    """What a command took: seconds, and bytes."""

    wall: float
    cpu: float
    memory: int


def measure(tasks: Iterable[Task], *, rounds: int, say: Callable[[str], None]) -> Mapping[str, Usage]:
    """Return the medians over all rounds by task; a command that fails is told of, and left out from then on."""
    tasks = tuple(tasks)
    runs: dict[str, list[Usage]] = defaultdict(list)
    failed: set[str] = set()
    for number in range(1, rounds + 1):
        for task in tasks:
            if task.name in failed or (task.once and number > 1):
                continue
            task.before()
            try:
                usage = run(task)
            except OSError as error:
                say(str(error))
                failed.add(task.name)
                continue
            runs[task.name].append(usage)
            taken = f"{usage.wall:.2f} s, CPU {usage.cpu:.2f} s, {usage.memory / 1e6:.0f} MB"
            say(f"round {number}/{rounds}  {task.name}: {taken}")
    return {name: _median(usages) for name, usages in runs.items() if name not in failed}


def run(task: Task) -> Usage:
    """Run a command once; raises `OSError` where it fails."""
    started = time.perf_counter()
    with subprocess.Popen(  # noqa: S603  # commands of ours
        task.command, cwd=task.folder, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as process:
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    wall = time.perf_counter() - started
    if process.returncode not in task.statuses:
        raise OSError(f"{task.name} ended with {process.returncode}: {' '.join(task.command)}")
    return Usage(wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss * _MEMORY_UNIT)


def _median(usages: Sequence[Usage]) -> Usage:
    return Usage(
        statistics.median(usage.wall for usage in usages),
        statistics.median(usage.cpu for usage in usages),
        int(statistics.median(usage.memory for usage in usages)),
    )
