"""What a user can cause and must read; the command line prints these without a traceback, place first."""

from __future__ import annotations

TYPE_CHECKING = False  # see `txsafe.results`
if TYPE_CHECKING:
    from collections.abc import Iterable

_LONGEST_WORD = 100
"""Nobody mistypes a longer one, and comparing takes its square."""


class TxsafeError(Exception):
    """Base of all errors that are the user's to mend."""


class ConfigError(TxsafeError):
    """An option, a configuration key or a profile that makes no sense."""


class CatalogError(TxsafeError):
    """A rule, pooler or driver file that is wrong; the text starts with `file:line:`."""


class SourceError(TxsafeError):
    """A file that cannot be read, decoded or parsed. `line` counts from 1; 0 where no line is to blame."""

    def __init__(self, message: str, line: int = 0) -> None:
        super().__init__(message)
        self.line = line


class ProbeError(TxsafeError):
    """A live pooler that cannot be probed, or not to the end."""


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """Return `; did you mean 'x'?` for the nearest known word, or nothing."""
    if len(word) > _LONGEST_WORD:
        return ""
    import difflib

    close = difflib.get_close_matches(word, list(known), n=1)
    return f"; did you mean {close[0]!r}?" if close else ""
