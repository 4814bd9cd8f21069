"""Uses that belong together: locked and unlocked, prepared and executed, created and dropped in one transaction.

In: the feature uses of one file in the order in which they run, and the rules. Out: the same uses, `paired` where what
one opens is used or closed on the same server connection before the transaction ends, whatever pooler is in between.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from txsafe.catalog.rules import Role, Rule
from txsafe.catalog.templates import MISSING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from txsafe.model import FeatureUse

_Group = tuple[str, str, str, str]


def pair_uses(uses: Sequence[FeatureUse], rules: Iterable[Rule]) -> tuple[FeatureUse, ...]:
    """Return the uses, those marked `paired` that open, use or close something within one transaction.

    What opens needs something that closes after it; what uses or closes needs something that opens before it. The
    rule's pair key must agree where both are known. A block that is not known pairs nothing.
    """
    by_id = {rule.id: rule for rule in rules}
    groups: dict[_Group, list[int]] = defaultdict(list)
    for number, use in enumerate(uses):
        block = use.transaction.block
        if block is not None and _role(use, by_id) is not None:
            groups[use.rule, use.place.path, use.scope, block].append(number)
    paired = {number for numbers in groups.values() for number in _paired_in(numbers, uses, by_id)}
    return tuple(replace(use, paired=True) if number in paired else use for number, use in enumerate(uses))


def _role(use: FeatureUse, rules: Mapping[str, Rule]) -> Role | None:
    rule = rules.get(use.rule)
    variant = rule.variants.get(use.variant) if rule is not None else None
    return variant.role if variant is not None else None


def _key(use: FeatureUse, rule: Rule) -> str | None:
    """Return what the use is about; None where that is unknown."""
    if rule.pair_key is None:
        return None
    value = use.captures.get(rule.pair_key, "")
    return value if value and MISSING not in value else None


@dataclass(slots=True)
class _Seen:
    """What was opened so far, or is closed later on."""

    keys: set[str] = field(default_factory=set)
    any_key: bool = False
    unknown_key: bool = False

    def add(self, key: str | None) -> None:
        self.any_key = True
        if key is None:
            self.unknown_key = True
        else:
            self.keys.add(key)

    def fits(self, key: str | None) -> bool:
        return self.any_key if key is None else self.unknown_key or key in self.keys


def _paired_in(numbers: Sequence[int], uses: Sequence[FeatureUse], rules: Mapping[str, Rule]) -> Iterable[int]:
    """Two passes over one block, so that a long script costs no more than its length."""
    opened, closed = _Seen(), _Seen()
    for number in numbers:
        key, role = _key(uses[number], rules[uses[number].rule]), _role(uses[number], rules)
        if role is Role.OPENS:
            opened.add(key)
        elif opened.fits(key):
            yield number
    for number in reversed(numbers):
        key, role = _key(uses[number], rules[uses[number].rule]), _role(uses[number], rules)
        if role is Role.CLOSES:
            closed.add(key)
        elif role is Role.OPENS and closed.fits(key):
            yield number
