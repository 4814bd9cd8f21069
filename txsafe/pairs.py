"""Uses that belong together: locked and unlocked, prepared and executed, created and dropped.

In: the feature uses of one file in the order of the text, and the rules. Out: `Pair`s, each with its uses and whether
one transaction holds them all; and the same uses again with what follows from that. What one use opens and others use
or close in one transaction is `paired`: it is on one server connection, whatever pooler is in between. Where a caller
may hold that transaction, the uses are less sure. Where two methods of one helper open and close (`__enter__` and
`__exit__`, `acquire` and `release`), they are one finding with two places.
"""

from __future__ import annotations

import enum
from bisect import bisect_right
from collections import defaultdict
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, TypeAlias

from txsafe.catalog.rules import Role, Rule
from txsafe.catalog.templates import MISSING
from txsafe.model import Confidence, Related, Transaction

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from txsafe.model import FeatureUse

MOST_PARTNERS = 12
"""Of one use that are named."""

_Group: TypeAlias = "tuple[str | None, ...] | None"


class Held(enum.Enum):
    """Whether one transaction holds what opens and all that uses or closes it."""

    SURELY = "surely"
    PERHAPS = "perhaps"
    """If a caller that nobody has seen opens one."""
    NOT = "not"


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """A use that opens something, and uses of the same thing on the same connection."""

    opening: FeatureUse
    others: tuple[FeatureUse, ...]
    """What uses or closes it, in the order of the text, at most `MOST_PARTNERS`. Each `place` is the span to change."""
    held: Held


@dataclass(frozen=True, slots=True)
class _Marked:
    """A use that has a role, and its number among the uses of the file."""

    number: int
    use: FeatureUse
    role: Role
    key: str | None
    """What the use is about; None where that is unknown."""


def find_pairs(uses: Sequence[FeatureUse], rules: Iterable[Rule]) -> tuple[Pair, ...]:
    """Return what belongs together in one transaction, in one function, or in one helper."""
    return tuple(
        Pair(opening=opening.use, others=tuple(other.use for other in others), held=held)
        for opening, others, held in _partners(_marked(uses, rules))
    )


def pair_uses(uses: Sequence[FeatureUse], rules: Iterable[Rule]) -> tuple[FeatureUse, ...]:
    """Return the uses, each with what its partners mean for it.

    What opens is paired by something that closes after it in the same transaction; what uses or closes by something
    that opens before. The rule's pair key must agree where both are known.
    """
    marked = _marked(uses, rules)
    found = dict(enumerate(uses))
    for number in _paired(marked):
        found[number] = replace(found[number], paired=True)
    for opening, others, held in _partners(marked):
        closing = [other for other in others if other.role is Role.CLOSES]
        if held is Held.PERHAPS:
            for each in (*([opening] if closing else []), *others):
                found[each.number] = _less_sure(found[each.number])
        elif held is Held.NOT:
            _join(opening, (each for each in closing if each.use.scope != opening.use.scope), found)
    return tuple(found.values())


def _less_sure(use: FeatureUse) -> FeatureUse:
    return replace(use, confidence=min(use.confidence, use.transaction.certainty, Confidence.MEDIUM))


def _join(opening: _Marked, closing: Iterable[_Marked], found: dict[int, FeatureUse]) -> None:
    """Make the uses of a helper one finding, told where it opens."""
    for each in closing:
        if found[each.number].part_of is None:
            found[each.number] = replace(found[each.number], part_of=opening.use.place)
            related = Related(place=each.use.place, message="given back here")
            opener = found[opening.number]
            found[opening.number] = replace(opener, trail=(*opener.trail, related))


def _scopes(marked: Iterable[_Marked]) -> int:
    return len({each.use.scope for each in marked})


# ---------------------------------------------------------------- roles and keys


def _marked(uses: Sequence[FeatureUse], rules: Iterable[Rule]) -> tuple[_Marked, ...]:
    by_id = {rule.id: rule for rule in rules}
    found = ((number, use, by_id.get(use.rule)) for number, use in enumerate(uses))
    return tuple(
        _Marked(number, use, role, _key(use, rule))
        for number, use, rule in found
        if rule is not None and (role := _role(use, rule)) is not None
    )


def _role(use: FeatureUse, rule: Rule) -> Role | None:
    variant = rule.variants.get(use.variant)
    return variant.role if variant is not None else None


def _key(use: FeatureUse, rule: Rule) -> str | None:
    if rule.pair_key is None:
        return None
    value = use.captures.get(rule.pair_key, "")
    return value if value and MISSING not in value else None


# ---------------------------------------------------------------- one transaction


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


def _paired(marked: Iterable[_Marked]) -> set[int]:
    return {number for group in _groups(marked, _transaction) for number in _paired_in(group)}


def _paired_in(group: Sequence[_Marked]) -> Iterator[int]:
    """Two passes over one transaction, so that a long script costs no more than its length.

    Between functions the order of the text says nothing: there each may come first.
    """
    ordered = _scopes(group) == 1
    opened, closed = _Seen(), _Seen()
    for each in group if not ordered else ():
        if each.role is not Role.USES:
            (opened if each.role is Role.OPENS else closed).add(each.key)
    for each in group:
        if each.role is Role.OPENS:
            opened.add(each.key)
        elif opened.fits(each.key):
            yield each.number
    for each in reversed(group):
        if each.role is Role.CLOSES:
            closed.add(each.key)
        elif each.role is Role.OPENS and closed.fits(each.key):
            yield each.number


# ---------------------------------------------------------------- partners


def _partners(marked: Sequence[_Marked]) -> Iterator[tuple[_Marked, tuple[_Marked, ...], Held]]:
    """Yield each use that opens something, with its partners; those in one transaction count before others."""
    paired = _paired(marked)
    for group in _groups((each for each in marked if each.number in paired), _transaction):
        yield from _matched(group, Held.SURELY)
    left = tuple(each for each in marked if each.number not in paired)
    alone: list[_Marked] = []
    for group in _groups(left, _function):
        may_be_held = all(_may_be_held(each.use) for each in group)
        found = tuple(_matched(group, Held.PERHAPS if may_be_held else Held.NOT))
        yield from found
        known = {each.number for opening, others, _ in found for each in (opening, *others)}
        alone += [each for each in group if each.number not in known]
    for group in _groups(alone, _helper):
        yield from _matched(group, Held.NOT)


def _transaction(use: FeatureUse) -> _Group:
    block = use.transaction.block
    return None if block is None else (use.rule, use.place.path, block)


def _function(use: FeatureUse) -> _Group:
    return use.rule, use.place.path, use.scope, _connection(use)


def _helper(use: FeatureUse) -> _Group:
    """Return the class, or the function around, that several functions of a connection belong to."""
    helper = use.scope.rpartition(".")[0]
    return (use.rule, use.place.path, helper, _connection(use)) if helper else None


def _connection(use: FeatureUse) -> str:
    return "" if use.spelling is None else use.spelling.site.connection


def _may_be_held(use: FeatureUse) -> bool:
    if use.transaction.kind is Transaction.AUTOCOMMIT:
        return use.transaction.certainty is not Confidence.HIGH
    return use.transaction.kind is Transaction.UNKNOWN and bool(_connection(use))


def _groups(marked: Iterable[_Marked], key_of: Callable[[FeatureUse], _Group]) -> Iterable[Sequence[_Marked]]:
    groups: dict[_Group, list[_Marked]] = defaultdict(list)
    for each in marked:
        key = key_of(each.use)
        if key is not None:
            groups[key].append(each)
    return groups.values()


def _matched(group: Sequence[_Marked], held: Held) -> Iterator[tuple[_Marked, tuple[_Marked, ...], Held]]:
    others = [each for each in group if each.role is not Role.OPENS]
    by_key: dict[str | None, list[_Marked]] = defaultdict(list)
    for each in others:
        by_key[each.key].append(each)
    ordered = _scopes(group) == 1
    for each in group:
        if each.role is Role.OPENS:
            fitting = others if each.key is None else _merged(by_key, each.key)
            first = bisect_right(fitting, each.number, key=_number) if ordered else 0
            if first < len(fitting):
                yield each, tuple(fitting[first : first + MOST_PARTNERS]), held


def _merged(by_key: Mapping[str | None, list[_Marked]], key: str) -> list[_Marked]:
    """Return the uses of a key and those of an unknown one, in their order."""
    known, unknown = by_key.get(key, []), by_key.get(None, [])
    return sorted([*known, *unknown], key=_number) if known and unknown else known or unknown


def _number(marked: _Marked) -> int:
    return marked.number
