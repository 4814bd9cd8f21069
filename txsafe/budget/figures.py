"""Numbers that say where they came from: the values that the budget computes with.

A figure is a range of counts. What is exactly known has one end, what nobody said is open above, and asks.
"""

from __future__ import annotations

import enum
import functools
import operator
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

LARGEST = 10**9
"""Nobody has more connections; a larger number in a file is a mistake, and is read as this one."""


class Origin(enum.StrEnum):
    """What kind of place a number came from."""

    FLAG = "flag"
    CODE = "code"
    FILE = "file"
    """A configuration file: the pooler's, or one that starts processes."""
    DEFAULT = "default"
    """What a program or library does if nobody says."""


@dataclass(frozen=True, slots=True)
class Source:
    """Where one number came from."""

    origin: Origin
    text: str
    """What it is, for a reader: `pool_size = 20`, `default of asyncpg`, `--instances 50`."""
    path: str = ""
    line: int = 0
    reference: str = ""
    """Where a default is documented."""

    @property
    def shown(self) -> str:
        """The source on one line, place first where it has one."""
        return f"{self.path}:{self.line} ({self.text})" if self.path else self.text


@dataclass(frozen=True, slots=True, order=True)
class Question:
    """What has to be known and is written nowhere."""

    flag: str
    """What answers it: `--instances N`."""
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """A count of connections, processes or threads, in a range."""

    least: int
    most: int | None
    """None where there is no bound: nobody said, or it is said to be unlimited."""
    sources: tuple[Source, ...] = ()
    questions: tuple[Question, ...] = ()
    unlimited: bool = False
    """It is said that there is no bound."""

    @property
    def exact(self) -> int | None:
        """The count where it is one."""
        return self.least if self.least == self.most else None

    @property
    def shown(self) -> str:
        """The figure as text: `1,000`, `3 to 20`, `at least 50`, `unlimited`, `unknown`."""
        if self.unlimited:
            return "unlimited"
        if self.most is None:
            return f"at least {self.least:,}" if self.least else "unknown"
        return f"{self.least:,}" if self.least == self.most else f"{self.least:,} to {self.most:,}"


def known(count: int, *sources: Source) -> Figure:
    """Return a figure of one count."""
    count = max(0, min(count, LARGEST))
    return Figure(least=count, most=count, sources=sources)


def unknown(question: Question, *sources: Source, least: int = 1) -> Figure:
    """Return the figure of what nobody said: at least one, unless told otherwise."""
    return Figure(least=least, most=None, sources=sources, questions=(question,))


def unlimited(*sources: Source) -> Figure:
    """Return a figure without bound."""
    return Figure(least=0, most=None, sources=sources, unlimited=True)


def between(figures: Iterable[Figure]) -> Figure:
    """Return a figure that is one of several: what alternatives in code come to."""
    every = tuple(figures)
    if len(every) == 1:
        return every[0]
    mosts = [figure.most for figure in every if figure.most is not None]
    bounded = len(mosts) == len(every)
    return _joined(every, min(figure.least for figure in every), max(mosts) if bounded else None)


def total(figures: Iterable[Figure]) -> Figure:
    """Return the sum; zero of nothing."""
    return _combined(operator.add, tuple(figures), 0)


def product(*figures: Figure) -> Figure:
    """Return the product."""
    return _combined(operator.mul, figures, 1)


def smaller(first: Figure, second: Figure) -> Figure:
    """Return a figure that is capped by another: what is unlimited caps nothing."""
    if second.unlimited:
        return first
    if first.unlimited:
        return second
    mosts = [figure.most for figure in (first, second) if figure.most is not None]
    return _joined((first, second), min(first.least, second.least), min(mosts) if mosts else None)


def _combined(operation: Callable[[int, int], int], figures: tuple[Figure, ...], neutral: int) -> Figure:
    if len(figures) == 1:
        return figures[0]
    mosts = [figure.most for figure in figures if figure.most is not None]
    most = functools.reduce(operation, mosts, neutral) if len(mosts) == len(figures) else None
    return _joined(figures, functools.reduce(operation, (figure.least for figure in figures), neutral), most)


def _joined(figures: tuple[Figure, ...], least: int, most: int | None) -> Figure:
    return Figure(
        least=min(least, LARGEST),
        most=None if most is None else min(most, LARGEST),
        sources=tuple(dict.fromkeys(source for figure in figures for source in figure.sources)),
        questions=tuple(dict.fromkeys(question for figure in figures for question in figure.questions)),
        unlimited=most is None and any(figure.unlimited for figure in figures),
    )
