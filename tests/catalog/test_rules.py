"""Rule files: what is read, and what is refused where."""

from __future__ import annotations

import pytest

from txsafe.catalog import load_catalog
from txsafe.catalog.capabilities import CAPABILITIES, is_capability, known_capabilities
from txsafe.catalog.document import parse_document
from txsafe.catalog.probes import Probe, Step
from txsafe.catalog.rules import Match, Role, Rule, Suggestion, read_rule
from txsafe.errors import CatalogError
from txsafe.model import Confidence, Severity, StatementContext, StatementKind, Transaction

WHOLE = """\
id: my-lock
title: A lock
severity: error
pair-key: argument-1
variants:
  lock:
    match:
      - {call: [PG_Lock], transaction: [explicit], context: top, driver: psycopg, where: {schema: ["", "pg_*"]}}
      - {statement: lock}
    role: opens
    requires: [session-lock, "parameter:{name}"]
    severity: warning
    confidence: low
    message: "`{call}` locks"
    suggestion:
      - {driver: asyncpg, transaction: [autocommit], text: "one"}
      - two
  unlock:
    match: {api: unlock}
    role: closes
    requires: session-lock
    message: unlocks
    suggestion: three
  harmless:
    match: {statement: [show]}
    reason: It only looks.
paired-reason: In one transaction.
explanation: Why.
references: https://example.org/
probe:
  a lock: {variants: lock, requires: session-lock, observe: SELECT 2, expect: "2"}
"""


def read(text: str) -> Rule:
    return read_rule(parse_document(text, "x.yaml"))


def test_a_rule_is_read_with_all_its_parts() -> None:
    rule = read(WHOLE)
    assert (rule.id, rule.title, rule.severity, rule.pair_key) == ("my-lock", "A lock", Severity.ERROR, "argument-1")
    assert rule.references == ("https://example.org/",)
    assert list(rule.variants) == ["lock", "unlock", "harmless"]
    lock = rule.variants["lock"]
    assert lock.match == (
        Match(
            call=("pg_lock",),
            transaction=(Transaction.EXPLICIT,),
            context=(StatementContext.TOP,),
            driver=("psycopg",),
            where={"schema": ("", "pg_*")},
        ),
        Match(statement=(StatementKind.LOCK,)),
    )
    assert lock.role is Role.OPENS
    assert lock.requires == ("session-lock", "parameter:{name}")
    assert (lock.severity, lock.confidence) == (Severity.WARNING, Confidence.LOW)
    assert lock.suggestions == (
        Suggestion(text="one", driver=("asyncpg",), transaction=(Transaction.AUTOCOMMIT,)),
        Suggestion(text="two"),
    )
    found = Probe(id="a lock", variants=("lock",), requires=("session-lock",), observe=Step("SELECT 2"), expect="2")
    assert rule.probes == (found,)
    assert rule.variants["harmless"].requires == ()
    assert rule.path == "x.yaml"


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("id: my-lock", "id: My_Lock", "x.yaml:1: id 'My_Lock' must be lower-case words joined by hyphens"),
        ("title: A lock", "titel: A lock", "x.yaml:2: unknown key 'titel'; did you mean 'title'?"),
        ("severity: error", "severity: fatal", "x.yaml:3: 'fatal' is none of note, warning, error"),
        ("  lock:\n    match:", "  lock:\n    mach:", "x.yaml:7: unknown key 'mach'; did you mean 'match'?"),
        ("statement: lock", "statement: lokc", "did you mean 'lock'?"),
        ("{statement: lock}", "{transaction: explicit}", "x.yaml:9: a match needs 'statement', 'call' or 'api'"),
        ("role: opens", "role: open", "x.yaml:10: 'open' is none of opens, uses, closes; did you mean 'opens'?"),
        (
            "[session-lock, ",
            "[session-lok, ",
            "x.yaml:11: unknown capability 'session-lok'; did you mean 'session-lock'?",
        ),
        ('"parameter:{name}"', '"parameter:"', "x.yaml:11: unknown capability 'parameter:'"),
        ("    message: unlocks\n", "", "'message' is missing in variant 'unlock'"),
        ("    reason: It only looks.\n", "", "x.yaml:25: variant 'harmless' requires nothing, so 'reason' must say"),
        ("paired-reason: In one transaction.\n", "", "x.yaml:1: a variant closes what another opens"),
        ("explanation: Why.\n", "", "x.yaml:1: 'explanation' is missing"),
        ("references: https://example.org/", "references: []", "x.yaml:29: 'references' must name at least one source"),
        ("{variants: lock,", "{variants: lok,", "x.yaml:31: probe of no variant: 'lok'; did you mean 'lock'?"),
        ("{driver: asyncpg", "{drivr: asyncpg", "x.yaml:16: unknown key 'drivr'; did you mean 'driver'?"),
        ("    match: {api: unlock}\n", "", "x.yaml:19: 'match' is missing in variant 'unlock'"),
    ],
)
def test_a_wrong_rule_is_told_with_its_place(old: str, new: str, message: str) -> None:
    assert old in WHOLE
    with pytest.raises(CatalogError) as caught:
        read(WHOLE.replace(old, new, 1))
    assert message in str(caught.value)


def test_a_rule_needs_a_variant_and_must_be_a_mapping() -> None:
    with pytest.raises(CatalogError, match=r"^x\.yaml:4: 'variants' must hold at least one$"):
        read("id: a\ntitle: b\nseverity: note\nvariants: {}\nexplanation: e\nreferences: [r]")
    with pytest.raises(CatalogError, match=r"^x\.yaml:1: a rule must be a mapping, not a list$"):
        read("[a]")


def test_capabilities_take_a_name_where_they_are_parametrised() -> None:
    assert is_capability("parameter:timezone")
    assert is_capability("startup-parameter:{name}")
    assert is_capability("listen")
    for wrong in ("parameter", "parameter:", "listen:x", "nothing"):
        assert not is_capability(wrong)
    assert set(known_capabilities()) == {*CAPABILITIES, "parameter:*", "startup-parameter:*"}


def test_every_shipped_rule_is_named_like_its_file() -> None:
    for rule in load_catalog().rules.values():
        assert rule.path == f"rules/features/{rule.id}.yaml"
