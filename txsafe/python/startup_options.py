"""The text of libpq's `options` → the parameters that it asks for, one use each."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from txsafe.model import HOLE_CHARACTERS, Confidence

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from txsafe.model import Place

OPTION = re.compile(r"(?:-c\s*|--)([A-Za-z_][\w.-]*)\s*=\s*((?:\\.|[^\s\\])*)")
"""One setting; a backslash keeps the character after it."""
_HOLES = str.maketrans(dict.fromkeys(HOLE_CHARACTERS.values(), "…"))


def read_options(text: str, place: Place) -> Iterator[tuple[str, Mapping[str, str], Place, Confidence]]:
    """Yield the API, the facts, the place and how sure it is, of each parameter; of the whole where none is told."""
    found = False
    for option in OPTION.finditer(text):
        found = True
        name = option.group(1).replace("-", "_").translate(_HOLES)
        value = re.sub(r"\\(.)", r"\1", option.group(2)).translate(_HOLES)
        yield "startup-parameter", {"name": name, "value": value, "carrier": "options"}, place, Confidence.HIGH
    if not found and text.strip():
        yield "startup-options", {"value": text.translate(_HOLES), "carrier": "options"}, place, Confidence.MEDIUM
