"""Observations come in, one `Finding` per capability goes out: what they come to in the catalogue's words.

Needs no driver, so that tests can ask the same of committed observations.
"""

from __future__ import annotations

import re
from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

from txsafe.catalog.probes import Context, Word
from txsafe.model import Effect, Outcome

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from txsafe.probe.observe import Observation

LATE_CLEAN_UP = frozenset({"discard", "pool-reset", "deallocate-all"})
"""Capabilities that are about clean-up sent later; for all others, `late` says what becomes of a closing step."""
ENDS_IN_BLOCK = frozenset({"transaction-block", "split-prepare"})
"""Capabilities whose verdict is about what happens inside a transaction."""
_EFFECTS = frozenset(Effect)


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """What was seen of one capability."""

    capability: str
    outcome: Outcome
    """Unknown where it could not be observed; `text` says why."""
    effects: tuple[Effect, ...] = ()
    text: str = ""
    """What a server or pooler said first, or why nothing was seen."""
    inside: bool = False
    """Whether it holds inside an explicit transaction only."""


def is_about_itself(requires: Sequence[str], context: Context) -> bool:
    """Tell whether the verdict on capabilities is about what a context shows."""
    kinds = {capability.partition(":")[0] for capability in requires}
    match context:
        case Context.AUTOCOMMIT | Context.COMMITTED:
            return True
        case Context.LATE:
            return bool(kinds & LATE_CLEAN_UP)
        case Context.INSIDE:
            return bool(kinds & ENDS_IN_BLOCK)


def list_effects(words: Iterable[str]) -> frozenset[Effect]:
    """Return what went wrong, in the catalogue's words: a refusal at connect is an error."""
    named = (Word.ERROR.value if word == Word.REFUSED else str(word) for word in words)
    return frozenset(Effect(word) for word in named if word in _EFFECTS)


def settle(text: str) -> str:
    """Take out of a message what differs from run to run."""
    text = " ".join(text.partition("\nHINT:")[0].split())
    text = re.sub(r"__asyncpg_stmt_\w+?__", "__asyncpg_stmt_…__", text)
    text = re.sub(r"txsafe_[0-9a-f]{8}", "txsafe_…", text)
    text = re.sub(r"(port|stmt_|pstmt_|_pg3_|c)(\s?)\d+", r"\1\2…", text)
    return re.sub(r"\d{4,5}|[0-9a-f]{12,}", "…", text)


def find_verdicts(observations: Sequence[Observation]) -> tuple[Finding, ...]:
    """Return what the observations come to, in the order in which capabilities were first met.

    Where a probe needs several capabilities, what went wrong is laid to the one that is not tried on its own: what the
    others do is known.
    """
    own: dict[tuple[str, bool], list[Observation]] = defaultdict(list)
    joint: list[Observation] = []
    for seen in observations:
        if not is_about_itself(seen.requires, seen.context):
            continue
        if len(seen.requires) == 1:
            own[seen.requires[0], seen.context is Context.INSIDE].append(seen)
        elif seen.requires:
            joint.append(seen)
    found = {key: _sum_up(key[0], cells, inside=key[1]) for key, cells in own.items()}
    alone = {capability: finding for (capability, inside), finding in found.items() if not inside}
    return (*found.values(), *_settle_joint(joint, alone))


def _sum_up(capability: str, cells: Sequence[Observation], *, inside: bool = False) -> Finding:
    seen = [cell for cell in cells if Word.UNSEEN not in cell.words]
    if not seen:
        return Finding(capability=capability, outcome=Outcome.UNKNOWN, text=_first_text(cells), inside=inside)
    met = {effect for cell in seen for effect in list_effects(cell.words)}
    pinned = any(Word.PINNED in cell.words for cell in seen)
    return Finding(
        capability=capability,
        outcome=Outcome.UNSAFE if met else Outcome.COSTLY if pinned else Outcome.SAFE,
        effects=tuple(effect for effect in Effect if effect in met),
        text=_first_text(seen),
        inside=inside,
    )


def _first_text(cells: Iterable[Observation]) -> str:
    texts = (f"{cell.sqlstate} {settle(cell.text)}".strip() for cell in cells)
    return next((text for text in texts if text), "")


def _settle_joint(joint: Sequence[Observation], alone: Mapping[str, Finding]) -> Iterator[Finding]:
    """Lay to the capability that is tried with others only what goes wrong although these work."""
    cells: dict[str, list[Observation]] = defaultdict(list)
    for seen in joint:
        others = [alone[name] for name in seen.requires if name in alone]
        rest = [name for name in seen.requires if name not in alone]
        if len(rest) == 1:
            harmless = all(other.outcome is Outcome.SAFE for other in others)
            works = not list_effects(seen.words) and Word.UNSEEN not in seen.words
            if harmless or works:
                cells[rest[0]].append(seen)
            else:
                cells.setdefault(rest[0], [])
    for name, own in cells.items():
        if own:
            yield _sum_up(name, own)
        else:
            text = "what it was tried with does not work by itself"
            yield Finding(capability=name, outcome=Outcome.UNKNOWN, text=text)
