"""What outcomes and effects are called where people read them; every format uses these words."""

from __future__ import annotations

from types import MappingProxyType

TYPE_CHECKING = False  # see `txsafe.results`
if TYPE_CHECKING:
    from collections.abc import Mapping

    from txsafe.model import Diagnostic, Effect, Outcome

# By value: a report without findings needs no more of the model than `txsafe.results` has.
_EFFECTS: Mapping[str, str] = MappingProxyType(
    {
        "lost": "lost for this client",
        "leaked": "leaked to other clients",
        "wrong-result": "another statement runs than the one meant",
        "error": "refused, or fails later",
        "stuck": "cannot be released any more",
        "ignored": "accepted without effect",
    }
)
_OUTCOMES: Mapping[str, str] = MappingProxyType(
    {
        "safe": "",
        "unsafe": "",
        "costly": "works, but pins the server connection: its multiplexing is lost",
        "unknown": "nobody could confirm what this pooler does with it",
    }
)


def describe_effects(diagnostic: Diagnostic) -> str:
    """Return what goes wrong (`lost for this client · leaked to other clients`), or nothing."""
    if is_own(diagnostic):
        return ""
    words = [_OUTCOMES[diagnostic.outcome], *(_EFFECTS[effect] for effect in diagnostic.effects)]
    return " · ".join(word for word in words if word)


def describe_effect(effect: Effect) -> str:
    """Return what goes wrong in a few words: `leaked to other clients`."""
    return _EFFECTS[effect]


def describe_outcome(outcome: Outcome) -> str:
    """Return what an outcome that is neither safe nor unsafe means."""
    return _OUTCOMES[outcome]


def is_own(diagnostic: Diagnostic) -> bool:
    """Whether it is about the analysis (`syntax-error`, `unused-suppression`), so that no pooler has a say in it."""
    return not diagnostic.sql and not diagnostic.variant


def count(number: int, noun: str, plural: str = "") -> str:
    """Return `1 file`, `2 files`, `1,234 files`."""
    return f"{number:,} {noun if number == 1 else plural or noun + 's'}"
