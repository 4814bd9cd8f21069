"""Formats of one setting per line: `.env`, `.properties` and `.ini`. Text in, `Setting`s out.

Nothing is an error: a line that says nothing is passed over.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from txsafe.model import Span
from txsafe.settings.entries import Setting

if TYPE_CHECKING:
    from collections.abc import Iterator

_ENV_LINE = re.compile(
    r"^[ \t]*+(?:export[ \t]++)?+(?P<key>[A-Za-z_][\w.-]*+)[ \t]*+[=:][ \t]*+"
    r"(?:'(?P<single>[^'\n]*+)'|\"(?P<double>(?:[^\"\\\n]|\\[^\n])*+)\"|(?P<plain>[^\n]*+))",
    re.MULTILINE,
)
_PROPERTY = re.compile(
    r"^[ \t\f]*+(?![#!])(?P<key>(?:[^\s:=\\]|\\.)++)[ \t\f]*+[:=]?+[ \t\f]*+(?P<value>(?:[^\\\r\n]|\\\r?\n|\\.)*+)",
    re.MULTILINE,
)
_INI_LINE = re.compile(
    r"^(?:\[(?P<section>[^\]\n]*+)\]|(?![#;\s])(?P<key>[^\n=:]++)[=:][ \t]*+"
    r"(?P<value>[^\n]*+(?:\n[ \t]++(?![#;])[^\s][^\n]*+)*+))",
    re.MULTILINE,
)
_COMMENT = re.compile(r"[ \t]#")
_ESCAPE = re.compile(r"\\(?:\r?\n[ \t]*|(.))", re.DOTALL)
_CONTINUED = re.compile(r"\r?\n[ \t]+")
_ESCAPED_LETTERS = {"t": "\t", "n": "\n", "r": "\r", "f": "\f"}


def read_env(text: str) -> Iterator[Setting]:
    """Yield the variables of a `.env` file, with `export` or without."""
    for line in _ENV_LINE.finditer(text):
        if line["plain"] is not None:
            yield _plain(line, _COMMENT.split(line["plain"], maxsplit=1)[0])
        elif line["single"] is not None:
            yield _plain(line, line["single"], "single")
        else:
            value = _unescape(line["double"])
            yield _setting((line["key"],), value, _span(line, "double"), written=line["double"])


def _plain(line: re.Match[str], value: str, group: str = "plain") -> Setting:
    value = value.rstrip()
    start = line.start(group)
    return Setting(key=(line["key"],), value=value, span=Span(start, start + len(value)))


def read_properties(text: str) -> Iterator[Setting]:
    """Yield the entries of a `.properties` file, whose keys are paths with dots.

    <https://docs.oracle.com/javase/8/docs/api/java/util/Properties.html#load-java.io.Reader->
    """
    for line in _PROPERTY.finditer(text):
        key = tuple(_unescape(line["key"]).split("."))
        yield _setting(key, _unescape(line["value"]), _span(line, "value"), written=line["value"])


def read_ini(text: str) -> Iterator[Setting]:
    """Yield the entries of an `.ini` file as Python's `configparser` reads it; the section comes first in each key."""
    section = ""
    for line in _INI_LINE.finditer(text):
        if line["section"] is not None:
            section = line["section"].strip()
            continue
        written = line["value"].rstrip()
        value = _CONTINUED.sub("\n", written).replace("%%", "%")
        key = (section, *line["key"].strip().split("."))
        yield _setting(key, value, Span(line.start("value"), line.start("value") + len(written)), written=written)


def _span(line: re.Match[str], group: str) -> Span:
    return Span(line.start(group), line.end(group))


def _setting(key: tuple[str, ...], value: str, span: Span, *, written: str) -> Setting:
    return Setting(key=key, value=value, span=span, exact=value == written)


def _unescape(text: str) -> str:
    if "\\" not in text:
        return text
    return _ESCAPE.sub(lambda found: _ESCAPED_LETTERS.get(found[1] or "", found[1] or ""), text)
