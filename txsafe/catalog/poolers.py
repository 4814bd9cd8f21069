"""Pooler files come in as `Node`s, `Pooler`s go out. The format is described in `docs/rules.md`."""

from __future__ import annotations

import enum
import fnmatch
import functools
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from itertools import chain
from types import MappingProxyType

from txsafe.catalog.capabilities import CAPABILITIES, PARAMETRISED, is_capability, known_capabilities
from txsafe.catalog.conditions import Condition, read_condition, read_range, version_fits
from txsafe.catalog.document import ListNode, MappingNode, Node, Reader, TextNode
from txsafe.catalog.rules import read_id
from txsafe.errors import did_you_mean
from txsafe.model import Basis, Effect, Outcome, Severity

UNKNOWN_VERSION = "unknown"
"""What a preset says of a service that does not tell which version it runs."""
_VERSION = re.compile(r"[0-9]+(\.[0-9]+)*")
_TRUE = frozenset({"1", "yes", "on", "true"})
_FALSE = frozenset({"0", "no", "off", "false"})


class SettingType(enum.StrEnum):
    """What values a setting takes."""

    NUMBER = "number"
    FLAG = "flag"
    NAMES = "names"
    """A list of parameter names, separated by commas."""
    WORD = "word"
    """One of `values`."""
    TEXT = "text"
    """Anything, such as SQL."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Default:
    """The value that a setting has in a range of versions if nobody sets it."""

    version: str
    """A range; empty: any version."""
    value: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting:
    """A setting of a pooler that decides what happens to session state."""

    name: str
    type: SettingType
    defaults: tuple[Default, ...]
    """The first that fits counts; the last fits any version."""
    exists: str = ""
    """The versions that know the setting; empty: all of them."""
    values: tuple[str, ...] = ()
    worth_trying: tuple[str, ...] = ()
    """Values that do something else than the default, for settings that take any."""
    price: str = ""
    """What it costs to set it to something else than the default, beyond the work: one sentence."""

    def exists_in(self, version: str | None) -> bool:
        """Tell whether a version knows the setting; an unknown version is taken to."""
        return not self.exists or version is None or version_fits(version, self.exists)

    def default(self, version: str | None) -> str:
        """Return the value that holds if nobody sets it."""
        fitting = (
            default.value
            for default in self.defaults
            if not default.version or (version is not None and version_fits(version, default.version))
        )
        return next(fitting)

    def parse(self, text: str) -> str | None:
        """Return a value as conditions compare it (flags as yes or no, the rest trimmed), or None if it is none."""
        text = text.strip()
        match self.type:
            case SettingType.NUMBER:
                return str(int(text)) if text.isascii() and text.isdigit() and len(text) < 10 else None
            case SettingType.FLAG:
                return "yes" if text.lower() in _TRUE else "no" if text.lower() in _FALSE else None
            case SettingType.NAMES:
                return ", ".join(name.strip() for name in text.split(",") if name.strip())
            case SettingType.WORD:
                return text if text in self.values else None
            case SettingType.TEXT:
                return text

    @property
    def expects(self) -> str:
        """The values it takes, for messages."""
        match self.type:
            case SettingType.NUMBER:
                return "a number"
            case SettingType.FLAG:
                return "yes or no"
            case SettingType.WORD:
                return f"one of {', '.join(self.values)}"
            case SettingType.NAMES | SettingType.TEXT:
                return "any text"


@dataclass(frozen=True, slots=True, kw_only=True)
class Provision:
    """What a pooler does with a capability under a condition."""

    condition: Condition
    outcome: Outcome
    effects: tuple[Effect, ...]
    reason: str
    """A template: `{pooler}`, `{mode}`, `{version}`, `{name}` of a parametrised capability, and the use's captures."""
    basis: Basis
    reference: str
    severity: Severity | None = None
    """At most: of what goes wrong, some is only a nuisance (a name in a log), whatever the rule says."""


class LimitKind(enum.StrEnum):
    """What a pooler bounds."""

    CLIENTS = "clients"
    """All its clients."""
    POOL = "pool"
    """Server connections of one pool: of a database and a user."""
    RESERVE = "reserve"
    """… and those that it adds when clients wait."""
    DATABASE = "database"
    """Server connections of one database, whoever the user."""
    USER = "user"
    """Server connections of one user, whatever the database."""
    SERVER = "server"
    """All server connections."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limit:
    """A setting that bounds connections; it decides nothing about session state."""

    setting: str
    own: tuple[str, ...]
    """What overrides it in a database's entry."""
    default: int
    unlimited: bool
    """Zero means that there is no bound."""
    reference: str


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Pooler:
    """A pooler, or a service that runs one in its own way; equal to itself only."""

    id: str
    title: str
    versions: tuple[str, ...]
    """Those that were looked at, oldest first; empty for a service without versions."""
    version: str | None
    """What it runs if nobody says: the newest, or what the service runs; None where nobody knows."""
    modes: tuple[str, ...]
    """The first is the default."""
    settings: Mapping[str, Setting]
    capabilities: tuple[tuple[tuple[str, ...], tuple[Provision, ...]], ...]
    """Globs over capabilities → provisions, in the order in which they are tried."""
    based_on: str | None = None
    limits: Mapping[LimitKind, Limit] = field(default_factory=dict)
    """Of connections, as the pooler's own file sets them; empty where they are not known."""

    def provisions(self, capability: str) -> tuple[Provision, ...]:
        """Return all provisions whose key fits a capability, in the order in which they count."""
        return _list_fitting(self, capability)

    def provisions_of_any_name(self, kind: str) -> Iterator[tuple[bool, Provision]]:
        """Give all provisions that some name of a parametrised capability could meet, and whether every name does."""
        prefix = f"{kind}:"
        for globs, provisions in self.capabilities:
            fits_any_name = _fits(prefix, globs)
            if fits_any_name or any(glob.startswith(prefix) for glob in globs):
                yield from ((fits_any_name, provision) for provision in provisions)


@functools.lru_cache(maxsize=16_384)
def _list_fitting(pooler: Pooler, capability: str) -> tuple[Provision, ...]:
    """A program asks for few capabilities, at many places and behind many poolers."""
    fitting = (provisions for globs, provisions in pooler.capabilities if _fits(capability, globs))
    return tuple(chain.from_iterable(fitting))


def _fits(capability: str, globs: tuple[str, ...]) -> bool:
    return any(fnmatch.fnmatchcase(capability, glob) for glob in globs)


class Poolers(Mapping[str, Pooler]):
    """Poolers by id. Each file is read when it is first asked for: a run needs one or two of twenty."""

    def __init__(self, sources: Mapping[str, Callable[[], Node]]) -> None:
        """Take what gives the document of each id."""
        self._sources = dict(sorted(sources.items()))
        self._read: dict[str, Pooler] = {}

    def __getitem__(self, name: str) -> Pooler:
        """Return a pooler; raise `CatalogError` with the place of the first fault in its file."""
        if name not in self._read:
            self._read[name] = self._read_pooler(name)
        return self._read[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._sources)

    def __len__(self) -> int:
        return len(self._sources)

    def __contains__(self, name: object) -> bool:
        return name in self._sources

    def _read_pooler(self, name: str) -> Pooler:
        reader = Reader(self._sources[name](), "a pooler")
        if read_id(reader) != name:
            raise reader.error(f"the id must be {name!r}, like the file", "id")
        base = reader.optional_text("based-on")
        if base and (base not in self or base == name or self[base].based_on):
            hint = did_you_mean(base, (other for other in self if other != name))
            raise reader.error(f"{base!r} is no pooler that a preset can be based on{hint}", "based-on")
        return _read_pooler(name, reader, self[base] if base else None)


def _read_pooler(name: str, reader: Reader, base: Pooler | None) -> Pooler:
    title = reader.text("title")
    versions = _read_versions(reader) or (base.versions if base else ())
    version = _read_version(reader, versions)
    modes = _read_modes(reader, base)
    settings = _read_settings(reader) if base is None else _fix_settings(reader, base, version)
    sources = reader.text_map("sources")
    own = tuple(_read_capability(key, node, modes, settings, sources) for key, node in reader.entries("capabilities"))
    limits = {_read_limit_kind(key, node): _read_limit(node, sources) for key, node in reader.entries("limits")}
    if not own and base is None:
        raise reader.missing("capabilities")
    reader.finish()
    return Pooler(
        id=name,
        title=title,
        versions=versions,
        version=version,
        modes=modes,
        settings=settings,
        capabilities=own + (base.capabilities if base else ()),
        based_on=base.id if base else None,
        limits=MappingProxyType(limits) if limits or base is None else base.limits,
    )


def _read_versions(reader: Reader) -> tuple[str, ...]:
    versions = reader.texts("versions")
    for version in versions:
        if not _VERSION.fullmatch(version):
            raise reader.error(f"{version!r} is no version such as 1.24", "versions")
    if list(versions) != sorted(versions, key=_numbers):
        raise reader.error("'versions' must be in order, oldest first", "versions")
    return versions


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(map(int, version.split(".")))


def _read_version(reader: Reader, versions: tuple[str, ...]) -> str | None:
    text = reader.optional_text("version")
    if text == UNKNOWN_VERSION:
        return None
    if text and not is_known_version(text, versions):
        raise reader.error(f"version {text!r} is not among {', '.join(versions)}", "version")
    return text or (versions[-1] if versions else None)


def is_known_version(text: str, versions: tuple[str, ...]) -> bool:
    """Tell whether a version lies between the known ones, or is a later patch release of the newest."""
    if text in versions:
        return True
    from packaging.version import InvalidVersion, Version

    try:
        version = Version(text)
    except InvalidVersion:
        return False
    if not versions or version < Version(versions[0]):
        return False
    return version.release[:2] <= _numbers(versions[-1])[:2]


def _read_modes(reader: Reader, base: Pooler | None) -> tuple[str, ...]:
    modes = reader.texts("modes") or (base.modes if base else ())
    if not modes:
        raise reader.missing("modes")
    for mode in modes:
        if base and mode not in base.modes:
            raise reader.error(f"{base.title} has no mode {mode!r}{did_you_mean(mode, base.modes)}", "modes")
    return modes


def _read_settings(reader: Reader) -> Mapping[str, Setting]:
    return MappingProxyType({name: _read_setting(name, node) for name, node in reader.entries("settings")})


def _read_setting(name: str, node: Node) -> Setting:
    reader = Reader(node, f"setting {name!r}")
    bare = Setting(
        name=name,
        type=reader.word("type", SettingType),
        defaults=(),
        exists=read_range(reader, "exists"),
        values=reader.texts("values"),
        price=reader.optional_text("price"),
    )
    setting = replace(
        bare,
        defaults=_read_defaults(reader, bare),
        worth_trying=tuple(_parse_value(bare, reader, text) for text in reader.texts("worth-trying")),
    )
    reader.finish()
    return setting


def _read_defaults(reader: Reader, setting: Setting) -> tuple[Default, ...]:
    """Read `default: VALUE`, or `default: [{version: RANGE, value: VALUE}, …, {value: VALUE}]`."""
    node = reader.required_node("default")
    if isinstance(node, TextNode):
        return (Default(version="", value=_parse_value(setting, node, node.text)),)
    defaults = []
    for each in reader.readers("default"):
        value = each.text("value")
        defaults.append(Default(version=read_range(each, "version"), value=_parse_value(setting, each, value)))
        each.finish()
    if not defaults or defaults[-1].version:
        raise reader.error("the last default must hold for every version", "default")
    return tuple(defaults)


def _parse_value(setting: Setting, place: Node | Reader, text: str) -> str:
    value = setting.parse(text)
    if value is None:
        raise place.error(f"{text!r} is no value of {setting.name!r}, which takes {setting.expects}")
    return value


def _fix_settings(reader: Reader, base: Pooler, version: str | None) -> Mapping[str, Setting]:
    """Give the base's settings the defaults that a service has."""
    settings = dict(base.settings)
    for name, text in reader.text_map("settings").items():
        if name not in settings:
            raise reader.error(f"{base.title} has no setting {name!r}{did_you_mean(name, settings)}", "settings")
        old = settings[name]
        if not old.exists_in(version):
            raise reader.error(f"{base.title} {version} has no setting {name!r} yet", "settings")
        default = Default(version="", value=_parse_value(old, reader, text))
        settings[name] = replace(old, defaults=(default,))
    return MappingProxyType(settings)


# ---------------------------------------------------------------- limits


def _read_limit_kind(key: str, node: Node) -> LimitKind:
    try:
        return LimitKind(key)
    except ValueError:
        raise node.error(f"unknown limit {key!r}{did_you_mean(key, list(LimitKind))}") from None


def _read_limit(node: Node, sources: Mapping[str, str]) -> Limit:
    reader = Reader(node, "a limit")
    default = reader.text("default")
    if not (default.isascii() and default.isdigit()):
        raise reader.error(f"{default!r} is no number of connections", "default")
    limit = Limit(
        setting=reader.text("setting"),
        own=reader.texts("own"),
        default=int(default),
        unlimited=reader.flag("unlimited"),
        reference=_read_reference(reader, sources),
    )
    reader.finish()
    return limit


# ---------------------------------------------------------------- capabilities


def _read_capability(
    key: str, node: Node, modes: tuple[str, ...], settings: Mapping[str, Setting], sources: Mapping[str, str]
) -> tuple[tuple[str, ...], tuple[Provision, ...]]:
    """Decode one entry; its key is a glob, or several separated by commas."""
    globs = tuple(glob.strip() for glob in key.split(","))
    for glob in globs:
        if not _can_fit(glob):
            hint = did_you_mean(glob, known_capabilities())
            raise node.error(f"unknown capability {glob!r}{hint}")
    nodes = (node,) if isinstance(node, MappingNode) else node.items if isinstance(node, ListNode) else ()
    if not nodes:
        raise node.error(f"{key!r} must be a list of what happens")
    readers = (Reader(each, f"an item of {key!r}") for each in nodes)
    return globs, tuple(_read_provision(reader, modes, settings, sources) for reader in readers)


def _can_fit(glob: str) -> bool:
    if is_capability(glob):
        return True
    names = (*CAPABILITIES, *(f"{kind}:" for kind in PARAMETRISED))
    return any(fnmatch.fnmatchcase(name, glob) for name in names)


def _read_provision(
    reader: Reader, modes: tuple[str, ...], settings: Mapping[str, Setting], sources: Mapping[str, str]
) -> Provision:
    numeric = {name: setting.type is SettingType.NUMBER for name, setting in settings.items()}
    provision = Provision(
        condition=read_condition(reader.optional_reader("when"), modes, numeric),
        outcome=reader.word("outcome", Outcome),
        effects=reader.words("effects", Effect),
        reason=reader.text("reason"),
        basis=reader.word("basis", Basis),
        reference=_read_reference(reader, sources),
        severity=reader.optional_word("severity", Severity),
    )
    reader.finish()
    if (provision.outcome is Outcome.UNSAFE) != bool(provision.effects):
        raise reader.error("'effects' must say what goes wrong if, and only if, the outcome is unsafe")
    if (provision.outcome is Outcome.UNKNOWN) != (provision.basis is Basis.UNKNOWN):
        raise reader.error("outcome and basis are unknown together or not at all")
    return provision


def _read_reference(reader: Reader, sources: Mapping[str, str]) -> str:
    text = reader.text("reference")
    if text in sources:
        return sources[text]
    if " " in text or "://" in text:
        return text
    raise reader.error(f"unknown source {text!r}{did_you_mean(text, sources)}", "reference")
