"""What a renderer needs beside the report itself."""

from __future__ import annotations

import enum
from dataclasses import dataclass, field
from types import MappingProxyType

TYPE_CHECKING = False  # see `txsafe.results`
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Protocol, TypeAlias

    from txsafe.model import Place, Position, SourceFile
    from txsafe.results import Severity

    class RuleHelp(Protocol):
        """What a report says about a rule; the catalogue's rules are such."""

        @property
        def id(self) -> str:
            """Its name."""

        @property
        def title(self) -> str:
            """A noun phrase."""

        @property
        def severity(self) -> Severity:
            """That of an unsafe verdict."""

        @property
        def explanation(self) -> str:
            """Markdown."""

        @property
        def references(self) -> tuple[str, ...]:
            """Addresses, the most helpful first."""


Sources: TypeAlias = "Callable[[str], SourceFile | None]"
"""Path → the text that was analysed, for code frames and the places of fixes; None where it is gone."""


class Verbosity(enum.Enum):
    """How much the text format says."""

    QUIET = enum.auto()
    """One line per diagnostic, and nothing where nothing was found."""
    NORMAL = enum.auto()
    VERBOSE = enum.auto()
    """The calls whose SQL could not be seen, too."""


class Baselined(enum.Enum):
    """What SARIF does with diagnostics of the baseline."""

    LEFT_OUT = enum.auto()
    MARKED = enum.auto()
    """Every result then carries a `baselineState`, as SARIF demands."""


def no_sources(_path: str) -> None:
    """Know no text at all: no frames, no places of fixes."""


NO_RULES: Mapping[str, RuleHelp] = MappingProxyType({})


@dataclass(frozen=True, slots=True, kw_only=True)
class RenderContext:
    """How to render, and where the renderers look things up."""

    rules: Mapping[str, RuleHelp] = field(default_factory=lambda: NO_RULES)
    """By id. SARIF declares all of them, whether they were broken or not."""
    sources: Sources = no_sources
    color: bool = False
    width: int = 100
    """Columns of the terminal; code frames are clipped to it."""
    verbosity: Verbosity = Verbosity.NORMAL
    statistics: bool = False
    show_suppressed: bool = False
    """Show suppressed and baselined diagnostics, marked as such."""
    baselined: Baselined = Baselined.LEFT_OUT

    def locate(self, place: Place) -> tuple[Position, Position] | None:
        """Return the lines and columns of a place (the end is exclusive), or None where its text is gone."""
        source = self.sources(place.path)
        if source is None:
            return None
        return source.position(place.span.start), source.position(place.span.end)
