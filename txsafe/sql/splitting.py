"""SQL text → the stretches that are one statement each, at regex speed and without tokens.

Semicolons count outside of quotations and comments, and outside of `BEGIN ATOMIC … END` bodies and of the parentheses
of CREATE RULE.
An unterminated quotation is a fault: reading goes on at the next line after a semicolon at a line's end, so that the
rest is still seen.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from txsafe.sql.lexer import NAME_CHARACTER, SPACES, skip_opaque

_MARK = re.compile(r"[;'\"$/-]")
_BLOCK_MARK = re.compile(rf"[;'\"$/()-]|(?<!{NAME_CHARACTER})(?:begin|case|end)(?!{NAME_CHARACTER})", re.IGNORECASE)
_HEAD_SPACE = re.compile(r"[ \t\n\r\f\v;]*+")
_COMPOUND = re.compile(r"create\s++(?:or\s++replace\s++)?(function|procedure|rule)\b", re.IGNORECASE)
_ATOMIC = re.compile(r"\bbegin\s++atomic\b", re.IGNORECASE)
_RESUME = re.compile(r";[ \t]*+(?:\r\n?|\n)")
_CLOSED = re.compile(r"""(?:[^'"$/\\-]++|'[^'\\]*+'|"[^"]*+"|--[^\r\n]*+|-|/(?!\*)|\$(?=[0-9]))*+""")
_RECOVERIES = 16
"""How often reading resumes after an unterminated quotation; each time costs a look at the rest of the text."""


@dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong with the text, and where."""

    offset: int
    message: str


@dataclass(frozen=True, slots=True)
class Split:
    """The statements' half-open ranges, without surrounding space, comments and semicolons, and the faults met."""

    ranges: tuple[tuple[int, int], ...]
    faults: tuple[Fault, ...] = ()


def is_closed(text: str) -> bool:
    """Whether every quotation surely ends; False also where escapes or dollar quotes ask for a closer look."""
    return _CLOSED.fullmatch(text) is not None


def split_statements(text: str) -> Split:
    """Find the statements of a text."""
    ranges: list[tuple[int, int]] = []
    faults: list[Fault] = []
    position = _skip_space(text, 0)
    while position < len(text):
        start, fault = position, None
        if text[position] in "-/":
            start, fault = _skip_comments(text, position)
        if fault is None:
            end, fault = _find_end(text, start)
        else:
            end = len(text)
        if fault is not None:
            faults.append(fault)
            end = _resume(text, fault.offset) if len(faults) <= _RECOVERIES else len(text)
        stop = _trim(text, start, end)
        if stop > start:
            ranges.append((start, stop))
        position = _skip_space(text, end)
    return Split(tuple(ranges), tuple(faults))


def _skip_space(text: str, offset: int) -> int:
    found = _HEAD_SPACE.match(text, offset)
    return found.end() if found else offset


def _skip_comments(text: str, offset: int) -> tuple[int, Fault | None]:
    while text.startswith(("--", "/*"), offset):
        end, complaint = skip_opaque(text, offset, after=offset)
        if complaint:
            return offset, Fault(offset, complaint)
        offset = _skip_space(text, end)
    return offset, None


def _find_end(text: str, start: int) -> tuple[int, Fault | None]:
    """Return the offset of the semicolon (or the end of the text) that ends the statement at `start`."""
    position = start
    search = _MARK.search
    while (mark := search(text, position)) is not None:
        offset = mark.start()
        sign = text[offset]
        if sign == ";":
            return (offset, None) if not _is_open(text, start, offset) else _find_block_end(text, start)
        if sign == "-" and not text.startswith("-", offset + 1):
            position = offset + 1
            continue
        position, complaint = skip_opaque(text, offset, after=position)
        if complaint:
            return offset, Fault(offset, complaint)
    return len(text), None


def _is_open(text: str, start: int, offset: int) -> bool:
    if text[start] not in "cC":
        return False
    compound = _COMPOUND.match(text, start, offset)
    if compound is None:
        return False
    return compound[1].lower() == "rule" or _ATOMIC.search(text, start, offset) is not None


def _find_block_end(text: str, start: int) -> tuple[int, Fault | None]:
    """As `_find_end`, where a semicolon within parentheses, BEGIN … END or CASE … END does not count."""
    position = start
    depth = 0
    while (mark := _BLOCK_MARK.search(text, position)) is not None:
        offset = mark.start()
        match mark[0].lower():
            case "(" | "begin" | "case":
                depth += 1
                position = mark.end()
            case ")" | "end":
                depth -= 1
                position = mark.end()
            case ";":
                if depth <= 0:
                    return offset, None
                position = mark.end()
            case _:
                position, complaint = skip_opaque(text, offset, after=position)
                if complaint:
                    return offset, Fault(offset, complaint)
    return len(text), None


def _resume(text: str, offset: int) -> int:
    found = _RESUME.search(text, offset)
    return found.start() if found else len(text)


def _trim(text: str, start: int, end: int) -> int:
    """Return where the statement's last token ends."""
    stop = end
    while stop > start and text[stop - 1] in SPACES:
        stop -= 1
    if text.find("--", start, stop) < 0 and text.find("/*", start, stop) < 0:
        return stop
    return _trim_comments(text, start, stop)


def _trim_comments(text: str, start: int, stop: int) -> int:
    position = last = start
    while (mark := _MARK.search(text, position, stop)) is not None:
        offset = mark.start()
        if text[position:offset].strip(SPACES):
            last = position + len(text[position:offset].rstrip(SPACES))
        position, _ = skip_opaque(text, offset, after=position)
        if not text.startswith(("--", "/*"), offset):
            last = min(position, stop)
    tail = text[position:stop].rstrip(SPACES)
    return position + len(tail) if tail else last
