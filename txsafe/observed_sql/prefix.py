"""`log_line_prefix` → a pattern for what stands before each message; and which prefix a log was written with.

<https://www.postgresql.org/docs/current/runtime-config-logging.html#GUC-LOG-LINE-PREFIX>
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from txsafe.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Mapping

_ESCAPE = re.compile(r"%(-?\d*)([A-Za-z%])|([^%]+|%)")
_NAME = r"[^\n]{0,63}?"
"""The server cuts names at 63 bytes."""
_STAMP = r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d"
_ZONE = r" (?:[A-Za-z+\-][\w+\-/:]{0,31})"
_ESCAPES: Mapping[str, str] = {
    "a": rf"(?P<application>{_NAME})",
    "u": rf"(?P<user>{_NAME})",
    "d": rf"(?P<database>{_NAME})",
    "r": r"[^\s\n]{0,255}",
    "h": r"[^\s\n]{0,255}?",
    "L": r"[^\s\n]{0,255}?",
    "b": r"[a-z ]{0,63}?",
    "p": r"(?P<pid>\d++)",
    "P": r"\d*+",
    "t": rf"{_STAMP}{_ZONE}",
    "m": rf"{_STAMP}\.\d{{3}}{_ZONE}",
    "n": r"\d++\.\d{3}",
    "i": r"[A-Z ]{0,63}?",
    "e": r"[0-9A-Z]{5}",
    "c": r"(?P<session>[0-9a-f]++\.[0-9a-f]++)",
    "l": r"\d++",
    "s": rf"(?P<start>{_STAMP}{_ZONE})",
    "v": r"(?P<virtual>(?:-?\d++/\d++)?)",
    "x": r"(?P<transaction>\d*+)",
    "Q": r"-?\d*+",
    "%": "%",
}
KNOWN_PREFIXES = (
    "%m [%p] ",
    "%m [%p] %q%u@%d ",
    "%t [%p]: user=%u,db=%d,app=%a,client=%h ",
    "%t [%p]: [%l-1] user=%u,db=%d,app=%a,client=%h ",
    "%t [%p]: [%l] user=%u,db=%d,app=%a,client=%h ",
    "%m [%p] %u@%d ",
    "%t:%r:%u@%d:[%p]:",
    "%t-%c-",
    "%m-%c-",
    "%t [%p]: [%l-1] db=%d,user=%u ",
    "%m [%p]: [%l-1] db=%d,user=%u ",
    "%m [%p]: db=%d,user=%u ",
    "%t [%p]: [%l-1] ",
    "%t [%p] ",
    "%t ",
    "%m [%p] c=%c v=%v x=%x %q%u@%d/%a ",
    "%m [%p] %c %v %x %q%u@%d %a ",
    "%m [%p] [%c] [%v] [%x] %q%u@%d/%a ",
    "",
)
"""The server's default, Debian's, pgBadger's, those of hosted services, and some with session and transaction."""
_SEVERITY = r"(?P<severity>[A-Z]{3,9}\d?):  "
_MESSAGE = (
    r"(?:(?:duration: [\d.]++ ms  )?+(?:statement|execute (?:fetch from )?+(?P<name>[^:\n]{0,200}+)): "
    r"(?P<sql>[^\n]*+(?:\n\t[^\n]*+)*+)|[^\n]*+)"
)


MOST_LINES = 1000
LONGEST_LINE = 2000
"""Of a log's beginning, to tell its prefix by."""


def compile_prefix(prefix: str) -> re.Pattern[str]:
    """Return the pattern of a record's first lines, from the prefix to the end of a statement.

    Raises `ConfigError` for an escape that the server does not know.
    """
    seen: set[str] = set()
    parts: list[str] = []
    optional = 0
    for found in _ESCAPE.finditer(prefix):
        width, letter, literal = found.groups()
        if literal is not None:
            parts.append(re.escape(literal))
        elif letter == "q":
            parts.append("(?:")
            optional += 1
        elif letter in _ESCAPES:
            parts.append(_padded(_once(letter, seen), width))
        else:
            raise ConfigError(f"--log-line-prefix: the server knows no %{letter}")
    return re.compile("".join(parts) + ")?" * optional + _SEVERITY + _MESSAGE)


def _once(letter: str, seen: set[str]) -> str:
    """Return an escape's pattern; a group of a name can stand in a pattern once."""
    pattern = _ESCAPES[letter]
    if letter in seen:
        return re.sub(r"\?P<\w+>", "?:", pattern)
    seen.add(letter)
    return pattern


def _padded(pattern: str, width: str) -> str:
    if not width:
        return pattern
    return rf"{pattern}[ ]*+" if width.startswith("-") else rf"[ ]*+{pattern}"


def detect_prefix(sample: str) -> str | None:
    """Return the known prefix that most records of a log's beginning have; None where hardly any has one."""
    lines = sample.splitlines()[:MOST_LINES]
    marked = [line[:LONGEST_LINE] for line in lines if re.search(_SEVERITY, line[:LONGEST_LINE])]
    if not marked:
        return None
    scores = [(_score(prefix, marked), prefix.count("%"), prefix) for prefix in KNOWN_PREFIXES]
    best, _, prefix = max(scores)
    return prefix if best * 2 > len(marked) else None


def _score(prefix: str, lines: list[str]) -> int:
    pattern = compile_prefix(prefix)
    return sum(pattern.match(line) is not None for line in lines)
