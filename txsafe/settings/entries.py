"""What every reader of a settings file gives: `Setting`s, each a key, a value and where the value stands."""

from __future__ import annotations

from dataclasses import dataclass

from txsafe.model import Span

MOST_SETTINGS = 20_000
"""Of one file: a settings file has hundreds; what has more is data."""

MAX_DEPTH = 64
"""Of tables and lists in each other; what lies deeper is not read."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """One value of a settings file."""

    key: tuple[str, ...]
    """The path to it, outermost first, as the file spells it: `("spring", "datasource", "url")`."""
    value: str
    """As text: quotes, escapes and continued lines are taken off; `on` and `5` stay what they are."""
    span: Span
    """Of the value in the file, quotes not among it."""
    exact: bool = True
    """Each character of the value stands where the span says."""

    @property
    def name(self) -> str:
        """Return the whole path as one dotted name."""
        return ".".join(self.key)

    def part(self, start: int, end: int) -> Span:
        """Return where a part of the value stands; the whole value where characters cannot be told apart."""
        return Span(self.span.start + start, self.span.start + end) if self.exact else self.span
