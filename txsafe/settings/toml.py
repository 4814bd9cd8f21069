"""TOML text → `Setting`s with the place of each value, which `tomllib` does not tell.

It takes a file for what it says, and stops where that makes no sense; whether it is valid TOML is not asked.
"""

from __future__ import annotations

import enum
import itertools
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from txsafe.model import Span
from txsafe.settings.entries import MAX_DEPTH, Setting

if TYPE_CHECKING:
    from collections.abc import Iterator

_TOKEN = re.compile(
    r"(?P<space>[ \t\r]++|\#[^\n]*+)|(?P<newline>\n)"
    r'|(?P<long>"""(?:[^"\\]|\\.|"(?!""))*+"""|\'\'\'(?:[^\']|\'(?!\'\'))*+\'\'\')'
    r"|(?P<string>\"(?:[^\"\\\n]|\\.)*+\"|'[^'\n]*+')"
    r"|(?P<mark>[\[\]{},=.])|(?P<word>[^\s=\[\]{},.#\"']++)",
    re.DOTALL,
)
_HEADER = re.compile(r"\[\[?(?P<names>(?:[^\]\"'\n]|\"(?:[^\"\\\n]|\\.)*+\"|'[^'\n]*+')++)\]\]?")
_NAME = re.compile(r"\"((?:[^\"\\\n]|\\.)*+)\"|'([^'\n]*+)'|([^\s.\"']++)")
_SCALAR = re.compile(r"[^\s,\]}#]++")
_ESCAPE = re.compile(r"\\(?:u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|\s*\n\s*|(.))", re.DOTALL)
_LETTERS = {"b": "\b", "t": "\t", "n": "\n", "f": "\f", "r": "\r", "e": "\x1b"}


class _Expects(enum.Enum):
    """What may come next."""

    KEY = "key"
    VALUE = "value"
    END = "end"
    """Of a value: a comma, a bracket or a new line."""


@dataclass(slots=True)
class _State:
    """Where in the document the reader is."""

    table: tuple[str, ...] = ()
    names: list[str] = field(default_factory=list)
    """Of the key that is being read."""
    path: tuple[str, ...] = ()
    """Of the value that is expected."""
    open: list[tuple[str, tuple[str, ...]]] = field(default_factory=list)
    """Arrays and inline tables: how each ends, and its path."""
    expects: _Expects = _Expects.KEY

    @property
    def below(self) -> tuple[str, ...]:
        return self.open[-1][1] if self.open else self.table


def read_toml(text: str) -> Iterator[Setting]:
    """Yield the values of a TOML document in their order; those of an array have the array's key."""
    state = _State()
    position = 0
    while position < len(text) and len(state.open) <= MAX_DEPTH:
        token = _TOKEN.match(text, position)
        if token is None:
            return
        position = token.end()
        if token["space"]:
            continue
        if state.expects is _Expects.KEY and not state.open and not state.names and token[0] == "[":
            header = _HEADER.match(text, token.start())
            if header is None:
                return
            position = header.end()
            state.table = tuple(itertools.islice(_names(header["names"]), MAX_DEPTH))
        elif state.expects is _Expects.VALUE:
            if token["word"] or token[0] == ".":
                scalar = _SCALAR.match(text, token.start())
                position = scalar.end() if scalar is not None else position
            setting = _take_value(state, token, text[token.start() : position])
            if setting is not None:
                yield setting
        elif not _take_other(state, token):
            return


def _names(dotted: str) -> Iterator[str]:
    for quoted, literal, bare in _NAME.findall(dotted):
        yield _unescape(quoted) if quoted else literal or bare


def _take_value(state: _State, token: re.Match[str], written: str) -> Setting | None:
    match token[0]:
        case "\n":
            if not state.open:
                state.expects = _Expects.KEY
                state.names.clear()
            return None
        case "[":
            state.open.append(("]", state.path))
            return None
        case "{":
            state.open.append(("}", state.path))
            state.names.clear()
            state.expects = _Expects.KEY
            return None
        case "]" | "}" | "," | "=":
            _close(state, token[0])
            return None
        case _:
            state.expects = _Expects.END
            return _value(state.path, token, written)


def _take_other(state: _State, token: re.Match[str]) -> bool:
    """Go on over a token of a key, or after a value; say whether it can stand there."""
    match token[0]:
        case "=" if state.names and state.expects is _Expects.KEY:
            state.path = (*state.below, *state.names)
            state.names = []
            state.expects = _Expects.VALUE
        case "," if state.open:
            closing, path = state.open[-1]
            state.path = path
            state.expects = _Expects.VALUE if closing == "]" else _Expects.KEY
        case "]" | "}" if state.open:
            _close(state, token[0])
        case "\n":
            state.names.clear()
            state.expects = _Expects.END if state.open and state.expects is _Expects.END else _Expects.KEY
        case ".":
            pass
        case _ if state.expects is _Expects.KEY and (token["word"] or token["string"]) and len(state.names) < MAX_DEPTH:
            state.names.extend(_names(token[0]))
        case _:
            return False
    return True


def _close(state: _State, mark: str) -> None:
    if state.open and state.open[-1][0] == mark:
        state.open.pop()
        state.expects = _Expects.END


def _value(path: tuple[str, ...], token: re.Match[str], written: str) -> Setting:
    if token["long"]:
        skipped = 4 if written[3:4] == "\n" else 3
        inner, quote = written[skipped:-3], written[0]
    elif token["string"]:
        skipped, inner, quote = 1, written[1:-1], written[0]
    else:
        skipped, inner, quote = 0, written, ""
    value = _unescape(inner) if quote == '"' else inner
    start = token.start() + skipped
    return Setting(key=path, value=value, span=Span(start, start + len(inner)), exact=value == inner)


def _unescape(text: str) -> str:
    return _ESCAPE.sub(_unescaped, text) if "\\" in text else text


def _unescaped(found: re.Match[str]) -> str:
    code = found[1] or found[2]
    if code:
        number = int(code, 16)
        return chr(number) if number < 0x110000 else ""
    return _LETTERS.get(found[3] or "", found[3] or "")
