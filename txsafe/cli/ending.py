"""A command's run in, its exit status out, whatever goes wrong; the user's mistakes are told without a traceback."""

from __future__ import annotations

import sys

from txsafe.errors import TxsafeError

TYPE_CHECKING = False  # see `txsafe.results`
if TYPE_CHECKING:
    from collections.abc import Callable

FAILED = 2
INTERRUPTED = 130
"""128 + SIGINT, as shells have it."""


def conclude(run: Callable[[], int], *, debug: bool) -> int:
    """Run a command and return its exit status, with all that it wrote sent off."""
    try:
        status = run()
    except TxsafeError as error:
        tell(str(error))
        status = FAILED
    except KeyboardInterrupt:
        tell("interrupted")
        status = INTERRUPTED
    except Exception as error:  # noqa: BLE001  # the last resort: one line, and the exit status says it all
        _tell_defect(error, debug=debug)
        status = FAILED
    _flush()
    return status


def tell(text: str) -> None:
    """Say something on standard error, which escapes what it cannot spell."""
    sys.stderr.write(f"{text}\n")
    sys.stderr.flush()


def _tell_defect(error: Exception, *, debug: bool) -> None:
    if debug:
        import traceback

        tell("".join(traceback.format_exception(error)).rstrip("\n"))
    else:
        hint = "run again with --debug and report it, please"
        tell(f"internal error: {type(error).__name__}: {error}; {hint}")


def _flush() -> None:
    """Flush here, where a closed pipe can still be dealt with; the interpreter would complain about one."""
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        from txsafe.cli.terminal import discard_output

        discard_output()
