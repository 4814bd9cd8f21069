"""Names that a connection goes by → the profile of its route (`[tool.txsafe.routes]`), or a hint to give it one.

A name never decides by itself: what is called `DIRECT_URL` may well lead through the pooler.
"""

from __future__ import annotations

import re
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

_Profile = TypeVar("_Profile")

# What services and tutorials call the connection that bypasses the pooler: Prisma and Supabase `DIRECT_URL`, Neon
# `DATABASE_URL_UNPOOLED`, Vercel `POSTGRES_URL_NON_POOLING`, and what migrations are given.
_TELLING = re.compile(r"(?:^|_)(?:direct|unpooled|no_?pool(?:er)?|non_?pool(?:ed|ing)|migrations?|migrator)(?:_|$)")


def find_route(names: Iterable[str], routes: Mapping[str, _Profile]) -> _Profile | None:
    """Return what the first pattern says that fits a name, in whichever case either is written."""
    folded = tuple(name.casefold() for name in names)
    for pattern, profile in routes.items():
        if any(fnmatchcase(name, pattern.casefold()) for name in folded):
            return profile
    return None


def route_hint(names: Iterable[str]) -> str:
    """Return a sentence where a name suggests that the connection bypasses the pooler; nothing where none does."""
    for name in names:
        if _TELLING.search(re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower()):
            return f'If this connection bypasses the pooler, say so: "{name}" = "direct" in [tool.txsafe.routes].'
    return ""
