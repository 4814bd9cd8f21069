"""Files in, their reports out, from other processes: a pool of our own, or an executor of somebody else's.

A process that dies takes no file with it: what was not answered is tried again, one file after the other, and only what
kills its process again is reported.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from concurrent.futures import BrokenExecutor, CancelledError, Executor, Future, ProcessPoolExecutor, as_completed
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING

from txsafe.errors import TxsafeError
from txsafe.results import FileReport
from txsafe.workers import Answer, Numbered, Setting, Work, analyze_chunk, analyzer_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from multiprocessing.process import BaseProcess

FILES_PER_TASK = 8


def run_elsewhere(
    files: Sequence[Numbered], setting: Setting, executor: Executor | None, *, jobs: int
) -> Iterator[Answer]:
    """Yield the reports of some files from an executor, or from as many as `jobs` processes of our own."""
    if executor is not None:
        yield from _survive(files, setting, executor, partial(analyze_chunk, setting=setting))
        return
    with _pool(min(jobs, -(-len(files) // FILES_PER_TASK)), setting) as pool:
        yield from _survive(files, setting, pool, _analyze_assigned)


@contextmanager
def _pool(jobs: int, setting: Setting) -> Iterator[Executor]:
    """Yield processes that know the setting, which is large: it names every file of the run.

    Their end is waited for unless nobody wants their answers any more: see `_follow_parent`.
    """
    if multiprocessing.get_start_method() == "fork":
        analyzer_of(setting)  # they inherit what is loaded by now
    pool = ProcessPoolExecutor(jobs, initializer=_start_worker, initargs=(setting,))
    is_done = False
    try:
        yield pool
        is_done = True
    finally:
        pool.shutdown(wait=is_done, cancel_futures=True)


_assigned: list[Setting] = []
"""What this process analyses files for, where it is a worker of ours."""


def _start_worker(setting: Setting) -> None:
    _assigned[:] = [setting]
    _follow_parent()


def _analyze_assigned(files: Sequence[Numbered]) -> tuple[Answer, ...]:
    return analyze_chunk(files, _assigned[0])


def _follow_parent() -> None:
    """Let a worker end without a word when the user interrupts, and whenever the parent is gone, however that ended."""
    if signal.getsignal(signal.SIGINT) is not signal.SIG_IGN:  # a shell's background job ignores it, parent and all
        signal.signal(signal.SIGINT, signal.SIG_DFL)
    parent = multiprocessing.parent_process()
    if parent is not None:
        threading.Thread(target=_end_with, args=(parent,), daemon=True).start()


def _end_with(process: BaseProcess) -> None:
    process.join()
    os._exit(1)  # the main thread may wait for work that nobody gives it any more


def _survive(files: Sequence[Numbered], setting: Setting, executor: Executor, work: Work) -> Iterator[Answer]:
    """Analyse in other processes; where one dies, go on with what is left in a way that tells what killed it.

    An executor of somebody else's says in its own way that it lost a task, so whatever is not ours counts for that.
    """
    left = dict(files)
    try:
        for number, report in _spread(files, executor, work):
            del left[number]
            yield number, report
    except TxsafeError:
        raise
    except (Exception, CancelledError):  # noqa: BLE001
        yield from _one_by_one(tuple(left.items()), setting)


def _one_by_one(files: Sequence[Numbered], setting: Setting) -> Iterator[Answer]:
    """Analyse in one process at a time, so that it was the file under way that killed it."""
    position = 0
    while position < len(files):
        with _pool(1, setting) as pool:
            try:
                while position < len(files):
                    yield from pool.submit(_analyze_assigned, (files[position],)).result()
                    position += 1
            except BrokenExecutor:
                number, file = files[position]
                yield number, FileReport.unread(file.display, "not analysed: the process that analysed it was killed")
                position += 1


def _spread(files: Sequence[Numbered], executor: Executor, work: Work) -> Iterator[Answer]:
    futures: list[Future[tuple[Answer, ...]]] = [
        executor.submit(work, tuple(files[start : start + FILES_PER_TASK]))
        for start in range(0, len(files), FILES_PER_TASK)
    ]
    try:
        for future in as_completed(futures):
            yield from future.result()
    finally:
        for future in futures:
            future.cancel()
