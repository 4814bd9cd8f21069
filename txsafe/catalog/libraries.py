"""What a library file says beside what drivers say: why the library needs a session, and what makes it safe.

In: the `Reader` of a file in `rules/libraries/`. Out: the facts that every use of the library brings along.
"""

from __future__ import annotations

import re
from types import MappingProxyType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from txsafe.catalog.document import Reader

MARK = "needs"
"""The key that makes a file one of a library."""
_ADDRESS = re.compile(r"https://\S+")


def read_library_facts(reader: Reader) -> Mapping[str, str]:
    """Return `library`, `needs`, `remedy` and `reference`; raise `CatalogError` where one is missing."""
    references = reader.texts("references")
    if not references:
        raise reader.missing("references")
    for reference in references:
        if not _ADDRESS.fullmatch(reference):
            raise reader.error(f"{reference!r} is no address", "references")
    return MappingProxyType(
        {
            "library": reader.text("title"),
            "needs": reader.text(MARK),
            "remedy": reader.text("remedy"),
            "reference": references[0],
        }
    )
