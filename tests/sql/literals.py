"""SQL text → Python literals that stand for it, and where each character of it is spelled in them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from random import Random

_ESCAPES = {"\\": "\\\\", '"': '\\"', "\n": "\\n", "\r": "\\r"}


@dataclass(frozen=True, slots=True)
class Spelling:
    """One literal."""

    literal: str
    starts: tuple[int, ...]
    """For each character of the text, the offset of its spelling in the literal."""
    ends: tuple[int, ...]


def _spell(units: Iterable[tuple[str, str]]) -> Spelling:
    """Join what stands between characters, and how each one is spelled."""
    literal, starts, ends = "", [], []
    for between, unit in units:
        literal += between
        starts.append(len(literal))
        literal += unit
        ends.append(len(literal))
    return Spelling(literal, tuple(starts), tuple(ends))


def _quoted(prefix: str, text: str, spell: Callable[[str], str], *, quote: str = '"') -> Spelling:
    inner = _spell(("" if index else prefix + quote, spell(character)) for index, character in enumerate(text))
    return Spelling(inner.literal + quote, inner.starts, inner.ends)


def _escape(character: str) -> str:
    return _ESCAPES.get(character, character)


def plain(text: str, _: Random) -> Spelling | None:
    """Spell it between quotes, on one line."""
    return _quoted("", text, _escape)


def tripled(text: str, _: Random) -> Spelling | None:
    """Spell it over lines."""
    return _quoted("", text, lambda character: character if character == "\n" else _escape(character), quote='"""')


def raw(text: str, _: Random) -> Spelling | None:
    """Spell it as it is; None where a raw literal cannot."""
    if '"""' in text or text.endswith(('"', "\\")) or "\r" in text:
        return None
    return _quoted("r", text, str, quote='"""')


def binary(text: str, _: Random) -> Spelling | None:
    """Spell it as bytes; None where it has characters that bytes literals lack."""
    return _quoted("b", text, _escape) if text.isascii() else None


def numbered(text: str, _: Random) -> Spelling | None:
    """Spell each character by its number."""
    return _quoted("", text, lambda character: f"\\U{ord(character):08x}")


def formatted(text: str, _: Random) -> Spelling | None:
    """Spell it as an f-string without fields."""
    return _quoted("f", text, lambda character: character * 2 if character in "{}" else _escape(character))


def in_pieces(text: str, dice: Random) -> Spelling | None:
    """Spell it as adjacent literals of several kinds, cut anywhere."""
    units = []
    for index, character in enumerate(text):
        between = ""
        if index == 0:
            between = '"'
        elif dice.random() < 0.1:
            between = dice.choice(['" "', '"\n    "', '"  # a note\n  "', '" u"', '" \\\n"'])
        units.append((between, _escape(character)))
    inner = _spell(units)
    return Spelling(inner.literal + '"', inner.starts, inner.ends)


STYLES = (plain, tripled, raw, binary, numbered, formatted, in_pieces)
