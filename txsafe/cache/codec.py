"""Value types of `txsafe.model` in, JSON values out, and back: lists in the order of the fields, never `pickle`.

What is read may be damaged or somebody else's: whatever does not fit its type is a `DamagedError`.
"""

from __future__ import annotations

import builtins
import collections.abc
import dataclasses
import enum
import types
import typing
from collections.abc import Callable, Iterable, Mapping
from typing import TypeVar

from txsafe import model

T = TypeVar("T")
Json = bool | int | str | list["Json"] | dict[str, "Json"] | None
Decoder = Callable[[Json], object]
_DECODERS: dict[object, Decoder] = {}


class DamagedError(Exception):
    """What was kept is not what was written."""


def encode(value: object) -> Json:
    """Return what `json.dumps` takes for a value of the model."""
    match value:
        case enum.Enum():
            return encode(value.value)
        case bool() | int() | str() | None:
            return value
        case Mapping():
            return {str(key): encode(item) for key, item in value.items()}
        case frozenset():
            return [encode(item) for item in sorted(value)]
        case tuple():
            return [encode(item) for item in value]
        case _ if dataclasses.is_dataclass(value):
            return [encode(getattr(value, field.name)) for field in dataclasses.fields(value)]
    raise TypeError(f"{type(value).__name__} is no part of the model")


def decode(wanted: type[T], value: Json) -> T:
    """Return the value of a type that `encode` was given; raises `DamagedError`."""
    found = _decoder_of(wanted)(value)
    if not isinstance(found, wanted):
        raise DamagedError(f"no {wanted.__name__}")
    return found


def _decoder_of(wanted: object) -> Decoder:
    """Return what reads a type, generic or not."""
    found = _DECODERS.get(wanted)
    if found is None:
        arguments = typing.get_args(wanted)
        found = _DECODERS[wanted] = _decoder_of_generic(wanted, arguments) if arguments else _decoder_of_class(wanted)
    return found


def _decoder_of_generic(wanted: object, arguments: tuple[object, ...]) -> Decoder:
    match typing.get_origin(wanted):
        case types.UnionType | typing.Union:
            return _optional(_decoder_of(next(each for each in arguments if each is not types.NoneType)))
        case builtins.tuple if arguments[-1] is Ellipsis:
            return _sequence(_decoder_of(arguments[0]), tuple)
        case builtins.tuple:
            return _record(tuple(map(_decoder_of, arguments)), lambda *items: items)
        case builtins.frozenset:
            return _sequence(_decoder_of(arguments[0]), frozenset)
        case collections.abc.Mapping:
            return _table(_decoder_of(arguments[1]))
    raise TypeError(f"{wanted} is no part of the model")


def _decoder_of_class(wanted: object) -> Decoder:
    if not isinstance(wanted, type):
        raise TypeError(f"{wanted} is no part of the model")
    if issubclass(wanted, enum.Enum):
        return _word(wanted)
    names = _fields(wanted)
    if names:
        hints = typing.get_type_hints(wanted, localns=vars(model))
        items = tuple(_decoder_of(hints[name]) for name in names)
        return _record(items, lambda *values: wanted(**dict(zip(names, values, strict=True))))
    return _plain(wanted)


def _fields(wanted: type) -> tuple[str, ...]:
    """Return the names of the fields of a dataclass or a named tuple."""
    if dataclasses.is_dataclass(wanted):
        return tuple(field.name for field in dataclasses.fields(wanted))
    return tuple(getattr(wanted, "_fields", ()))


def _plain(wanted: type) -> Decoder:
    def read(value: Json) -> object:
        if type(value) is not wanted:
            raise DamagedError(f"no {wanted.__name__}")
        return value

    return read


def _optional(item: Decoder) -> Decoder:
    return lambda value: None if value is None else item(value)


def _word(words: type[enum.Enum]) -> Decoder:
    def read(value: Json) -> object:
        try:
            return words(value)
        except ValueError:
            raise DamagedError(f"no {words.__name__}") from None

    return read


def _sequence(item: Decoder, make: Callable[[Iterable[object]], object]) -> Decoder:
    def read(value: Json) -> object:
        if not isinstance(value, list):
            raise DamagedError("no list")
        return make(map(item, value))

    return read


def _table(item: Decoder) -> Decoder:
    def read(value: Json) -> object:
        if not isinstance(value, dict):
            raise DamagedError("no table")
        return {key: item(each) for key, each in value.items()}

    return read


def _record(items: tuple[Decoder, ...], make: Callable[..., object]) -> Decoder:
    def read(value: Json) -> object:
        if not isinstance(value, list) or len(value) != len(items):
            raise DamagedError("another number of fields")
        return make(*(item(each) for item, each in zip(items, value, strict=True)))

    return read
