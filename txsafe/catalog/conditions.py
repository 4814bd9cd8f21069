"""What a pooler's answer depends on: `Condition`s, and the `Circumstances` that they are held against."""

from __future__ import annotations

import functools
import operator
import re
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING

from txsafe.catalog.document import read_text
from txsafe.catalog.templates import matches_globs
from txsafe.errors import did_you_mean
from txsafe.model import NO_FACTS, Transaction

if TYPE_CHECKING:
    from collections.abc import Mapping

    from txsafe.catalog.document import Node, Reader

_BOUND = re.compile(r"(>=|<=|<|>) ?([0-9]+(?:\.[0-9]+)*)")
_RANGE = re.compile(rf"{_BOUND.pattern}(?:, ?{_BOUND.pattern})*")
_VERSION = re.compile(r"[0-9]+(?:\.[0-9]+)*")
_COMPARISON = re.compile(r"(>=|<=|<|>)([0-9]+)")
_COMPARE = MappingProxyType({">=": operator.ge, "<=": operator.le, ">": operator.gt, "<": operator.lt})


@dataclass(frozen=True, slots=True, kw_only=True)
class Circumstances:
    """A profile and a use of session state, as far as conditions ask."""

    mode: str
    version: str | None
    """None where nobody knows: then no condition on the version holds."""
    server_version: int
    settings: Mapping[str, str] = NO_FACTS
    transaction: Transaction = Transaction.UNKNOWN
    paired: bool = False
    """Whether what is opened is closed again before the transaction ends."""
    name: str | None = None
    """Of a parametrised capability, lower-case; None where it has none, or where it is not known."""
    reported: bool = False
    """Whether the server tells clients when the parameter `name` changes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Condition:
    """All of its parts must hold; an empty part always does."""

    mode: tuple[str, ...] = ()
    version: str = ""
    server_version: str = ""
    settings: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Setting → globs, or one comparison with a number (`>0`). A setting that does not exist fits nothing."""
    parameter_in: tuple[str, ...] = ()
    """Names, lower-case; `$setting` stands for the names that a setting lists."""
    reported: bool | None = None
    transaction: tuple[Transaction, ...] = ()
    paired: bool = False
    """Whether it is about what is opened and closed in one transaction; such uses meet no other conditions."""

    @property
    def depends_on_name(self) -> bool:
        """Tell whether the parameter's name decides."""
        return bool(self.parameter_in) or self.reported is not None

    @property
    def depends_on_server(self) -> bool:
        """Tell whether the server's version decides."""
        return bool(self.server_version) or self.reported is not None

    def holds(self, circumstances: Circumstances) -> bool:
        """Tell whether all parts hold."""
        return self.may_hold(circumstances) and self._name_holds(circumstances)

    def may_hold(self, circumstances: Circumstances) -> bool:
        """Tell whether all parts hold that do not ask for the parameter's name."""
        return (
            self.paired == circumstances.paired
            and (not self.mode or circumstances.mode in self.mode)
            and (not self.transaction or circumstances.transaction in self.transaction)
            and (not self.version or _version_holds(self.version, circumstances.version))
            and (not self.server_version or version_fits(str(circumstances.server_version), self.server_version))
            and all(_setting_holds(circumstances.settings.get(name), wanted) for name, wanted in self.settings.items())
        )

    def _name_holds(self, circumstances: Circumstances) -> bool:
        if self.reported is not None and self.reported != circumstances.reported:
            return False
        return not self.parameter_in or circumstances.name in self._expand_names(circumstances.settings)

    def _expand_names(self, settings: Mapping[str, str]) -> frozenset[str]:
        names: set[str] = set()
        for name in self.parameter_in:
            names.update(split_names(settings.get(name[1:], "")) if name.startswith("$") else (name,))
        return frozenset(names)


def split_names(text: str) -> tuple[str, ...]:
    """Return the names of a comma-separated list, lower-case: `IntervalStyle, search_path`."""
    return tuple(name.strip().lower() for name in text.split(",") if name.strip())


@functools.lru_cache(maxsize=1024)
def version_fits(version: str, wanted: str) -> bool:
    """Tell whether a version is in a range such as `>=1.20,<1.24`.

    Ranges are read here and not by `packaging.specifiers`, whose import costs three times that of `packaging.version`.
    """
    from packaging.version import Version

    found = Version(version)
    return all(_COMPARE[sign](found, Version(limit)) for sign, limit in _BOUND.findall(wanted))


def _version_holds(wanted: str, version: str | None) -> bool:
    return version is not None and version_fits(version, wanted)


def _setting_holds(value: str | None, wanted: tuple[str, ...]) -> bool:
    if value is None:
        return False
    comparison = _COMPARISON.fullmatch(wanted[0])
    if comparison is None:
        return matches_globs(value, wanted)
    return bool(_COMPARE[comparison[1]](int(value), int(comparison[2])))


# ---------------------------------------------------------------- reading


def read_condition(reader: Reader | None, modes: tuple[str, ...], numeric: Mapping[str, bool]) -> Condition:
    """Decode `when`, checked against the pooler's modes and settings (name → whether its value is a number)."""
    if reader is None:
        return Condition()
    condition = Condition(
        mode=_read_modes(reader, modes),
        version=read_range(reader, "version"),
        server_version=read_range(reader, "server-version"),
        settings=_read_settings(reader, numeric),
        parameter_in=_read_names(reader, numeric),
        reported=reader.optional_flag("reported"),
        transaction=reader.words("transaction", Transaction),
        paired=reader.flag("paired"),
    )
    reader.finish()
    return condition


def read_range(reader: Reader, key: str) -> str:
    """Return an optional range of versions, or nothing."""
    text = reader.optional_text(key)
    if text and not _RANGE.fullmatch(text):
        raise reader.error(f"{text!r} is no range of versions such as '>=1.20,<1.24'", key)
    return text


def read_version(node: Node) -> str:
    """Return a version such as `0.31`."""
    text = read_text(node)
    if not _VERSION.fullmatch(text):
        raise node.error(f"{text!r} is no version such as '0.31'")
    return text


def _read_modes(reader: Reader, modes: tuple[str, ...]) -> tuple[str, ...]:
    found = reader.texts("mode")
    for mode in found:
        if mode not in modes:
            raise reader.error(f"unknown mode {mode!r}{did_you_mean(mode, modes)}", "mode")
    return found


def _read_settings(reader: Reader, numeric: Mapping[str, bool]) -> Mapping[str, tuple[str, ...]]:
    conditions = reader.list_map("settings")
    for name, wanted in conditions.items():
        if name not in numeric:
            raise reader.error(f"unknown setting {name!r}{did_you_mean(name, numeric)}", "settings")
        if not wanted:
            raise reader.error(f"nothing is asked of setting {name!r}", "settings")
        compares = any(_COMPARISON.fullmatch(each) for each in wanted)
        if compares and (len(wanted) > 1 or not numeric[name]):
            raise reader.error(f"{name!r} can only be compared alone, and if it is a number", "settings")
    return conditions


def _read_names(reader: Reader, numeric: Mapping[str, bool]) -> tuple[str, ...]:
    names = reader.texts("parameter-in")
    for name in names:
        if name.startswith("$") and name[1:] not in numeric:
            raise reader.error(f"unknown setting {name!r}{did_you_mean(name[1:], numeric)}", "parameter-in")
    return tuple(name if name.startswith("$") else name.lower() for name in names)
