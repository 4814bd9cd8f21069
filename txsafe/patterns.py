"""Regular expressions that are compiled when they are first used: most runs use none of those of the modules they load.

To compile one takes a tenth of a millisecond to two, which is what a clean file takes to be looked through.
"""

from __future__ import annotations

import re

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import AnyStr


class _Pattern:
    """Stands for a pattern; after its first use, the compiled one's methods are its own."""

    def __init__(self, pattern: str | bytes, flags: int) -> None:
        self._given = pattern, flags

    def __getattr__(self, name: str) -> object:
        """Compile, and keep what was asked for."""
        pattern, flags = self._given
        found: object = getattr(re.compile(pattern, flags), name)  # which `re` compiles once
        self.__dict__[name] = found
        return found


def later(pattern: AnyStr, flags: int = 0) -> re.Pattern[AnyStr]:
    """Return what can be used as `re.compile(pattern, flags)` can."""
    return _Pattern(pattern, flags)  # type: ignore[return-value]  # it has all of its methods
