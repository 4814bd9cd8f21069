"""`python -m txsafe`, and the command: what an earlier run knows is said without loading anything else."""

from __future__ import annotations

import gc
import os
import sys

INTERRUPTED = 130
"""128 + SIGINT, as shells have it."""
_SECONDS_TO_END = 0.7
"""After an interrupt; what is left to do then is of no use to anybody."""
_COLLECTION = 50_000
"""Objects after which Python looks for garbage: what is loaded at the start is none, and a tenth of it is to look."""


def start() -> None:
    """Run the command line and exit."""
    told = False
    gc.set_threshold(_COLLECTION)
    try:
        _leave_working_directory()
        from txsafe.cache.replay import replay

        status = replay(sys.argv[1:])
        if status is None:
            _end_soon_when_interrupted()
            from txsafe.cli.plain import answer

            status = answer(sys.argv[1:])
            told = status is not None
        if status is None:
            from txsafe.cli.group import main

            main(prog_name="txsafe")
    except KeyboardInterrupt:  # while something was loaded
        status = INTERRUPTED
    except SystemExit as error:
        told = True
        status = error.code if isinstance(error.code, int) else 0
    if status == INTERRUPTED:
        _end_at_once(told=told)
    sys.exit(status)


def _leave_working_directory() -> None:
    """Import nothing from the working directory, which `python -m` looks into first: it is what is analysed."""
    own = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))  # noqa: PTH100, PTH120  # pathlib is slow to load
    first = os.path.abspath(sys.path[0]) if sys.path else own  # noqa: PTH100
    if first == os.getcwd() != own:  # noqa: PTH109
        del sys.path[0]


def _end_soon_when_interrupted() -> None:
    """Keep the promise that an interrupt ends a run within a second, also where Python loses it.

    A `KeyboardInterrupt` in a callback (of a weak reference, of a fork) is told of and forgotten, and imports are full
    of them. `probe` has something to clean up on a server first, and takes the time for it.
    """
    import signal

    def interrupt(*_: object) -> None:
        signal.signal(signal.SIGALRM, lambda *_: _end_at_once(told=False))
        signal.setitimer(signal.ITIMER_REAL, _SECONDS_TO_END)
        raise KeyboardInterrupt

    is_heeded = signal.getsignal(signal.SIGINT) is signal.default_int_handler  # a background job of a shell ignores it
    if is_heeded and hasattr(signal, "setitimer") and sys.argv[1:2] != ["probe"]:
        signal.signal(signal.SIGINT, interrupt)


def _end_at_once(*, told: bool) -> None:
    """End without waiting for workers, which notice that nobody waits for their answers.

    A normal end would not do, either: where the interrupt came while a text was executed (dataclasses are made so), the
    interpreter has noted that (`_Py_UnhandledKeyboardInterrupt`), and ends by SIGINT whatever the exit status is.
    """
    if not told:
        os.write(2, b"interrupted\n")
    os._exit(INTERRUPTED)


if __name__ == "__main__":
    start()
