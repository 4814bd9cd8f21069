"""What the value of an option may be: from TOML or a flag to a checked Python value, and to its JSON Schema.

In: the object that `tomllib` or click gives. Out: the value that `Config` holds, or a `ConfigError` that says what was
expected.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from txsafe.errors import ConfigError, did_you_mean
from txsafe.patterns import later

TYPE_CHECKING = False  # see `txsafe.results`
if TYPE_CHECKING:
    import enum

Schema = dict[str, object]
_VERSION = later(r"[0-9]+(?:\.[0-9]+)*")


@dataclass(frozen=True, slots=True)
class Kind:
    """A type of option."""

    decode: Callable[[object], object]
    """Returns the checked value; raises `ConfigError` where it is another kind of thing."""
    schema: Schema
    """JSON Schema of what `decode` takes."""


def _decode_switch(value: object) -> bool:
    if not isinstance(value, bool):
        raise _wrong("true or false", value)
    return value


def _decode_text(value: object) -> str:
    if not isinstance(value, str) or not value:
        raise _wrong("a text", value)
    return value


def _decode_path(value: object) -> Path:
    if not isinstance(value, str) or not value or "\0" in value:
        raise _wrong("a path", value)
    return Path(value)


def _decode_scalar(value: object) -> str:
    if isinstance(value, bool):
        return "on" if value else "off"
    if not isinstance(value, str | int | float):
        raise _wrong("a text or a number", value)
    return str(value)


def _decode_version(value: object) -> str:
    text = str(value) if isinstance(value, int | float) and not isinstance(value, bool) else value
    if not isinstance(text, str) or not _VERSION.fullmatch(text):
        raise _wrong("a version such as 0.29", value)
    return text


SWITCH = Kind(_decode_switch, {"type": "boolean"})
TEXT = Kind(_decode_text, {"type": "string", "minLength": 1})
PATH = Kind(_decode_path, {"type": "string", "minLength": 1})
SCALAR = Kind(_decode_scalar, {"type": ["string", "number", "boolean"]})
"""A text, or a number or truth value that stands for its text, as settings of other programs are written."""


VERSION = Kind(_decode_version, {"type": ["string", "number"], "pattern": f"^(?:{_VERSION.pattern})$"})


def number(minimum: int = 0) -> Kind:
    """Return the kind of whole numbers from `minimum`."""

    def decode(value: object) -> int:
        if not isinstance(value, int) or isinstance(value, bool) or value < minimum:
            raise _wrong(f"a whole number from {minimum}", value)
        return value

    return Kind(decode, {"type": "integer", "minimum": minimum})


def word(words: type[enum.StrEnum]) -> Kind:
    """Return the kind of one of a few words."""
    known = [member.value for member in words]

    def decode(value: object) -> enum.StrEnum:
        if not isinstance(value, str):
            raise _wrong(f"one of {', '.join(known)}", value)
        if value not in known:
            raise ConfigError(f"{value!r} is not one of {', '.join(known)}{did_you_mean(value, known)}")
        return words(value)

    return Kind(decode, {"enum": known})


def many(item: Kind) -> Kind:
    """Return the kind of lists of one kind."""

    def decode(value: object) -> tuple[object, ...]:
        if not isinstance(value, list | tuple):
            raise _wrong("a list", value)
        return tuple(item.decode(element) for element in value)

    return Kind(decode, {"type": "array", "items": item.schema})


def table(values: Kind, *, keys: Kind = TEXT) -> Kind:
    """Return the kind of tables whose keys and values are of one kind each."""

    def decode(value: object) -> Mapping[object, object]:
        if not isinstance(value, Mapping):
            raise _wrong("a table", value)
        return {keys.decode(key): decode_item(key, item) for key, item in value.items()}

    def decode_item(key: object, item: object) -> object:
        try:
            return values.decode(item)
        except ConfigError as error:
            raise ConfigError(f"{key!r}: {error}") from error

    return Kind(decode, {"type": "object", "additionalProperties": values.schema, "propertyNames": keys.schema})


def _wrong(expected: str, value: object) -> ConfigError:
    shown = repr(value)
    return ConfigError(f"expected {expected}, not {shown if len(shown) <= 60 else shown[:57] + '...'}")
