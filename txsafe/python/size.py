"""Whether a text is small enough for its tree: a question for generated files of many megabytes.

`ast` takes about a kilobyte for every name, number and text of a program, so a file of ten megabytes could take ten
gigabytes, while one that is a single long literal takes next to nothing. So what makes nodes is counted, not bytes.
"""

from __future__ import annotations

import re

NODE_LIMIT = 500_000
"""Names, numbers, texts and brackets: about 600 MB and five seconds."""

_NODE = re.compile(
    r"""\#[^\r\n]*+
      | (?:(?<!\w)[A-Za-z]{1,2})?(?P<text>
            \"\"\"[^\"\\]*+(?:(?:\\.|\"(?!\"\"))[^\"\\]*+)*+\"\"\" | '''[^'\\]*+(?:(?:\\.|'(?!''))[^'\\]*+)*+'''
          | \"[^\"\\\r\n]*+(?:\\.[^\"\\\r\n]*+)*+\" | '[^'\\\r\n]*+(?:\\.[^'\\\r\n]*+)*+' )
      | (?P<node>\w+ | [(\[{:] | \.\.\.)""",
    re.VERBOSE | re.DOTALL,
)


def is_moderate(text: str) -> bool:
    """Return whether a program's tree stays below `NODE_LIMIT`, generously counted; at no cost for usual files."""
    if len(text) <= NODE_LIMIT:
        return True
    count = 0
    for match in _NODE.finditer(text):
        if match.lastgroup == "node":
            count += 1
        elif match.lastgroup == "text":
            count += 1 + text.count("{", match.start(), match.end())  # the fields of an f-string
        if count > NODE_LIMIT:
            return False
    return True
