"""What a user reads about one use of a feature: its message, and the line to write instead.

In: a `FeatureUse`, its rule's templates, its neighbours. Out: text. Templates take captures, and these made from them:

- `{identifier-X}`: capture X as an SQL name, quoted where it must be
- `{quoted-X}`: capture X as a string constant
- `{list-X}`: capture X where it is a list of plain names, as `search_path` takes it
- `{parameter}`, `{parameter-2}`: bound parameters as the driver spells them

Of a variant's suggestions the first counts that fits driver and transaction and asks for nothing unknown. If every one
does, the last one is filled with bound parameters where the program puts its values in.
"""

from __future__ import annotations

import itertools
import re
from typing import TYPE_CHECKING

from txsafe.catalog.templates import MISSING, fill_template, matches_globs, template_names
from txsafe.rewrites import PATTERNS
from txsafe.sql.quoting import quote_constant, quote_list, quote_name

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from txsafe.catalog.rules import Rule, Suggestion
    from txsafe.model import FeatureUse
    from txsafe.rewrites.surroundings import Surroundings

LONGEST_IN_MESSAGE = 80
"""Characters of one capture within a message."""
LONGEST_IN_SUGGESTION = 1000
"""A capture that is longer counts as unknown: nobody wants to read a suggestion of pages."""

_SPACE = re.compile(r"\s+")
_HOLE_IN_SQL = re.compile(rf"'[^']*{MISSING}[^']*'|\"[^\"]*{MISSING}[^\"]*\"|{MISSING}")
_NUMBERED = re.compile(r"\$(\d{1,6})")
_COMMON_STYLE = "%s"
_PARAMETERS = {"parameter": 1, "parameter-2": 2}


def fill(template: str, use: FeatureUse) -> str:
    """Fill a message's template; what is unknown becomes `…`, what is long is cut."""
    names = template_names(template) & use.captures.keys()
    return fill_template(template, {name: _brief(use.captures[name]) for name in names if use.captures[name]})


def _brief(value: str) -> str:
    line = _SPACE.sub(" ", value[: 4 * LONGEST_IN_MESSAGE]).strip()
    return line if len(line) <= LONGEST_IN_MESSAGE else line[: LONGEST_IN_MESSAGE - 1].rstrip() + MISSING


def suggest(
    use: FeatureUse,
    rule: Rule,
    neighbours: Sequence[FeatureUse],
    *,
    placeholders: Mapping[str, str],
    surroundings: Surroundings | None = None,
) -> str:
    """Return what to write instead of a use; nothing where the rule has no idea.

    `neighbours` are the uses and mentions of the same file, in order; the use itself may be among them. `placeholders`
    says how drivers spell bound parameters; `surroundings` are there where the file itself was read.
    """
    shown = use.pattern if use.pattern is not None else find_pattern(use, neighbours, surroundings)
    if shown is not None:
        return shown
    variant = rule.variants[use.variant]
    fitting = [each for each in variant.suggestions if _fits(each, use)]
    if not fitting:
        return ""
    known = _Values(use, placeholders.get(use.driver or "", _COMMON_STYLE))
    chosen = next((each for each in fitting if known.has_all(template_names(each.text))), None)
    if chosen is not None:
        return _fill_lines(chosen.text, known.of(chosen.text))
    return _fill_lines(fitting[-1].text, known.bound(fitting[-1].text))


def find_pattern(
    use: FeatureUse, neighbours: Sequence[FeatureUse], surroundings: Surroundings | None = None
) -> str | None:
    """Return what a pattern of the rewrites says to write instead."""
    found = (pattern(use, neighbours, surroundings) for pattern in PATTERNS)
    return next((text for text in found if text is not None), None)


def _fill_lines(template: str, values: Mapping[str, str]) -> str:
    """Fill a template; a value of several lines must not leave the comment that it stands in."""
    flat = {name: _SPACE.sub(" ", value) for name, value in values.items()}
    lines = (fill_template(line, flat if line.startswith("--") else values) for line in template.splitlines())
    return "\n".join(lines).strip()


def _fits(suggestion: Suggestion, use: FeatureUse) -> bool:
    if suggestion.transaction and use.transaction.kind not in suggestion.transaction:
        return False
    return not suggestion.driver or matches_globs(use.driver or "", suggestion.driver)


class _Values:
    """What the names of a template stand for, for one use."""

    def __init__(self, use: FeatureUse, style: str) -> None:
        self._captures = use.captures
        self._style = style

    def has_all(self, names: frozenset[str]) -> bool:
        return all(self._value(name) is not None for name in names)

    def of(self, template: str) -> dict[str, str]:
        """Return the values of a template's names, as far as they are known."""
        found = {name: self._value(name) for name in template_names(template)}
        return {name: value for name, value in found.items() if value is not None}

    def bound(self, template: str) -> dict[str, str]:
        """Return the values with a bound parameter for each hole."""
        spelled = " ".join(value for value in self._captures.values() if len(value) <= LONGEST_IN_SUGGESTION)
        numbers = itertools.count(1 + max((int(number) for number in _NUMBERED.findall(spelled)), default=0))
        values = self.of(template)
        for name in sorted(template_names(template) - values.keys()):
            holed = self._captures.get(name, "")
            if holed and len(holed) <= LONGEST_IN_SUGGESTION:
                values[name] = _HOLE_IN_SQL.sub(lambda _: self._style.format(next(numbers)), holed)
        return values

    def _value(self, name: str) -> str | None:
        """Return a value that holds no hole, or None."""
        if name in _PARAMETERS:
            return self._style.format(_PARAMETERS[name])
        for prefix, make in _MADE.items():
            if name.startswith(prefix) and name not in self._captures:
                value = self._value(name.removeprefix(prefix))
                return None if value is None else make(value)
        value = self._captures.get(name, "").strip()
        return value if value and MISSING not in value and len(value) <= LONGEST_IN_SUGGESTION else None


_MADE: Mapping[str, Callable[[str], str | None]] = {
    "identifier-": quote_name,
    "quoted-": quote_constant,
    "list-": quote_list,
}
