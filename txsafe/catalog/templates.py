"""Messages with `{names}` in them, and patterns with `*` in them: the two small languages of rule files.

`str.format` is not used for the first: names hold hyphens, SQL holds braces, and a format string can reach into
objects.
"""

from __future__ import annotations

import fnmatch
import functools
import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

_NAME = re.compile(r"\{([a-z][a-z0-9-]*)\}")
MISSING = "…"
"""What stands for a name that has no value."""


def fill_template(template: str, values: Mapping[str, str]) -> str:
    """Replace each `{name}` by its value, or by `…` where there is none; all other braces stay."""
    return _NAME.sub(lambda found: values.get(found[1], MISSING), template)


def template_names(template: str) -> frozenset[str]:
    """Return the names that a template asks for."""
    return frozenset(_NAME.findall(template))


def matches_globs(text: str, patterns: tuple[str, ...]) -> bool:
    """Tell whether a text fits: one of the plain patterns, if there are any, and none of those with `!` in front.

    Case is ignored. `*`, `?` and `[…]` mean what they mean in a shell, and `*` also covers slashes.
    """
    wanted, refused = _compile_globs(patterns)
    if refused is not None and refused.match(text):
        return False
    return wanted is None or wanted.match(text) is not None


@functools.lru_cache(maxsize=4096)
def _compile_globs(patterns: tuple[str, ...]) -> tuple[re.Pattern[str] | None, re.Pattern[str] | None]:
    wanted = [fnmatch.translate(pattern) for pattern in patterns if not pattern.startswith("!")]
    refused = [fnmatch.translate(pattern[1:]) for pattern in patterns if pattern.startswith("!")]
    return _any_of(wanted), _any_of(refused)


def _any_of(regexes: list[str]) -> re.Pattern[str] | None:
    return re.compile("|".join(regexes), re.IGNORECASE) if regexes else None
