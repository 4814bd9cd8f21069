"""Whether a text nests so little that libcst may parse it.

libcst's parser recurses in native code, where running out of stack ends the process instead of raising; measured: about
3,000 brackets, operators or members of a chain do. So whatever nests is counted first, generously.
"""

from __future__ import annotations

import re

NESTING_LIMIT = 1_500

_NESTS = r"""(?P<open>[(\[{]) | (?P<close>[)\]}]) | (?P<comma>,) | (?P<branch>\belif\b)
      | (?P<nests>[-+*/%@&|^~<>=!:.] | \b(?:not|lambda|await|else|and|or|in|is)\b)"""

_TOKEN = re.compile(
    rf"""\#[^\r\n]*
      | (?P<fields>\b[rR]?[fFtT][rR]?(?=["']))?(?P<text>
            \"\"\"(?:[^\\]|\\.)*?\"\"\" | '''(?:[^\\]|\\.)*?''' | \"(?:[^\"\\\r\n]|\\.)*+\" | '(?:[^'\\\r\n]|\\.)*+' )
      | \\(?:\r\n|.) | (?P<line>[\r\n]) | {_NESTS}""",
    re.VERBOSE | re.DOTALL,
)
_INNER = re.compile(_NESTS, re.VERBOSE)
"""Inside an f-string, whose fields hold expressions; its text counts as well, which errs on the safe side."""


def parse_failures() -> tuple[type[Exception], ...]:
    """Return what libcst's parser raises for a text that is no Python, or nests too deeply after all."""
    import libcst

    return (libcst.ParserSyntaxError, libcst.CSTLogicError, libcst.CSTValidationError, RecursionError)


def is_shallow(text: str) -> bool:
    """Return whether libcst can parse a text without running out of stack."""
    return _is_shallow(text, _TOKEN)


def _is_shallow(text: str, pattern: re.Pattern[str]) -> bool:
    counts = [0]  # per open bracket, what has nested since its last comma
    total = branches = 0
    for match in pattern.finditer(text):
        match match.lastgroup:
            case "open":
                counts[-1] += 1
                counts.append(0)
                total += 1
            case "nests":
                counts[-1] += 1
                total += 1
            case "close" if len(counts) > 1:
                total -= counts.pop()
            case "comma":
                total -= counts[-1]
                counts[-1] = 0
            case "line" if len(counts) == 1:
                total -= counts[0]
                counts[0] = 0
            case "branch":
                branches += 1
            case "text" if match["fields"] is not None and not _is_shallow(match["text"], _INNER):
                return False
        if max(total, branches) > NESTING_LIMIT:
            return False
    return True
