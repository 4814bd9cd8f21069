"""`python -m txsafe`, and the command: what an earlier run knows is said without loading anything else."""

from __future__ import annotations

import gc
import os
import sys

INTERRUPTED = 130
"""128 + SIGINT, as shells have it."""
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
