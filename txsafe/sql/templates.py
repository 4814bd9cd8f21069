"""A stretch of a `.sql` file → `Fragment`s: what the server gets to see of it.

psql's meta-commands and COPY data never reach the server; psql's variables and jinja's expressions are holes; jinja's
tags and comments vanish, so that `create {% if temporary %}temporary{% endif %} table` reads as the temporary table
that it may be.
"""

from __future__ import annotations

import enum
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from txsafe.model import HOLE_CHARACTERS, Fragment, Hole, Place, SourceFile, Span
from txsafe.sql.lexer import skip_opaque

if TYPE_CHECKING:
    from collections.abc import Iterator

_PSQL_HINTS = ("\\", ":'", ':"', ":{")
_PSQL_MARK = re.compile(r"['\"$/\\:;-]")
_VARIABLE = re.compile(r":(?:'[A-Za-z_]\w*'|\"[A-Za-z_]\w*\"|\{\?[A-Za-z_]\w*\}|[A-Za-z_]\w*)")
_META_COMMAND = re.compile(r"\\(;|[^\r\n]*)")
_SENDS = re.compile(r"\\(?:;|g(?:x|set|exec|desc)?(?![a-z])|crosstabview|watch|bind)")
_COPY_DATA = re.compile(
    r"(?:\s++|(?:--|\\)[^\r\n]*+|/\*(?:[^*]++|\*(?!/))*+\*/)*+copy\b[^;]*?\bfrom\s+std(?:in|out)\b", re.IGNORECASE
)
_META_COPY_DATA = re.compile(r"\\copy\b[^\r\n]*?\bfrom\s+stdin\b", re.IGNORECASE)
_LINE_END = re.compile(r"[^\r\n]*(?:\r\n?|\n|\Z)")
_DATA_END = re.compile(r"^\\\.[ \t]*\r?$", re.MULTILINE)
_DUMP_HEADER = "-- PostgreSQL database dump"

_META_LINE = re.compile(
    r"^[ \t]*\\(?:c|cd|conninfo|connect|copy|d\S*|echo|elif|else|encoding|endif|[aefhilopqrstwxz]|g\w*|if|ir|include\w*"
    r"|o|password|prompt|pset|qecho|quit|restrict|set|setenv|timing|unrestrict|unset|warn|watch)(?:[ \t+]|$)",
    re.MULTILINE,
)
_JINJA = re.compile(
    r"\{%[-+]?\s*[a-z][^%]*+%\}"
    r"|\{\{-?\s*[A-Za-z_][\w.]*+\s*(?:-?\}\}|[(|\[~+*/%-]|(?:if|or|and|not|in|is)\b)"
    r"|\{\{-?[ \t]+['\"(\[]"
)
"""A tag, or an expression: `'{{1,2},{a,b}}'` is an array."""
_JINJA_OPEN = re.compile(r"\{[{%#]")
_JINJA_CLOSE = {"{{": "}}", "{%": "%}", "{#": "#}"}
_JINJA_STRINGS = r"""|'(?:[^'\\]++|\\.)*+'|"(?:[^"\\]++|\\.)*+\""""
_JINJA_BODIES = {
    "{{": re.compile(rf"""\{{\{{(?:[^'"}}]++|\}}(?!\}}){_JINJA_STRINGS})*+\}}\}}""", re.DOTALL),
    "{%": re.compile(rf"""\{{%(?:[^'"%]++|%(?!\}}){_JINJA_STRINGS})*+%\}}""", re.DOTALL),
}
_DBT_SETTING = re.compile(r"\{\{-?\s*(?:config|log|debug|exceptions?\.\w+)\s*\(")


@dataclass(frozen=True, slots=True)
class _Cut:
    """A stretch of the file that the server does not see as it is; `replacement` is what it may see instead."""

    start: int
    end: int
    replacement: str = ""
    hole: Hole | None = None


class ScriptSyntax(enum.Enum):
    """What is in a script besides SQL."""

    PLAIN = enum.auto()
    PSQL = enum.auto()
    """Only psql can run it: it has meta-commands, quoted variables or COPY data, or pg_dump wrote it."""
    JINJA = enum.auto()


def script_syntax(text: str) -> ScriptSyntax:
    """Tell what is in a script besides SQL."""
    if _DUMP_HEADER in text or has_meta_commands(text):
        return ScriptSyntax.PSQL
    if ("{{" in text or "{%" in text) and _JINJA.search(text):
        return ScriptSyntax.JINJA
    hinted = any(hint in text for hint in _PSQL_HINTS) or "stdin" in text.lower()
    # An unquoted variable alone is none: SQLAlchemy spells its parameters that way.
    if hinted and any(cut.hole is not Hole.SQL for cut in _psql_cuts(text, 0, len(text))):
        return ScriptSyntax.PSQL
    return ScriptSyntax.PLAIN


def has_meta_commands(text: str) -> bool:
    """Tell whether a script has lines that are commands to psql, and so is PostgreSQL's whatever else is in it."""
    return "\\" in text and _META_LINE.search(text) is not None


def fragments(source: SourceFile, start: int, end: int, *, syntax: ScriptSyntax) -> tuple[Fragment, ...]:
    """Return what the server sees of `source.text[start:end]`."""
    cuts: Iterator[_Cut] = iter(())
    if syntax is ScriptSyntax.JINJA:
        cuts = _jinja_cuts(source.text, start, end)
    elif syntax is ScriptSyntax.PSQL:
        cuts = _psql_cuts(source.text, start, end)
    return tuple(_pieces(source, start, end, cuts=cuts))


def find_unclosed(text: str) -> int | None:
    """Return where a template opens an expression, a tag or a comment that nothing closes; None where none is open."""
    tags = _JinjaTags(text, len(text))
    position = 0
    while (mark := _JINJA_OPEN.search(text, position)) is not None:
        close = tags.close(mark[0], mark.start())
        if close is None:
            return mark.start()
        position = close
    return None


def _pieces(source: SourceFile, start: int, end: int, *, cuts: Iterator[_Cut]) -> Iterator[Fragment]:
    position = start
    for cut in cuts:
        if cut.start > position:
            yield _exact(source, position, cut.start)
        if cut.replacement:
            place = Place(source.path, Span(cut.start, cut.end))
            yield Fragment(text=cut.replacement, place=place, hole=cut.hole)
        position = cut.end
    if position < end or position == start:
        yield _exact(source, position, end)


def _exact(source: SourceFile, start: int, end: int) -> Fragment:
    return Fragment(text=source.text[start:end], place=Place(source.path, Span(start, end)), exact=True)


def _hole(start: int, end: int, hole: Hole) -> _Cut:
    return _Cut(start, end, HOLE_CHARACTERS[hole], hole)


# ---------------------------------------------------------------- psql


def _psql_cuts(text: str, start: int, end: int) -> Iterator[_Cut]:
    position = statement = start
    while (mark := _PSQL_MARK.search(text, position, end)) is not None:
        offset = mark.start()
        match text[offset]:
            case "\\":
                cut = _meta_command(text, offset, end)
                yield cut
                position = cut.end
                if _META_COPY_DATA.match(text, offset, cut.end) is not None:
                    rows = _data_after(text, cut.end, end)
                    yield rows
                    position = rows.end
            case ":":
                variable = _VARIABLE.match(text, offset, end)
                position = offset + 1
                if variable is not None and text[offset - 1 : offset] != ":":
                    yield _hole(offset, variable.end(), _VARIABLE_HOLES.get(text[offset + 1], Hole.SQL))
                    position = variable.end()
            case ";":
                data = _copy_data(text, statement, offset, end=end)
                if data is not None:
                    yield data
                position = statement = data.end if data is not None else offset + 1
            case _:
                position = min(skip_opaque(text, offset, after=position)[0], end)


_VARIABLE_HOLES = {"'": Hole.VALUE, '"': Hole.IDENTIFIER, "{": Hole.VALUE}


def _meta_command(text: str, offset: int, end: int) -> _Cut:
    found = _META_COMMAND.match(text, offset, end)
    stop = found.end() if found else offset + 1
    return _Cut(offset, stop, ";" if _SENDS.match(text, offset, end) else "")


def _copy_data(text: str, statement: int, semicolon: int, *, end: int) -> _Cut | None:
    if _COPY_DATA.match(text, statement, semicolon) is None:
        return None
    return _data_after(text, semicolon, end)


def _data_after(text: str, offset: int, end: int) -> _Cut:
    """Return the lines after the one at an offset, up to the end of the data that they are."""
    line_end = _LINE_END.match(text, offset, end)
    first = line_end.end() if line_end else end
    last = _DATA_END.search(text, first, end)
    return _Cut(first, last.end() if last else end)


# ---------------------------------------------------------------- jinja


def _jinja_cuts(text: str, start: int, end: int) -> Iterator[_Cut]:
    position = kept = start
    tags = _JinjaTags(text, end)
    leads = True  # nothing but cuts and blank space since the last semicolon
    while (mark := _JINJA_OPEN.search(text, position, end)) is not None:
        sign = mark[0]
        close = tags.close(sign, mark.start())
        if close is None:
            position = mark.end()
            continue
        before = text[kept : mark.start()].rstrip()
        leads = before.endswith(";") or (leads and not before)
        kept = position = close
        if sign != "{{" or _DBT_SETTING.match(text, mark.start(), end) or (leads and _ends_line(text, position, end)):
            yield _Cut(mark.start(), position)
        else:
            leads = False
            yield _hole(mark.start(), position, Hole.SQL)


class _JinjaTags:
    """Finds where tags close. What failed once to the end of the text is not tried again, so the time stays linear."""

    def __init__(self, text: str, end: int) -> None:
        self._text = text
        self._end = end
        self._bodies = dict(_JINJA_BODIES)
        self._unclosed: set[str] = set()

    def close(self, sign: str, start: int) -> int | None:
        """Return the offset behind the tag; strings in it are read as such unless a quote in the text is unbalanced."""
        if sign in self._bodies:
            found = self._bodies[sign].match(self._text, start, self._end)
            if found is not None:
                return found.end()
            del self._bodies[sign]
        close = -1 if sign in self._unclosed else self._text.find(_JINJA_CLOSE[sign], start + 2, self._end)
        if close < 0:
            self._unclosed.add(sign)
            return None
        return close + 2


def _ends_line(text: str, offset: int, end: int) -> bool:
    """Whether nothing follows on the line: such an expression stands for statements or settings of its own."""
    found = _LINE_END.match(text, offset, end)
    return found is None or not found[0].strip()
