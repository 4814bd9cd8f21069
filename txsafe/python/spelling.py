"""Where each character of a text literal stands in its file.

In goes a template whose fragments know their literal, out comes one whose fragments map character by character.
"""

from __future__ import annotations

from collections.abc import Callable

from txsafe.model import SourceFile, SqlTemplate


def respell(template: SqlTemplate, sources: Callable[[str], SourceFile | None]) -> SqlTemplate:
    """Return the template with its fragments split so that they map exactly; what cannot be spelled stays as it is."""
    raise NotImplementedError
