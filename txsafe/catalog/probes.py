"""The `probe:` section of a rule comes in, `Probe`s go out: what is tried behind a pooler, and how the state shows.

Holes such as `{own}` are left open for `txsafe/probe/probes.py`, which runs them. The format is described in
`docs/rules.md`.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING

from txsafe.catalog.capabilities import is_capability, known_capabilities
from txsafe.catalog.document import ListNode, MappingNode, Node, Reader, TextNode, read_text, read_texts
from txsafe.catalog.templates import template_names
from txsafe.errors import did_you_mean

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

EVERYWHERE = frozenset({"own", "key"})
"""Holes that every probe may have: a name and a number that no other run uses."""
OF_EACH = frozenset({"name", "value"})
"""Holes of a probe that runs once for each parameter."""
OF_EXPECT = frozenset({"backend"})
"""The server process of the set-up."""


class Means(enum.StrEnum):
    """How a step is sent; the value is psql's word for it, or one made alike."""

    QUERY = ""
    """One message of the simple protocol, or as the driver has it."""
    PARSE = "parse"
    """Parse, and Sync, as pg8000 does where the statement has no name."""
    BIND_NAMED = "bind_named"
    """Bind and Execute, and Sync."""
    BIND = "bind"
    """With one parameter, through the driver: it decides how."""
    BACKEND_PID = "backend_pid"
    """The process id that the connection was given at connect."""
    NOTIFIED = "notified"
    """Another client notifies the channel; the value is the channel that reached this client."""
    CALL = "call"
    """A function of the driver's: a `Call`, and what it is given."""


class Call(enum.StrEnum):
    """A function of a driver's that no SQL stands for; `txsafe/probe/drivers.py` makes the call."""

    NAMED_CURSOR = "named_cursor"
    WITHHOLD = "withhold"
    READ_ONLY = "read_only"
    ADD_LISTENER = "add_listener"
    PREPARE = "prepare"
    FETCH = "fetch"
    """Run what `PREPARE` has prepared."""
    RESET = "reset"


class Speaker(enum.StrEnum):
    """Through what client A speaks."""

    LIBPQ = "libpq"
    PSYCOPG = "psycopg"
    ASYNCPG = "asyncpg"
    ASYNCPG_WITHOUT_CACHE = "asyncpg, statement_cache_size=0"


_ASYNCPG = frozenset({Call.ADD_LISTENER, Call.PREPARE, Call.FETCH, Call.RESET})
CALLS: Mapping[Speaker, frozenset[Call]] = MappingProxyType(
    {
        Speaker.LIBPQ: frozenset(),
        Speaker.PSYCOPG: frozenset({Call.NAMED_CURSOR, Call.WITHHOLD, Call.READ_ONLY}),
        Speaker.ASYNCPG: _ASYNCPG,
        Speaker.ASYNCPG_WITHOUT_CACHE: _ASYNCPG,
    }
)
"""Which driver has which."""
_OF_LIBPQ = frozenset({Means.PARSE, Means.BIND_NAMED, Means.BACKEND_PID})
_OF_DRIVERS = frozenset({Means.BIND, Means.CALL})


class Word(enum.StrEnum):
    """What was seen."""

    WORKS = "works"
    LOST = "lost"
    LEAKED = "leaked"
    WRONG_RESULT = "wrong-result"
    ERROR = "error"
    STUCK = "stuck"
    IGNORED = "ignored"
    REFUSED = "refused"
    """Already at connect."""
    PINNED = "pinned"
    """The pooler gives A's server connection to nobody else from then on."""
    UNSEEN = "unseen"
    """It could not be observed, and the text says why."""


class Context(enum.StrEnum):
    """The transactions that a probe's steps run in."""

    AUTOCOMMIT = "autocommit"
    """Each step on its own, the observation after the server connection was changed."""
    COMMITTED = "committed"
    """Set-up in one explicit transaction, observation after its commit, on another server connection."""
    INSIDE = "inside"
    """Set-up, observation and, where there is one, the closing step in one explicit transaction."""
    LATE = "late"
    """The closing step runs after the server connection was changed: does it still reach what the set-up made?"""


@dataclass(frozen=True, slots=True)
class Step:
    """One thing that a client does."""

    text: str
    """SQL; of `NOTIFIED` the channel, of `CALL` what the driver's function is given."""
    means: Means = Means.QUERY
    word: str = ""
    """A prepared statement's name (empty: the unnamed one), a parameter's value, or the call."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Probe:
    """One way of using a capability, with holes."""

    id: str
    variants: tuple[str, ...] = ()
    """Of the rule: those whose use this is. None for a control, which has to work everywhere."""
    requires: tuple[str, ...] = ()
    """Capabilities."""
    each: Mapping[str, str] = field(default_factory=dict)
    """Parameters to run it for, with a value that nobody has set already; where empty, it runs once."""
    set_up: tuple[Step, ...] = ()
    observe: Step
    expect: str = ""
    """What `observe` answers where the state is."""
    control: str = ""
    """A message that answers with what to expect, one of several values, where it cannot be written down."""
    differs: Word = Word.LOST
    """What another answer than the expected one means."""
    look: Step | None = None
    """How another client on the old server connection finds the state; `observe` where None."""
    leaves: tuple[Word, ...] = (Word.LEAKED,)
    """What it means that it does; nothing where it does no harm there."""
    rival: tuple[Step, ...] = ()
    """What another client does on the new server connection before A looks."""
    closing: tuple[Step, ...] = ()
    """What a program does when it has finished."""
    clean_up: tuple[str, ...] = ()
    """Undoes it on the server connection where it was left; empty: that connection is ended instead."""
    through: Speaker = Speaker.LIBPQ
    start_up: Mapping[str, str] = field(default_factory=dict)
    """Start-up parameters of client A."""
    create: tuple[str, ...] = ()
    drop: tuple[str, ...] = ()
    """Objects that the probe needs, and their removal."""
    at_once: bool = False
    """Observe also before the server connection is changed: what is not there even then was ignored, not lost."""
    undisturbed: bool = False
    """Nothing else may be sent between set-up and observation."""
    contexts: tuple[Context, ...] = (Context.AUTOCOMMIT, Context.COMMITTED, Context.INSIDE)


def read_probes(rule: Reader, variants: Mapping[str, tuple[str, ...]]) -> tuple[Probe, ...]:
    """Decode a rule's section; `variants` are the rule's, with what they require."""
    return tuple(_read_probe(name, node, variants) for name, node in rule.entries("probe"))


def _read_probe(name: str, node: Node, variants: Mapping[str, tuple[str, ...]]) -> Probe:
    reader = Reader(node, f"probe {name!r}")
    through = reader.optional_word("through", Speaker) or Speaker.LIBPQ
    look = reader.node("look")
    probe = Probe(
        id=name,
        variants=reader.texts("variants"),
        requires=read_requires(reader),
        each=reader.text_map("each"),
        set_up=_read_steps(reader, "set-up", through),
        observe=_read_step(reader.required_node("observe"), through),
        expect=reader.optional_text("expect"),
        control=reader.optional_text("control"),
        differs=reader.optional_word("differs", Word) or Word.LOST,
        look=None if look is None else _read_step(look, Speaker.LIBPQ),
        leaves=reader.words("leaves", Word) if "leaves" in reader else (Word.LEAKED,),
        rival=_read_steps(reader, "rival", through),
        closing=_read_steps(reader, "closing", through),
        clean_up=_read_list(reader, "clean-up"),
        through=through,
        start_up=_read_start_up(reader, through),
        create=_read_list(reader, "create"),
        drop=_read_list(reader, "drop"),
        at_once=reader.flag("at-once"),
        undisturbed=reader.flag("undisturbed"),
        contexts=reader.words("contexts", Context) or (Context.AUTOCOMMIT, Context.COMMITTED, Context.INSIDE),
    )
    reader.finish()
    if bool(probe.expect) == bool(probe.control):
        raise reader.error(f"probe {name!r} needs either 'expect' or 'control'")
    _check_holes(probe, node)
    _check_variants(probe, reader, variants)
    return probe


def read_requires(reader: Reader) -> tuple[str, ...]:
    """Return the capabilities that `requires` lists, of a variant or a probe."""
    requires = reader.texts("requires")
    for capability in requires:
        if not is_capability(capability):
            hint = did_you_mean(capability, known_capabilities())
            raise reader.error(f"unknown capability {capability!r}{hint}", "requires")
    return requires


def _read_list(reader: Reader, key: str) -> tuple[str, ...]:
    """Return a list of SQL; a single text would hide that each item is a message of its own."""
    node = reader.node(key)
    if node is not None and not isinstance(node, ListNode):
        raise node.error(f"{key!r} must be a list of statements")
    return () if node is None else read_texts(node, f"an item of {key!r}")


def _read_steps(reader: Reader, key: str, through: Speaker) -> tuple[Step, ...]:
    node = reader.node(key)
    if node is not None and not isinstance(node, ListNode):
        raise node.error(f"{key!r} must be a list of steps")
    return () if node is None else tuple(_read_step(item, through) for item in node.items)


def _read_step(node: Node, through: Speaker) -> Step:
    """Decode a step: SQL, and at its end perhaps a word that begins with a backslash, with one or two arguments."""
    text = read_text(node, "a step")
    sql, backslash, command = text.rpartition("\\")
    if not backslash:
        return Step(text)
    name, _, rest = command.partition(" ")
    means = _find_means(name, node)
    if means in (_OF_DRIVERS if through is Speaker.LIBPQ else _OF_LIBPQ):
        raise node.error(f"\\{name} is nothing that {through} does")
    if means is not Means.CALL:
        return Step((rest if means is Means.NOTIFIED else sql).strip(), means, "" if means is Means.NOTIFIED else rest)
    call, _, given = rest.partition(" ")
    known = sorted(each.value for each in CALLS[through])
    if call not in known:
        raise node.error(f"{through} is not called {call!r}{did_you_mean(call, known)}: {', '.join(known)}")
    return Step(given, means, call)


def _find_means(name: str, node: Node) -> Means:
    known = [means.value for means in Means if means.value]
    if name not in known:
        raise node.error(f"unknown word '\\{name}'{did_you_mean(name, known)}")
    return Means(name)


def _read_start_up(reader: Reader, through: Speaker) -> Mapping[str, str]:
    start_up = reader.text_map("start-up")
    if (through is Speaker.PSYCOPG and start_up) or (through is Speaker.LIBPQ and start_up.keys() - {"options"}):
        raise reader.error(f"{through} lets no start-up parameter through but `options` of libpq", "start-up")
    return start_up


def _check_holes(probe: Probe, node: Node) -> None:
    """Refuse a `{hole}` that nothing fills, at the line where it stands."""
    if bool(probe.each) != ("name" in template_names(probe.id)):
        raise node.error(f"probe {probe.id!r} needs both {{name}} in its own name and 'each', or neither")
    known = EVERYWHERE | (OF_EACH if probe.each else frozenset())
    for key, text in _list_texts(node) if isinstance(node, MappingNode) else ():
        for hole in sorted(template_names(text.text)):
            if hole not in known and not (key == "expect" and hole in OF_EXPECT):
                raise text.error(f"nothing fills {{{hole}}} in a probe{did_you_mean(hole, known)}")


def _list_texts(node: MappingNode) -> Iterator[tuple[str, TextNode]]:
    for key, value in node.entries.items():
        match value:
            case ListNode(items=items):
                inner: tuple[Node, ...] = items
            case MappingNode(entries=entries):
                inner = tuple(entries.values())
            case _:
                inner = (value,)
        yield from ((key, each) for each in inner if isinstance(each, TextNode))


def _check_variants(probe: Probe, reader: Reader, variants: Mapping[str, tuple[str, ...]]) -> None:
    """See that a probe looks at something that each of its variants requires."""
    own = {_kind(capability) for capability in probe.requires}
    for name in probe.variants:
        if name not in variants:
            raise reader.error(f"probe of no variant: {name!r}{did_you_mean(name, variants)}", "variants")
        if not own & {_kind(capability) for capability in variants[name]}:
            raise reader.error(f"variant {name!r} requires nothing that the probe looks at", "variants")
    if probe.requires and not probe.variants:
        raise reader.missing("variants", f" in probe {probe.id!r}, which requires {probe.requires[0]}")


def _kind(capability: str) -> str:
    return capability.partition(":")[0]
