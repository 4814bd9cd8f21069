"""Python text → `ast` tree, and `ast`'s positions → spans.

In goes a `SourceFile`, out comes an `ast.Module`, or a `SourceError` that says what is wrong and where.
"""

from __future__ import annotations

import ast
import bisect
import enum
import itertools
import re
import sys
import warnings
from functools import lru_cache

from txsafe.errors import SourceError
from txsafe.model import SourceFile, Span
from txsafe.python.size import NODE_LIMIT, is_moderate

FILE_NAME = "<analysed source>"
"""What the compiler believes the file to be called: warnings about analysed code are told from others by it."""

_QUIET = ("ignore", None, Warning, re.compile(re.escape(FILE_NAME)), 0)

_STEP = 1024
"""Code points of a line that are encoded at a time."""
_LINE = re.compile(r"[^\r\n]*+")

_VERSION = f"Python {sys.version_info.major}.{sys.version_info.minor}"

_PYTHON_2_MESSAGE = re.compile(
    r"Missing parentheses in call to '(?:print|exec)'|leading zeros in decimal integer|invalid decimal literal"
)
_PYTHON_2_LINE = re.compile(
    r"""^\s*(?:
        print\s+[^\s=(.\[,:] | exec\s+['"\w]
      | except\s+[\w.]+\s*,\s*[a-z_][a-z0-9_]*\s*:
      | except\s*\([^()]*\)\s*,\s*\w+\s*:
      | raise\s+[\w.]+\s*,
    ) | `[^`'"]*` | <> | \b[0-9]+[lL]\b | \b0[0-7]+\b | \b[uU][rR]['"]""",
    re.VERBOSE,
)


class Newer(enum.Enum):
    """What to do about syntax that is newer than the running interpreter."""

    LOWER = "lower"
    """Which takes fifty times as long as parsing."""
    REFUSE = "refuse"


def parse_module(source: SourceFile, *, newer: Newer = Newer.LOWER) -> ast.Module:
    """Parse a file; newer syntax than the running interpreter's is lowered first, or refused.

    Raises:
        SourceError: for syntax errors, Python 2 code, null bytes and nesting that is too deep.

    """
    return parse_lowered(source, newer=newer)[0]


def parse_lowered(source: SourceFile, *, newer: Newer = Newer.LOWER) -> tuple[ast.Module, str]:
    """Return a file's tree and the text that it was parsed from, as long as the file's; raises as `parse_module`."""
    null = source.text.find("\0")
    if null >= 0:
        raise SourceError("contains a null byte", source.position(null).line)
    if not is_moderate(source.text):
        raise SourceError(f"too large to be analysed: more than {NODE_LIMIT} names, numbers and texts")
    try:
        return parse_text(source.text), source.text
    except SyntaxError as error:
        if newer is Newer.REFUSE:
            raise _source_error(source, error) from None
        return _parse_newer(source, error)
    except (RecursionError, MemoryError):
        raise SourceError("nested too deeply to be parsed") from None
    except ValueError as error:  # lone surrogates (UnicodeEncodeError) and the like
        raise SourceError(f"cannot be parsed: {error}") from None


def parse_text(text: str) -> ast.Module:
    """Parse what is known to be a moderate program; raises what `ast.parse` does."""
    _silence_warnings()
    return ast.parse(text, filename=FILE_NAME)


def _silence_warnings() -> None:
    """Ignore what the compiler has to say about analysed code, and only that.

    `warnings.catch_warnings` would save and restore the filters of the whole process, which races between threads; one
    more filter that fits nothing but `FILE_NAME` does not.
    """
    if _QUIET not in warnings.filters:
        warnings.filterwarnings("ignore", category=Warning, module=re.escape(FILE_NAME))


def _parse_newer(source: SourceFile, error: SyntaxError) -> tuple[ast.Module, str]:
    if _is_python_2(source, error) or "too many" in error.msg:
        raise _source_error(source, error) from None
    from txsafe.python.newer_syntax import lower_syntax

    lowered = lower_syntax(source.text)
    if lowered is None:
        raise _source_error(source, error) from None
    try:
        return parse_text(lowered), lowered
    except (SyntaxError, RecursionError, MemoryError):
        kind = "newer" if lowered == source.text else "invalid Python, or newer"
        remedy = "run txsafe with a newer Python so that this file is read"
        message = f"{kind} than the {_VERSION} that runs txsafe: {remedy} ({error.msg})"
        raise SourceError(message, error.lineno or 0) from None


def _is_python_2(source: SourceFile, error: SyntaxError) -> bool:
    line = error.lineno or 0
    if not 0 < line <= len(source.line_starts):
        return False
    return _PYTHON_2_LINE.search(source.line_text(line)[:1000]) is not None


def _source_error(source: SourceFile, error: SyntaxError) -> SourceError:
    line = min(error.lineno or 0, len(source.line_starts))
    if "too many nested parentheses" in error.msg or "too many levels of indentation" in error.msg:
        return SourceError("nested too deeply to be parsed", line)
    if _PYTHON_2_MESSAGE.match(error.msg) or _is_python_2(source, error):
        return SourceError("this is Python 2, which is not analysed; only Python 3 is", line)
    return SourceError(f"invalid Python: {error.msg}", line)


def span_of(source: SourceFile, node: ast.AST) -> Span:
    """Return the code points that a node (one with a position) covers; the whole file for one without."""
    if not isinstance(node, (ast.expr, ast.stmt, ast.excepthandler, ast.arg, ast.keyword, ast.alias, ast.pattern)):
        return Span(0, len(source.text))
    start = _offset(source, node.lineno, node.col_offset)
    if node.end_lineno is None or node.end_col_offset is None:
        return Span(start, start)
    return Span(start, max(start, _offset(source, node.end_lineno, node.end_col_offset)))


def _offset(source: SourceFile, line: int, column: int) -> int:
    """Turn `ast`'s line and UTF-8 byte column into a code point offset."""
    start = source.line_starts[min(line, len(source.line_starts)) - 1]
    if source.text.isascii():  # which Python knows without a look
        return min(start + column, len(source.text))
    text = source.text[start : start + column]  # a code point is at least a byte
    if text.isascii():
        return start + len(text)
    if column <= _STEP:
        return start + _characters(text, column)
    sizes = _bytes_before(source.text, start)
    before = min(bisect.bisect_right(sizes, column), len(sizes) - 1) - 1
    text = source.text[start + before * _STEP : start + (before + 1) * _STEP]
    return start + before * _STEP + _characters(text, column - sizes[before])


def _characters(text: str, size: int) -> int:
    return len(text.encode("utf-8", "replace")[:size].decode("utf-8", "ignore"))


@lru_cache(maxsize=4)
def _bytes_before(text: str, start: int) -> tuple[int, ...]:
    """Return how many bytes stand before each `_STEP`th code point of a line: a long one is looked at once."""
    match = _LINE.match(text, start)
    end = match.end() if match else start
    sizes = (len(text[at : min(at + _STEP, end)].encode("utf-8", "replace")) for at in range(start, end, _STEP))
    return tuple(itertools.accumulate(sizes, initial=0))
