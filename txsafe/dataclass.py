"""`dataclass`, `field`, `fields` and `replace` as the standard library has them, without its price at start-up.

In: a class with annotated fields. Out: the same with slots, comparison, hash, `repr` and an `__init__`. The standard
library writes and compiles all of them for each class, 0.6 ms each, and a run defines 170 classes; it loads `inspect`,
too. Here one function serves all classes, and only `__init__` is compiled, when the first instance is made.

Type checkers see the standard library's functions. Left out is what nobody needs here: `InitVar`, `ClassVar`,
`init=False`, default values that can be changed.
"""

from __future__ import annotations

from operator import attrgetter
from types import MappingProxyType

TYPE_CHECKING = False  # `typing` is not needed before a parser is
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

_MISSING = object()
"""No default; also what `__init__` takes for a value that a factory makes."""
_OWN = "__txsafe_fields__"


class _Field:
    """One field; attributes are named as those of `dataclasses.Field`."""

    __slots__ = ("compare", "default", "default_factory", "kw_only", "metadata", "name", "repr", "type")

    def __init__(
        self,
        *,
        default: object = _MISSING,
        default_factory: Callable[[], object] | None = None,
        repr: bool = True,  # noqa: A002  # the standard library's names
        compare: bool = True,
        metadata: Mapping[str, object] = MappingProxyType({}),
    ) -> None:
        self.name = self.type = ""
        self.kw_only = False
        self.default = default
        self.default_factory = default_factory
        self.repr = repr
        self.compare = compare
        self.metadata = metadata


def _fields(class_or_instance: object) -> tuple[_Field, ...]:
    """Return the fields of a class in order, those of its bases first."""
    found: Mapping[str, _Field] = getattr(class_or_instance, _OWN)
    return tuple(found.values())


def _replace(instance: object, /, **changes: object) -> object:
    """Return a copy with other values of some fields."""
    values = {field.name: getattr(instance, field.name) for field in _fields(instance) if field.name not in changes}
    return type(instance)(**values, **changes)


def _dataclass(
    cls: type | None = None,
    /,
    *,
    frozen: bool = False,
    slots: bool = False,
    kw_only: bool = False,
    order: bool = False,
    eq: bool = True,
) -> type | Callable[[type], type]:
    """Turn a class with annotated fields into a value type; see `dataclasses.dataclass`."""

    def make(plain: type) -> type:
        known = _collect(plain, kw_only=kw_only)
        made = _with_slots(plain, known) if slots else plain
        setattr(made, _OWN, known)
        methods = _methods(made, tuple(known.values()), frozen=frozen, order=order, eq=eq)
        for name, method in methods.items():
            if name not in plain.__dict__:
                setattr(made, name, method)
        return made

    return make if cls is None else make(cls)


def _collect(cls: type, *, kw_only: bool) -> Mapping[str, _Field]:
    known: dict[str, _Field] = {}
    for base in cls.__mro__[:0:-1]:
        known.update(base.__dict__.get(_OWN, ()))
    for name, hint in cls.__dict__.get("__annotations__", {}).items():
        given = cls.__dict__.get(name, _MISSING)
        field = given if isinstance(given, _Field) else _Field(default=given)
        if type(field.default).__hash__ is None:
            raise ValueError(f"{cls.__name__}.{name}: the default can be changed; use default_factory")
        field.name, field.type, field.kw_only = name, hint, kw_only
        known[name] = field
        if field.default is not _MISSING:
            setattr(cls, name, field.default)
        elif name in cls.__dict__:
            delattr(cls, name)
    return known


def _with_slots(cls: type, known: Mapping[str, _Field]) -> type:
    """Return the class anew, as slots cannot be added to one that is there."""
    inherited = {slot for base in cls.__mro__[1:] for slot in base.__dict__.get("__slots__", ())}
    left_out = {*known, "__dict__", "__weakref__"}
    body = {name: value for name, value in cls.__dict__.items() if name not in left_out}
    body["__slots__"] = tuple(name for name in known if name not in inherited)
    made = type(cls)(cls.__name__, cls.__bases__, body)
    made.__qualname__ = cls.__qualname__
    return made


# ---------------------------------------------------------------- methods


def _methods(
    cls: type, known: tuple[_Field, ...], *, frozen: bool, order: bool, eq: bool
) -> dict[str, object]:
    methods: dict[str, object] = {
        "__init__": _lazy_init(cls, known, frozen=frozen),
        "__repr__": _repr(tuple(field.name for field in known if field.repr)),
        "__match_args__": tuple(field.name for field in known if not field.kw_only),
        "__dataclass_fields__": _StandardFields(),
    }
    compared = _getter([field.name for field in known if field.compare])
    if eq:
        methods["__eq__"] = _comparison(compared, "__eq__")
        methods["__hash__"] = (lambda self: hash(compared(self))) if frozen else None
    if order:
        methods |= {name: _comparison(compared, name) for name in ("__lt__", "__le__", "__gt__", "__ge__")}
    if frozen:
        methods |= {"__setattr__": _refuse, "__delattr__": _refuse}
        if "__slots__" in cls.__dict__:
            methods |= {"__getstate__": _get_state, "__setstate__": _set_state}
    return methods


def _getter(names: list[str]) -> Callable[[object], object]:
    return attrgetter(*names) if names else lambda _: ()


def _comparison(values: Callable[[object], object], name: str) -> Callable[[object, object], object]:
    compare = getattr(__import__("operator"), name)

    def method(self: object, other: object) -> object:
        return compare(values(self), values(other)) if other.__class__ is self.__class__ else NotImplemented

    return method


def _repr(names: Iterable[str]) -> Callable[[object], str]:
    def method(self: object) -> str:
        shown = ", ".join(f"{name}={getattr(self, name)!r}" for name in names)
        return f"{self.__class__.__qualname__}({shown})"

    return method


def _refuse(self: object, name: str, *_: object) -> None:
    raise AttributeError(f"{type(self).__name__} is frozen: {name!r} cannot be changed")


def _get_state(self: object) -> list[object]:
    return [getattr(self, field.name) for field in _fields(self)]


def _set_state(self: object, state: list[object]) -> None:
    for field, value in zip(_fields(self), state, strict=True):
        object.__setattr__(self, field.name, value)


def _lazy_init(cls: type, known: tuple[_Field, ...], *, frozen: bool) -> Callable[..., None]:
    """Return an `__init__` that puts the compiled one in its own place when it is first called."""

    def method(self: object, *values: object, **named: object) -> None:
        compiled = _compile_init(cls, known, frozen=frozen)
        setattr(cls, "__init__", compiled)  # noqa: B010  # mypy takes an assignment for a mistake
        compiled(self, *values, **named)

    return method


def _compile_init(cls: type, known: tuple[_Field, ...], *, frozen: bool) -> Callable[..., None]:
    """Write `__init__` as the standard library does: nothing else makes instances as quickly."""
    scope: dict[str, object] = {"_missing": _MISSING, "_set": object.__setattr__}
    parameters = ["self"]
    body = []
    for field in sorted(known, key=attrgetter("kw_only")):
        name = value = field.name
        if field.kw_only and "*" not in parameters:
            parameters.append("*")
        if field.default_factory is not None:
            scope[f"_make_{name}"] = field.default_factory
            parameters.append(f"{name}=_missing")
            value = f"_make_{name}() if {name} is _missing else {name}"
        elif field.default is not _MISSING:
            scope[f"_default_{name}"] = field.default
            parameters.append(f"{name}=_default_{name}")
        else:
            parameters.append(name)
        body.append(f"_set(self, {name!r}, {value})" if frozen else f"self.{name} = {value}")
    if hasattr(cls, "__post_init__"):
        body.append("self.__post_init__()")
    text = f"def __init__({', '.join(parameters)}):\n " + "\n ".join(body or ["pass"])
    exec(text, scope)  # noqa: S102  # names of fields of our own
    compiled: Callable[..., None] = scope["__init__"]  # type: ignore[assignment]
    compiled.__qualname__ = f"{cls.__qualname__}.__init__"
    return compiled


class _StandardFields:
    """The fields as functions of `dataclasses` want them, made when one asks."""

    def __get__(self, _: object, owner: type) -> Mapping[str, object]:
        import dataclasses

        known = [(field.name, field.type, _standard(field)) for field in _fields(owner)]
        made = dataclasses.make_dataclass(owner.__name__, known, init=False)
        return made.__dataclass_fields__


def _standard(field: _Field) -> object:
    import dataclasses

    kept = {"repr": field.repr, "compare": field.compare, "metadata": field.metadata, "kw_only": field.kw_only}
    if field.default_factory is not None:
        return dataclasses.field(default_factory=field.default_factory, **kept)
    return dataclasses.field(**kept) if field.default is _MISSING else dataclasses.field(default=field.default, **kept)


if TYPE_CHECKING:
    from dataclasses import Field, dataclass, field, fields, replace
else:
    Field, dataclass, field, fields, replace = _Field, _dataclass, _Field, _fields, _replace
