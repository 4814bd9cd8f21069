"""What a linter costs that parses every file with libcst and visits its nodes: the yardstick for a naive design."""

from __future__ import annotations

import sys
from pathlib import Path

import libcst


class Counter(libcst.CSTVisitor):
    """Looks at every call."""

    calls = 0

    def visit_Call(self, node: libcst.Call) -> None:  # noqa: ARG002, N802  # libcst's protocol
        """Count."""
        self.calls += 1


if __name__ == "__main__":
    counter = Counter()
    for path in sorted(Path(sys.argv[1]).rglob("*.py")):
        try:
            libcst.parse_module(path.read_bytes()).visit(counter)
        except (libcst.ParserSyntaxError, UnicodeDecodeError):
            continue
    sys.stdout.write(f"{counter.calls}\n")
