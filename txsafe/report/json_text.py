"""A tree of values in, JSON text out: ASCII only, so that neither a terminal nor a code page can be confused by it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import TypeAlias

from txsafe.report.escaping import replace_surrogates

JsonValue: TypeAlias = "bool | int | str | Sequence[JsonValue] | Mapping[str, JsonValue] | None"
JsonObject: TypeAlias = dict[str, JsonValue]


def dump(value: JsonValue) -> str:
    """Return indented JSON with a line end.

    Lone surrogates become visible escapes: RFC 8259 §8.2 leaves them undefined, and many parsers refuse them.
    """
    text = json.dumps(value, indent=2)
    if "\\ud" in text:  # a surrogate, in a pair or alone
        text = json.dumps(_clean(value), indent=2)
    return text + "\n"


def _clean(value: JsonValue) -> JsonValue:
    match value:
        case str():
            return replace_surrogates(value)
        case Mapping():
            return {replace_surrogates(key): _clean(item) for key, item in value.items()}
        case Sequence():
            return [_clean(item) for item in value]
        case _:
            return value
