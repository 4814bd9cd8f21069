"""One rule file comes in as a `Node`, a `Rule` goes out. The format is described in `docs/rules.md`."""

from __future__ import annotations

import enum
import re
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING

from txsafe.catalog.document import Node, Reader, TextNode
from txsafe.catalog.probes import Probe, read_probes, read_requires
from txsafe.errors import did_you_mean
from txsafe.model import Confidence, Severity, StatementContext, StatementKind, Transaction

if TYPE_CHECKING:
    from collections.abc import Mapping

_ID = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")


class Role(enum.StrEnum):
    """What a variant does to the thing that the rule is about."""

    OPENS = "opens"
    USES = "uses"
    CLOSES = "closes"


@dataclass(frozen=True, slots=True, kw_only=True)
class Match:
    """One condition on a statement, a call or an API use; an empty field accepts anything."""

    statement: tuple[StatementKind, ...] = ()
    call: tuple[str, ...] = ()
    """Function names, lower-case; where given, the condition is tried on each call of a statement."""
    api: tuple[str, ...] = ()
    transaction: tuple[Transaction, ...] = ()
    context: tuple[StatementContext, ...] = ()
    driver: tuple[str, ...] = ()
    """Globs over driver ids, for `templates.matches_globs`; an unknown driver is `""`."""
    where: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Fact → globs, for `templates.matches_globs`; a missing fact is `""`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Suggestion:
    """What to write instead, as a template; empty fields accept anything. The first that fits a use is shown."""

    text: str
    driver: tuple[str, ...] = ()
    """Globs over driver ids."""
    transaction: tuple[Transaction, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Variant:
    """One way to use a feature."""

    id: str
    match: tuple[Match, ...]
    """Any of them."""
    requires: tuple[str, ...] = ()
    """Capabilities, possibly with `{captures}`. None: safe behind every pooler, and `reason` says why."""
    reason: str = ""
    message: str = ""
    role: Role | None = None
    severity: Severity | None = None
    """Where it differs from the rule's."""
    confidence: Confidence = Confidence.HIGH
    """At most: of what the code shows, some uses stay a guess."""
    gathers: str = ""
    unless_told: tuple[str, ...] = ()
    """Rules beside which this says nothing new, where they tell of the same place."""
    """The variant that stands for the cause: of a whole program one is reported, with the others as related places."""
    suggestions: tuple[Suggestion, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """A feature of the session that a program can use."""

    id: str
    title: str
    severity: Severity
    variants: Mapping[str, Variant]
    """In order: of each statement, call or API use the first that matches counts."""
    explanation: str
    references: tuple[str, ...]
    pair_key: str | None = None
    """The capture that must agree for two uses to belong together; None: any two of one scope do."""
    paired_reason: str = ""
    probes: tuple[Probe, ...] = ()
    """How its variants are observed behind a pooler."""
    path: str = ""
    """The file it comes from, for messages."""


def read_rule(document: Node) -> Rule:
    """Decode one rule file; raise `CatalogError` with the place of the first fault."""
    reader = Reader(document, "a rule")
    identifier, title = read_id(reader), reader.text("title")
    variants = _read_variants(reader)
    rule = Rule(
        id=identifier,
        title=title,
        severity=reader.word("severity", Severity),
        variants=variants,
        explanation=reader.text("explanation"),
        references=_read_references(reader),
        pair_key=reader.optional_text("pair-key") or None,
        paired_reason=reader.optional_text("paired-reason"),
        probes=read_probes(reader, {name: variant.requires for name, variant in variants.items()}),
        path=reader.path,
    )
    reader.finish()
    if not rule.paired_reason and any(variant.role is Role.CLOSES for variant in rule.variants.values()):
        raise reader.error("a variant closes what another opens, so 'paired-reason' must say why that is safe")
    return rule


def read_id(reader: Reader) -> str:
    """Return the required `id`: lower-case words with hyphens."""
    text = reader.text("id")
    if not _ID.fullmatch(text):
        raise reader.error(f"id {text!r} must be lower-case words joined by hyphens", "id")
    return text


def _read_references(reader: Reader) -> tuple[str, ...]:
    references = reader.texts("references")
    if not references:
        raise reader.error("'references' must name at least one source", "references")
    return references


def _read_variants(reader: Reader) -> Mapping[str, Variant]:
    variants = {name: _read_variant(name, node) for name, node in reader.entries("variants")}
    if not variants:
        raise reader.error("'variants' must hold at least one", "variants")
    for name, node in reader.entries("variants"):
        cause = variants[name].gathers
        if cause and cause not in variants:
            raise node.error(f"variant {name!r} gathers the unknown {cause!r}{did_you_mean(cause, variants)}")
    return MappingProxyType(variants)


def _read_variant(name: str, node: Node) -> Variant:
    reader = Reader(node, f"variant {name!r}")
    variant = Variant(
        id=name,
        match=_read_matches(reader, name),
        requires=read_requires(reader),
        reason=reader.optional_text("reason"),
        message=reader.optional_text("message"),
        role=reader.optional_word("role", Role),
        severity=reader.optional_word("severity", Severity),
        confidence=reader.optional_word("confidence", Confidence) or Confidence.HIGH,
        gathers=reader.optional_text("gathers"),
        unless_told=reader.texts("unless-told"),
        suggestions=tuple(_read_suggestion(node) for node in reader.nodes("suggestion")),
    )
    reader.finish()
    if not variant.requires and not variant.reason:
        raise reader.error(f"variant {name!r} requires nothing, so 'reason' must say why it is always safe")
    if variant.requires and not variant.message:
        raise reader.missing("message", f" in variant {name!r}")
    return variant


def _read_matches(reader: Reader, variant: str) -> tuple[Match, ...]:
    matches = tuple(_read_match(each) for each in reader.readers("match"))
    if not matches:
        raise reader.missing("match", f" in variant {variant!r}")
    return matches


def _read_match(reader: Reader) -> Match:
    match = Match(
        statement=reader.words("statement", StatementKind),
        call=tuple(name.lower() for name in reader.texts("call")),
        api=reader.texts("api"),
        transaction=reader.words("transaction", Transaction),
        context=reader.words("context", StatementContext),
        driver=reader.texts("driver"),
        where=reader.list_map("where"),
    )
    reader.finish()
    if not (match.statement or match.call or match.api):
        raise reader.error("a match needs 'statement', 'call' or 'api': the rest only narrows it")
    return match


def _read_suggestion(node: Node) -> Suggestion:
    if isinstance(node, TextNode):
        return Suggestion(text=node.text)
    reader = Reader(node, "a suggestion")
    suggestion = Suggestion(
        text=reader.text("text"),
        driver=reader.texts("driver"),
        transaction=reader.words("transaction", Transaction),
    )
    reader.finish()
    return suggestion
