"""Python text → `ast` tree, and `ast`'s positions → spans.

In goes a `SourceFile`, out comes an `ast.Module`, or a `SourceError` that says what is wrong and where.
"""

from __future__ import annotations

import ast

from txsafe.model import SourceFile, Span


def parse_module(source: SourceFile) -> ast.Module:
    """Parse a file; newer syntax than the running interpreter's is lowered first.

    Raises:
        SourceError: for syntax errors, Python 2 code, null bytes and nesting that is too deep.

    """
    raise NotImplementedError


def span_of(source: SourceFile, node: ast.AST) -> Span:
    """Return the code points that a node (one with a position) covers."""
    raise NotImplementedError
