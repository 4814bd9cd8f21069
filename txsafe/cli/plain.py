"""A command line in, the run of `check` that it asks for out, where it is plain: flags in full, paths, `check` or not.

click takes longer to load than a file to check, and what it does for a plain command line is little. What is not plain
(another command, `--help`, several short flags in one, a value that is not one) is left to it, and so is every mistake.
"""

from __future__ import annotations

import os

from txsafe.cli import COMMANDS, DEFAULT_COMMAND
from txsafe.cli.flags import FLAGS

TYPE_CHECKING = False  # see `txsafe.results`
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from txsafe.cli.flags import Flag, Flags


def answer(arguments: Sequence[str]) -> int | None:
    """Return the exit status of a plain command line, which it runs; None for any other."""
    read = None if os.environ.get("_TXSAFE_COMPLETE") else read_plain(arguments)  # a shell asks click
    if read is None:
        return None
    from txsafe.cli.check import run
    from txsafe.cli.ending import conclude

    paths, flags = read
    return conclude(lambda: run(paths, flags, arguments=tuple(arguments)), debug="--debug" in arguments)


def read_plain(arguments: Sequence[str]) -> tuple[tuple[str, ...], Flags] | None:
    """Return the paths and flags of a plain command line, as click would read them; None for any other."""
    if not arguments or (arguments[0] in COMMANDS and arguments[0] != DEFAULT_COMMAND):
        return None
    known = _spellings()
    paths: list[str] = []
    flags: dict[str, object] = {}
    left = iter(arguments[1:] if arguments[0] == DEFAULT_COMMAND else arguments)
    for argument in left:
        if not argument.startswith("-"):
            paths.append(argument)
            continue
        name, equals, value = argument.partition("=")
        flag, is_on = known.get(name, (None, False))
        if flag is None or (equals and (flag.values is bool or not name.startswith("--"))):
            return None
        if flag.values is bool:
            flags[flag.field] = is_on
            continue
        found = _value(flag, value if equals else next(left, "-"))
        if found is None:
            return None
        earlier = flags.get(flag.field, ())
        flags[flag.field] = (*earlier, found) if flag.multiple and isinstance(earlier, tuple) else found
    return tuple(paths), flags


def _spellings() -> Mapping[str, tuple[Flag, bool]]:
    """Return each spelling of a flag, and what it switches to."""
    spellings: dict[str, tuple[Flag, bool]] = {}
    for flag in FLAGS:
        for name in flag.names:
            on, _, off = name.partition("/")
            spellings[on] = flag, True
            if off:
                spellings[off] = flag, False
    return spellings


def _value(flag: Flag, text: str) -> str | int | None:
    """Return a value of the kind that a flag takes; None where click has to look at it."""
    if text.startswith("-"):
        return None
    if isinstance(flag.values, tuple):
        return text if text in flag.values else None
    if flag.values is int:
        return int(text) if text.isascii() and text.isdecimal() and len(text) < 10 else None
    return text
