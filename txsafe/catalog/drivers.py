"""Driver files come in as `Node`s, one `Drivers` goes out: what a program can call, and what that does to a session.

Library files are driver files that say as well why the library needs a session, and what makes it safe.

The format is described at the head of `rules/drivers/psycopg.yaml`. Nothing is known here about any particular driver.
"""

from __future__ import annotations

import enum
import re
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, TypeVar

from txsafe.catalog.conditions import read_range, read_version
from txsafe.catalog.document import Node, Reader, TextNode, read_text, read_texts
from txsafe.catalog.libraries import MARK, read_library_facts
from txsafe.errors import did_you_mean
from txsafe.model import NO_FACTS, Confidence, Transaction, TransactionEnd

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

_Value = TypeVar("_Value")
_ID = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")


class Word(enum.StrEnum):
    """What a test can ask of an argument, besides a glob over its text."""

    ABSENT = "absent"
    GIVEN = "given"
    NONE = "none"
    TRUE = "true"
    FALSE = "false"


class PoolKind(enum.StrEnum):
    """Who shares the connections that a call opens."""

    SHARED = "shared"
    """All threads and tasks of a process: its size is the bound."""
    THREAD = "thread"
    """Nobody: each thread has as many of its own."""
    UNBOUNDED = "unbounded"
    """Nobody: each use opens one more, whoever it is."""
    FOREIGN = "foreign"
    """It is no pool of PostgreSQL."""


@dataclass(frozen=True, slots=True)
class Condition:
    """What must hold of some arguments: argument path → accepted words and globs; all paths, any word of each."""

    accepted: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """The transaction around the body of a `with` statement or a decorated function."""

    kind: Transaction
    end: TransactionEnd
    void_in_autocommit: bool = False
    """Nothing is sent on a connection that is in autocommit."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Use:
    """Something that touches the session without SQL in the program."""

    api: str
    at: str | None = None
    when: Condition = field(default_factory=Condition)
    unless: tuple[Condition, ...] = ()
    versions: Mapping[str, str] = NO_FACTS
    """Package → the range that its version must be in."""
    sure: bool = False
    """No use at all where the conditions cannot be decided."""
    cure: Cure | None = None
    confidence: Confidence = Confidence.HIGH
    facts: Mapping[str, str] = NO_FACTS


@dataclass(frozen=True, slots=True, kw_only=True)
class Bundle:
    """A package that another brings along, in a version of its own."""

    carrier: str
    versions: str
    """The range of the carrier's versions that bring it."""
    package: str
    version: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Cure:
    """A setting of the program that makes a use harmless."""

    setting: str
    mapping: str
    """What holds the settings of each connection."""
    entry: str
    """The connection that is meant where the program names none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StartUp:
    """What of a call's arguments travels in the startup packet."""

    options: tuple[str, ...] = ()
    """Texts of the form `-c name=value -c …`."""
    settings: tuple[str, ...] = ()
    """Mappings from parameters to values."""
    parameters: tuple[str, ...] = ()
    """Single parameters; the last part of the path is the name."""
    query: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Argument that is a URL, all of whose parameters travel → those that stay in the client."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Temporary:
    """Where a call that creates a table says so: paths of its arguments."""

    name: str
    prefixes: str
    on_commit: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class PoolSize:
    """How many server connections one process opens through a call, under a condition."""

    when: Condition = field(default_factory=Condition)
    kind: PoolKind = PoolKind.SHARED
    most: Mapping[str, str] = NO_FACTS
    """Argument → its default (empty where it has none), to be summed; a number stands for itself."""
    note: str = ""
    reference: str = ""
    """Where the defaults are documented."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PoolSettings:
    """A setting that a framework opens its pools by: a module-level name, or a key of a settings dictionary."""

    name: str
    driver: str | None
    each: bool
    """It is a mapping, each of whose entries is a pool."""
    replaces: frozenset[str]
    """Functions whose calls open the same pools."""
    sizes: tuple[PoolSize, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Runs:
    """Functions that a call is given and calls itself."""

    arguments: tuple[str, ...]
    hands_connection: bool = False
    """Its first parameter is the object that the method is called on."""
    transaction: Transaction | None = None
    """What it runs in, where that is not the transaction of the call."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Procedure:
    """Where a call says which SQL function it calls: paths of its arguments."""

    name: str
    arguments: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """What one function, constructor, method or attribute does."""

    arguments: tuple[str, ...] = ()
    sql: tuple[str, ...] = ()
    parameters: str | None = None
    connection: str | None = None
    returns: str | None = None
    """A type's name; `self` for the receiver."""
    block: Block | None = None
    rolls_back: tuple[Condition, ...] = ()
    ends: TransactionEnd | None = None
    autocommit: tuple[Condition, ...] = ()
    transactional: tuple[Condition, ...] = ()
    hooks: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Argument that is a function the driver calls → the types of that function's parameters; empty if unknown."""
    event: str | None = None
    """The argument that names the event at which a decorated function, or the argument `fn`, runs."""
    events: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Event → the types of the parameters of such a function."""
    route: tuple[str, ...] = ()
    """The arguments that name the connection's source."""
    runs: Runs | None = None
    temporary: Temporary | None = None
    procedure: Procedure | None = None
    uses: tuple[Use, ...] = ()
    start_up: StartUp | None = None
    pool_sizes: tuple[PoolSize, ...] = ()
    """The first that fits counts."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Type:
    """A class of driver objects; what it inherits is filled in."""

    name: str
    driver: str | None
    """Id of the driver; None for guesses."""
    names: frozenset[str] = frozenset()
    transaction: Transaction = Transaction.UNKNOWN
    elsewhere: Transaction = Transaction.UNKNOWN
    route: tuple[str, ...] = ()
    """Names that an object goes by from which nothing leads anywhere else: Django's default alias."""
    pool: bool = False
    """Every connection or session that comes out of it is another one."""
    shared: bool = False
    """Every object speaks through the one connection that the driver keeps for everybody."""
    block: Block | None = None
    attributes: Mapping[str, str] = NO_FACTS
    item: str | None = None
    methods: Mapping[str, Call] = field(default_factory=dict)
    assigned: Mapping[str, Call] = field(default_factory=dict)
    read: Mapping[str, Call] = field(default_factory=dict)
    class_body: Mapping[str, Call] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Requests:
    """A setting that makes a framework run each request in a transaction."""

    setting: str
    """Key of a settings dictionary."""
    parameter: str
    """By this parameter, its first or the one after `self`, a function is known to handle requests."""
    opt_out: frozenset[str] = frozenset()
    """Decorators of handlers that run outside."""


@dataclass(frozen=True, slots=True, kw_only=True)
class UrlForm:
    """What the parameters of a connection string do, for some schemes."""

    driver: str | None
    options: tuple[str, ...] = ()
    """Parameters whose value is of the form `-c name=value -c …`."""
    parameters: Mapping[str, str] = NO_FACTS
    """Parameter → the name under which it travels in the startup packet."""
    uses: tuple[Use, ...] = ()
    """Conditions are about the parameters."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SettingKey:
    """What a setting does, in files of settings, by its name."""

    driver: str | None
    is_sql: bool = False
    """Its value is SQL that every new connection runs."""
    is_options: bool = False
    """Its value is of the form `-c name=value -c …`."""
    beside: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """What other settings of the same table must say."""
    uses: tuple[Use, ...] = ()
    """Conditions are about `value`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DriverFunction:
    """A function or constructor and the driver that it belongs to."""

    name: str
    driver: str | None
    call: Call
    words: tuple[str, ...] = ()
    """Of a setting: a file must hold one of them, so that it counts."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Drivers:
    """All driver files, by qualified name."""

    ids: frozenset[str] = frozenset()
    imports: Mapping[str, str] = NO_FACTS
    """Top-level module → driver."""
    types: Mapping[str, Type] = field(default_factory=dict)
    """By every one of their names."""
    functions: Mapping[str, DriverFunction] = field(default_factory=dict)
    function_names: frozenset[str] = frozenset()
    """Last parts of the names of functions."""
    method_names: frozenset[str] = frozenset()
    """Of all types, without those that do no more than return an object."""
    values: Mapping[str, str] = NO_FACTS
    """Module-level object → name of its type."""
    constructs: frozenset[str] = frozenset()
    hooking: frozenset[str] = frozenset()
    """Last parts of the names of functions that take functions which drivers call."""
    no_statement: frozenset[str] = frozenset()
    """Module-level objects that stand for no SQL at all."""
    settings: Mapping[str, tuple[DriverFunction, ...]] = field(default_factory=dict)
    """Key of a settings dictionary → what its value does."""
    placeholders: Mapping[str, str] = NO_FACTS
    """Driver → how it spells its nth bound parameter, with `{}` for the number."""
    urls: Mapping[str, UrlForm] = field(default_factory=dict)
    """By the scheme of connection strings."""
    keys: Mapping[str, SettingKey] = field(default_factory=dict)
    """By globs over the dotted names of settings, lower case, without `-` and `_`."""
    bundles: tuple[Bundle, ...] = ()
    packages: Mapping[str, str] = NO_FACTS
    """Package whose version decides → the version that is assumed where a project does not say."""
    pool_settings: Mapping[str, PoolSettings] = field(default_factory=dict)
    """By name."""
    requests: Mapping[str, Requests] = field(default_factory=dict)
    """By driver."""
    opening: Mapping[str, frozenset[str]] = field(default_factory=dict)
    """By driver: the names without one of which no file opens, ends or switches off a transaction of its objects."""
    statement_names: Mapping[str, str] = NO_FACTS
    """Beginning of the names that prepared statements get on protocol level → driver."""
    any_database: frozenset[str] = frozenset()
    """Drivers that speak to other databases as well."""
    foreign: frozenset[str] = frozenset()
    """Modules of other databases."""
    no_sql: frozenset[str] = frozenset()
    """Modules whose objects have look-alike methods and take no SQL at all."""
    foreign_words: frozenset[str] = frozenset()
    own_words: frozenset[str] = frozenset()
    """Words that name PostgreSQL, one of its drivers, or what only runs on it."""
    product_words: frozenset[str] = frozenset()
    """Those that name nothing but PostgreSQL: where it is not, there is another database."""
    suggested: Mapping[str, tuple[Type, ...]] = field(default_factory=dict)
    """Variable name → types that it suggests."""

    def url_form(self, scheme: str) -> UrlForm | None:
        """Return what the parameters of a connection string with this scheme do."""
        return self.urls.get(scheme)


@dataclass(slots=True, kw_only=True)
class _Draft:
    """Drivers in the making."""

    ids: set[str] = field(default_factory=set)
    imports: dict[str, str] = field(default_factory=dict)
    types: dict[str, Type] = field(default_factory=dict)
    bases: dict[str, tuple[str, ...]] = field(default_factory=dict)
    functions: dict[str, DriverFunction] = field(default_factory=dict)
    values: dict[str, str] = field(default_factory=dict)
    constructs: set[str] = field(default_factory=set)
    no_statement: set[str] = field(default_factory=set)
    settings: dict[str, tuple[DriverFunction, ...]] = field(default_factory=dict)
    placeholders: dict[str, str] = field(default_factory=dict)
    urls: dict[str, UrlForm] = field(default_factory=dict)
    keys: dict[str, SettingKey] = field(default_factory=dict)
    packages: dict[str, str] = field(default_factory=dict)
    bundles: list[Bundle] = field(default_factory=list)
    versioned: list[tuple[Node, str]] = field(default_factory=list)
    """Packages that conditions ask for, to be checked at the end."""
    pool_settings: dict[str, PoolSettings] = field(default_factory=dict)
    requests: dict[str, Requests] = field(default_factory=dict)
    statement_names: dict[str, str] = field(default_factory=dict)
    any_database: set[str] = field(default_factory=set)
    foreign: set[str] = field(default_factory=set)
    no_sql: set[str] = field(default_factory=set)
    foreign_words: set[str] = field(default_factory=set)
    own_words: set[str] = field(default_factory=set)
    product_words: set[str] = field(default_factory=set)
    mentioned: list[tuple[Node, str]] = field(default_factory=list)
    """Type names to be checked at the end."""


def decode_drivers(nodes: Iterable[Node]) -> Drivers:
    """Decode the documents of all driver files; raise `CatalogError` at the first fault. Later files win."""
    draft = _Draft()
    for node in nodes:
        _decode_driver(Reader(node, "a driver"), draft)
    return _finish(draft)


def _finish(draft: _Draft) -> Drivers:
    for node, name in draft.mentioned:
        if name not in draft.types:
            raise node.error(f"unknown type {name!r}")
    for node, package in draft.versioned:
        if package not in draft.packages:
            hint = did_you_mean(package, draft.packages)
            raise node.error(f"unknown package {package!r}{hint}; `packages` lists those whose versions decide")
    types = {name: _inherit(name, draft) for name in draft.types}
    suggested: dict[str, tuple[Type, ...]] = {}
    for type_ in {type_.name: type_ for type_ in types.values()}.values():
        for word in sorted(type_.names):
            suggested[word] = (*suggested.get(word, ()), type_)
    return Drivers(
        ids=frozenset(draft.ids),
        imports=MappingProxyType(draft.imports),
        types=MappingProxyType(types),
        functions=MappingProxyType(draft.functions),
        function_names=frozenset(name.rpartition(".")[2] for name in draft.functions),
        method_names=frozenset(
            name
            for type_ in types.values()
            for name, call in type_.methods.items()
            if not _only_returns(call, types.get(call.returns or "", type_))
        ),
        values=MappingProxyType(draft.values),
        constructs=frozenset(draft.constructs),
        hooking=frozenset(
            name.rpartition(".")[2]
            for name, function in draft.functions.items()
            if function.call.hooks or function.call.event is not None
        ),
        no_statement=frozenset(draft.no_statement),
        settings=MappingProxyType(draft.settings),
        placeholders=MappingProxyType(draft.placeholders),
        urls=MappingProxyType(draft.urls),
        keys=MappingProxyType(draft.keys),
        packages=MappingProxyType(draft.packages),
        bundles=tuple(draft.bundles),
        pool_settings=MappingProxyType(draft.pool_settings),
        requests=MappingProxyType(draft.requests),
        opening=MappingProxyType(_opening(draft)),
        statement_names=MappingProxyType(draft.statement_names),
        any_database=frozenset(draft.any_database),
        foreign=frozenset(draft.foreign),
        no_sql=frozenset(draft.no_sql),
        foreign_words=frozenset(draft.foreign_words),
        own_words=frozenset(draft.own_words),
        product_words=frozenset(draft.product_words),
        suggested=MappingProxyType(suggested),
    )


def _opening(draft: _Draft) -> dict[str, frozenset[str]]:
    found: dict[str, set[str]] = {}
    for type_ in draft.types.values():
        calls = {**type_.methods, **type_.assigned}
        names = {name for name, call in calls.items() if _decides(call)}
        if type_.class_body or (type_.block is not None):
            names.add(type_.name.rpartition(".")[2])
        found.setdefault(type_.driver or "", set()).update(names)
    for function in draft.functions.values():
        if _decides(function.call):
            found.setdefault(function.driver or "", set()).add(function.name.rpartition(".")[2])
    return {driver: frozenset(names) for driver, names in found.items()}


def _only_returns(call: Call, returned: Type) -> bool:
    """Return whether a call does nothing itself, and `with` opens no transaction of what it returns."""
    of_the_object = Call(arguments=call.arguments, returns=call.returns, connection=call.connection, route=call.route)
    return call == of_the_object and returned.block is None


def _decides(call: Call) -> bool:
    """Return whether a call decides about the transaction of what comes after it."""
    return bool(call.block or call.ends or call.autocommit or call.transactional or call.runs)


def _inherit(name: str, draft: _Draft) -> Type:
    """Fill in what a type takes from its bases, nearest first."""
    own = draft.types[name]
    line = [own]
    pending = list(draft.bases.get(own.name, ()))
    while pending:
        base = draft.types[pending.pop(0)]
        if base not in line:
            line.append(base)
            pending.extend(draft.bases.get(base.name, ()))
    return Type(
        name=own.name,
        driver=own.driver,
        names=own.names,
        transaction=own.transaction,
        elsewhere=own.elsewhere,
        route=own.route,
        pool=any(type_.pool for type_ in line),
        shared=any(type_.shared for type_ in line),
        block=next((type_.block for type_ in line if type_.block is not None), None),
        attributes=_merge(type_.attributes for type_ in line),
        item=next((type_.item for type_ in line if type_.item is not None), None),
        methods=_merge(type_.methods for type_ in line),
        assigned=_merge(type_.assigned for type_ in line),
        read=_merge(type_.read for type_ in line),
        class_body=_merge(type_.class_body for type_ in line),
    )


def _merge(mappings: Iterable[Mapping[str, _Value]]) -> Mapping[str, _Value]:
    merged: dict[str, _Value] = {}
    for mapping in mappings:
        merged = {**mapping, **merged}
    return MappingProxyType(merged)


# ---------------------------------------------------------------- one file


@dataclass(frozen=True, slots=True)
class _File:
    """What every part of one file needs."""

    driver: str | None
    uses: Mapping[str, Use]
    draft: _Draft
    library: Mapping[str, str]
    """Facts of all uses, where the file is one of a library."""

    def type_name(self, reader: Reader, key: str) -> str | None:
        node = reader.node(key)
        if node is None:
            return None
        name = read_text(node, repr(key))
        if name != "self":
            self.draft.mentioned.append((node, name))
        return name


def _decode_driver(reader: Reader, draft: _Draft) -> None:
    identifier = reader.text("id")
    if not _ID.fullmatch(identifier):
        raise reader.error(f"an id is lower-case words joined by '-', not {identifier!r}", "id")
    reader.text("title")
    is_driver = MARK not in reader and ("driver" not in reader or reader.flag("driver"))
    driver = identifier if is_driver else None
    if is_driver:
        draft.ids.add(identifier)
    for package, node in reader.entries("packages"):
        draft.packages[package] = read_version(node)
    for carrier, node in reader.entries("bundles"):
        draft.bundles += _decode_bundles(carrier, Reader(node, f"bundles of {carrier!r}"))
    library = read_library_facts(reader) if MARK in reader else NO_FACTS
    shared = reader.entries("shared-uses")
    uses = MappingProxyType({name: _decode_use(Reader(node), draft, library) for name, node in shared})
    file = _File(driver, uses, draft, library)
    draft.imports.update(dict.fromkeys(reader.texts("imports"), identifier))
    draft.statement_names.update(dict.fromkeys(reader.texts("statement-names"), identifier))
    for names, node in reader.entries("types"):
        _decode_type(file, names, Reader(node))
    for names, node in reader.entries("functions"):
        _decode_function(file, names, Reader(node))
    for name, node in reader.entries("values"):
        draft.values[name] = read_text(node)
        draft.mentioned.append((node, draft.values[name]))
    if reader.flag("any-database"):
        draft.any_database.add(identifier)
    if "placeholder" in reader:
        draft.placeholders[identifier] = reader.text("placeholder")
    _decode_settings(file, reader)
    draft.requests.update(_decode_requests(identifier, reader.optional_reader("requests")))
    draft.constructs.update(reader.texts("constructs"))
    draft.no_statement.update(reader.texts("no-statement"))
    draft.foreign.update(reader.texts("foreign"))
    draft.no_sql.update(reader.texts("no-sql"))
    draft.foreign_words.update(reader.texts("foreign-words"))
    draft.own_words.update(reader.texts("own-words"))
    draft.product_words.update(reader.texts("product-words"))
    reader.finish()


def _decode_settings(file: _File, reader: Reader) -> None:
    """Decode what a driver knows of settings, in programs and in files."""
    draft = file.draft
    words = reader.texts("settings-in")
    for name, node in reader.entries("settings"):
        setting = DriverFunction(name=name, driver=file.driver, call=_decode_call(file, Reader(node)), words=words)
        draft.settings[name] = (*draft.settings.get(name, ()), setting)
    for name, node in reader.entries("pool-settings"):
        draft.pool_settings[name] = _decode_pool_settings(file, name, Reader(node))
    for schemes, node in reader.entries("urls"):
        draft.urls.update(dict.fromkeys(_split(schemes), _decode_url(file, Reader(node))))
    for patterns, node in reader.entries("keys"):
        draft.keys.update(dict.fromkeys(_split(patterns), _decode_key(file, Reader(node))))


def _decode_type(file: _File, name: str, reader: Reader) -> None:
    transaction = reader.optional_word("transaction", Transaction) or Transaction.UNKNOWN
    attributes = {}
    for attribute, node in reader.entries("attributes"):
        attributes[attribute] = read_text(node)
        file.draft.mentioned.append((node, attributes[attribute]))
    type_ = Type(
        name=name,
        driver=file.driver,
        names=frozenset(reader.texts("names")),
        transaction=transaction,
        elsewhere=reader.optional_word("elsewhere", Transaction) or transaction,
        route=reader.texts("route"),
        pool=reader.flag("pool"),
        shared=reader.flag("shared"),
        block=_decode_block(reader.optional_reader("block")),
        attributes=MappingProxyType(attributes),
        item=file.type_name(reader, "item"),
        methods=_decode_calls(file, reader, "methods"),
        assigned=_decode_calls(file, reader, "assigned"),
        read=_decode_calls(file, reader, "read"),
        class_body=_decode_calls(file, reader, "class-body"),
    )
    for node in reader.nodes("bases"):
        file.draft.mentioned.append((node, read_text(node)))
    file.draft.bases[name] = reader.texts("bases")
    for alias in (name, *reader.texts("also")):
        file.draft.types[alias] = type_
    reader.finish()


def _decode_url(file: _File, reader: Reader) -> UrlForm:
    form = UrlForm(
        driver=reader.optional_text("driver") or file.driver,
        options=reader.texts("options"),
        parameters=reader.text_map("parameters"),
        uses=tuple(_shared_use(file, node) for node in reader.nodes("uses")),
    )
    reader.finish()
    return form


def _decode_key(file: _File, reader: Reader) -> SettingKey:
    key = SettingKey(
        driver=reader.optional_text("driver") or file.driver,
        is_sql=reader.flag("sql"),
        is_options=reader.flag("options"),
        beside=reader.list_map("beside"),
        uses=tuple(_shared_use(file, node) for node in reader.nodes("uses")),
    )
    reader.finish()
    return key


def _decode_calls(file: _File, reader: Reader, key: str) -> Mapping[str, Call]:
    calls: dict[str, Call] = {}
    for names, node in reader.entries(key):
        call = _decode_call(file, Reader(node, repr(names)))
        calls.update(dict.fromkeys(_split(names), call))
    return MappingProxyType(calls)


def _decode_function(file: _File, names: str, reader: Reader) -> None:
    aliases = (*_split(names), *reader.texts("also"))
    call = _decode_call(file, reader)
    for name in aliases:
        file.draft.functions[name] = DriverFunction(name=name, driver=file.driver, call=call)


def _split(names: str) -> Iterator[str]:
    return (name.strip() for name in names.split(","))


def _decode_call(file: _File, reader: Reader) -> Call:
    call = Call(
        arguments=reader.texts("arguments"),
        sql=reader.texts("sql"),
        parameters=reader.optional_text("parameters") or None,
        connection=reader.optional_text("connection") or None,
        returns=file.type_name(reader, "returns"),
        block=_decode_block(reader.optional_reader("block")),
        rolls_back=_decode_conditions(reader, "rolls-back"),
        ends=reader.optional_word("ends", TransactionEnd),
        autocommit=_decode_conditions(reader, "autocommit"),
        transactional=_decode_conditions(reader, "transactional"),
        hooks=_decode_hooks(file, reader, "hooks"),
        event=reader.optional_text("event") or None,
        events=_decode_hooks(file, reader, "events"),
        route=reader.texts("route"),
        runs=_decode_runs(reader.optional_reader("runs")),
        temporary=_decode_temporary(reader.optional_reader("temporary")),
        procedure=_decode_procedure(reader.optional_reader("procedure")),
        uses=tuple(_shared_use(file, node) for node in reader.nodes("uses")),
        start_up=_decode_start_up(reader.optional_reader("start-up")),
        pool_sizes=tuple(_decode_pool_size(each) for each in reader.readers("pool-size")),
    )
    reader.finish()
    return call


def _decode_hooks(file: _File, reader: Reader, key: str) -> Mapping[str, tuple[str, ...]]:
    """Decode what drivers give to functions of the program: names, separated by commas → types of the parameters."""
    hooks: dict[str, tuple[str, ...]] = {}
    for names, node in reader.entries(key):
        types = read_texts(node)
        file.draft.mentioned.extend((node, name) for name in types if name)
        hooks.update(dict.fromkeys(_split(names), types))
    return MappingProxyType(hooks)


def _shared_use(file: _File, node: Node) -> Use:
    if not isinstance(node, TextNode):
        return _decode_use(Reader(node, "a use"), file.draft, file.library)
    if node.text not in file.uses:
        raise node.error(f"unknown shared use {node.text!r}")
    return file.uses[node.text]


def _decode_use(reader: Reader, draft: _Draft, library: Mapping[str, str]) -> Use:
    versions = reader.optional_reader("versions")
    when = reader.node("when")
    use = Use(
        api=reader.text("api"),
        at=reader.optional_text("at") or None,
        when=_decode_condition(when) if when is not None else Condition(),
        unless=_decode_conditions(reader, "unless"),
        versions=_decode_versions(versions, draft) if versions is not None else NO_FACTS,
        sure=reader.flag("sure"),
        cure=_decode_cure(reader.optional_reader("cure")),
        confidence=reader.optional_word("confidence", Confidence) or Confidence.HIGH,
        facts=MappingProxyType({**reader.text_map("facts"), **library}),
    )
    reader.finish()
    return use


def _decode_bundles(carrier: str, ranges: Reader) -> Iterator[Bundle]:
    for versions in ranges.keys:
        brought = Reader(ranges.required_node(versions), f"what {carrier!r} brings")
        for package in brought.keys:
            version = read_version(brought.required_node(package))
            yield Bundle(carrier=carrier, versions=versions, package=package, version=version)


def _decode_cure(reader: Reader | None) -> Cure | None:
    if reader is None:
        return None
    cure = Cure(setting=reader.text("setting"), mapping=reader.text("mapping"), entry=reader.text("entry"))
    reader.finish()
    return cure


def _decode_versions(reader: Reader, draft: _Draft) -> Mapping[str, str]:
    draft.versioned.extend((reader.required_node(package), package) for package in reader.keys)
    return MappingProxyType({package: read_range(reader, package) for package in reader.keys})


def _decode_conditions(reader: Reader, key: str) -> tuple[Condition, ...]:
    return tuple(_decode_condition(node) for node in reader.nodes(key))


def _decode_condition(node: Node) -> Condition:
    reader = Reader(node, "a condition")
    accepted = {path: read_texts(reader.required_node(path)) for path in reader.keys}
    return Condition(MappingProxyType(accepted))


def _decode_block(reader: Reader | None) -> Block | None:
    if reader is None:
        return None
    end = reader.optional_word("end", TransactionEnd) or TransactionEnd.UNKNOWN
    void = reader.flag("void-in-autocommit")
    block = Block(kind=reader.word("kind", Transaction), end=end, void_in_autocommit=void)
    reader.finish()
    return block


def _decode_runs(reader: Reader | None) -> Runs | None:
    if reader is None:
        return None
    runs = Runs(
        arguments=reader.texts("argument"),
        hands_connection=reader.flag("hands-connection"),
        transaction=reader.optional_word("transaction", Transaction),
    )
    reader.finish()
    return runs


def _decode_requests(driver: str, reader: Reader | None) -> Mapping[str, Requests]:
    if reader is None:
        return {}
    opt_out = frozenset(reader.texts("opt-out"))
    requests = Requests(setting=reader.text("setting"), parameter=reader.text("parameter"), opt_out=opt_out)
    reader.finish()
    return {driver: requests}


def _decode_procedure(reader: Reader | None) -> Procedure | None:
    if reader is None:
        return None
    procedure = Procedure(name=reader.text("name"), arguments=reader.text("arguments"))
    reader.finish()
    return procedure


def _decode_temporary(reader: Reader | None) -> Temporary | None:
    if reader is None:
        return None
    on_commit = reader.optional_text("on-commit") or None
    temporary = Temporary(name=reader.text("name"), prefixes=reader.text("prefixes"), on_commit=on_commit)
    reader.finish()
    return temporary


def _decode_start_up(reader: Reader | None) -> StartUp | None:
    if reader is None:
        return None
    start_up = StartUp(
        options=reader.texts("options"),
        settings=reader.texts("settings"),
        parameters=reader.texts("parameters"),
        query=reader.list_map("query"),
    )
    reader.finish()
    return start_up


def _decode_pool_settings(file: _File, name: str, reader: Reader) -> PoolSettings:
    settings = PoolSettings(
        name=name,
        driver=file.driver,
        each=reader.flag("each"),
        replaces=frozenset(reader.texts("replaces")),
        sizes=tuple(_decode_pool_size(each) for each in reader.readers("pool-size")),
    )
    reader.finish()
    return settings


def _decode_pool_size(reader: Reader) -> PoolSize:
    when = reader.node("when")
    size = PoolSize(
        when=_decode_condition(when) if when is not None else Condition(),
        kind=reader.optional_word("kind", PoolKind) or PoolKind.SHARED,
        most=reader.text_map("most"),
        note=reader.optional_text("note"),
        reference=reader.optional_text("reference"),
    )
    for default in size.most.values():
        if default and not (default.isascii() and default.isdigit()):
            raise reader.error(f"{default!r} is no number of connections", "most")
    if size.kind is not PoolKind.FOREIGN and not size.reference:
        raise reader.missing("reference")
    if (size.kind in {PoolKind.SHARED, PoolKind.THREAD}) != bool(size.most):
        raise reader.error(f"'most' must be given if, and only if, the pool has a size, and this is {size.kind.value}")
    reader.finish()
    return size
