"""What `find_uses` and `find_api_uses` make of statements, calls and driver calls."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.feature_samples import (
    ANYTHING,
    AUTOCOMMIT,
    BLOCK,
    VALUE,
    mentions_in,
    named,
    shipped_index,
    site,
    uses_in,
    uses_of,
)
from txsafe.catalog.document import parse_document
from txsafe.catalog.rules import Rule, read_rule
from txsafe.features import (
    LONGEST_SQL,
    MOST_ARGUMENTS,
    MOST_OPENERS,
    RuleIndex,
    find_api_uses,
    find_mentions,
    find_uses,
    shorten,
)
from txsafe.model import (
    ApiUse,
    Confidence,
    Place,
    Related,
    Span,
    SqlCall,
    Statement,
    StatementContext,
    StatementKind,
    Transaction,
    TransactionContext,
    TransactionEnd,
)


def rule(match: str, *, more: str = "") -> Rule:
    """Return a rule with one variant, or with those in `more` after it."""
    text = f"""
id: sample
title: Sample
severity: error
variants:
  first:
    match: {match}
    requires: [listen]
    message: m
{more}
explanation: e
references: [r]
"""
    return read_rule(parse_document(text, "sample.yaml"))


def statement(kind: StatementKind = StatementKind.QUERY, text: str = "SELECT f(1)", **more: object) -> Statement:
    return Statement(kind=kind, span=Span(0, len(text)), transaction=AUTOCOMMIT, **more)  # type: ignore[arg-type]


def call(name: str, *arguments: str, start: int = 7, end: int = 11) -> SqlCall:
    return SqlCall(name=name, schema=None, arguments=arguments, span=Span(start, end))


# ---------------------------------------------------------------- matching


def test_a_statement_is_matched_by_kind_and_facts() -> None:
    found = uses_of("SET search_path TO a, b")
    assert named(found) == ["session-set/set"]
    assert found[0].captures["name"] == "search_path"
    assert found[0].captures["value"] == "a, b"


def test_the_first_variant_of_a_rule_counts() -> None:
    assert named(uses_of("SET TIME ZONE 'UTC'")) == ["session-set/set-time-zone"]
    assert named(uses_of("RESET ALL")) == ["session-set/reset-all"]


def test_each_call_of_a_statement_counts() -> None:
    found = uses_of("SELECT pg_advisory_lock(1), pg_advisory_lock_shared(2)")
    assert named(found) == ["session-advisory-lock/lock", "session-advisory-lock/lock-shared"]
    assert [use.captures["arguments"] for use in found] == ["1", "2"]


def test_a_call_is_placed_at_the_call_and_a_statement_at_the_statement() -> None:
    (lock,) = uses_in(site("SELECT  pg_advisory_lock(42);", start=100))
    assert lock.place == Place("app.py", Span(108, 128))
    (listen,) = uses_in(site(" LISTEN jobs ;", start=100))
    assert listen.place == Place("app.py", Span(101, 112))


@pytest.mark.parametrize(
    ("match", "fits"),
    [
        ("{call: f}", True),
        ("{call: g}", False),
        ("{call: f, statement: query}", True),
        ("{call: f, statement: copy}", False),
        ("{call: f, transaction: autocommit}", True),
        ("{call: f, transaction: explicit}", False),
        ("{call: f, context: top}", True),
        ("{call: f, context: [do-body, routine-body]}", False),
        ("{call: f, driver: [psycopg*]}", True),
        ("{call: f, driver: ['!psycopg*']}", False),
        ("{call: f, where: {argument-1: '1'}}", True),
        ("{call: f, where: {argument-1: '!1'}}", False),
        ("{call: f, where: {argument-2: ''}}", True),
        ("{call: f, where: {argument-2: '!'}}", False),
        ("{statement: query}", True),
        ("{api: notifications}", False),
    ],
)
def test_all_keys_of_a_match_must_hold(match: str, *, fits: bool) -> None:
    found = find_uses(site("SELECT f(1)", driver="psycopg2"), (statement(calls=(call("f", "1"),)),), (rule(match),))
    assert bool(found) is fits


def test_any_match_of_a_variant_is_enough() -> None:
    either = rule("[{call: g}, {statement: query}]")
    assert len(find_uses(site("SELECT f(1)"), (statement(),), (either,))) == 1


def test_a_driver_that_is_not_known_matches_only_what_asks_for_none() -> None:
    assert find_uses(site("SELECT f(1)"), (statement(),), (rule("{statement: query, driver: [psycopg]}"),)) == ()
    assert len(find_uses(site("SELECT f(1)"), (statement(),), (rule("{statement: query, driver: ['']}"),))) == 1


def test_a_site_without_statements_uses_nothing() -> None:
    assert find_uses(site("nothing"), (), shipped_index()) == ()


def test_rules_and_their_index_find_the_same() -> None:
    rules = (rule("{statement: query}"),)
    arguments = (site("SELECT f(1)"), (statement(),))
    assert find_uses(*arguments, rules) == find_uses(*arguments, RuleIndex(rules))


def test_the_index_knows_the_functions_worth_finding() -> None:
    assert {"set_config", "pg_try_advisory_lock_shared", "currval"} <= shipped_index().functions


def test_statements_in_bodies_are_matched_with_their_context() -> None:
    body = statement(StatementKind.SET, facts={"name": "jit", "value": "off", "scope": "session"})
    inside = Statement(
        kind=body.kind, span=body.span, facts=body.facts, context=StatementContext.ROUTINE_BODY, transaction=AUTOCOMMIT
    )
    assert named(find_uses(site("SELECT f(1)"), (inside,), shipped_index())) == ["session-set/set-in-function"]


# ---------------------------------------------------------------- names that are put together


def test_a_function_name_with_a_hole_is_taken_for_the_shortest_that_fits() -> None:
    (found,) = uses_in(site(f"SELECT pg_{ANYTHING}advisory_lock(1)"))
    assert found.variant == "lock"
    assert found.captures["call"] == "pg_…advisory_lock"
    assert found.confidence is Confidence.MEDIUM


def test_a_function_name_with_a_hole_that_fits_nothing_is_nothing() -> None:
    strange = statement(calls=(call(f"unheard_{ANYTHING}_of", "1"),))
    assert find_uses(site("SELECT f(1)"), (strange,), shipped_index()) == ()


# ---------------------------------------------------------------- captures


def test_a_use_carries_what_the_site_knows() -> None:
    context = TransactionContext(kind=Transaction.EXPLICIT, block="b", end=TransactionEnd.COMMIT)
    (found,) = uses_in(site("LISTEN jobs", transaction=context, driver="asyncpg", scope="f", confidence=Confidence.LOW))
    assert (found.driver, found.scope, found.confidence) == ("asyncpg", "f", Confidence.LOW)
    assert found.transaction.kind is Transaction.EXPLICIT
    assert found.captures["transaction-end"] == "commit"


def test_a_variant_can_lower_the_confidence() -> None:
    (found,) = uses_of("SELECT set_config('a.b', %s, %s)")
    assert (found.variant, found.confidence) == ("set-config-unclear", Confidence.LOW)


def test_holes_are_shown_as_an_ellipsis() -> None:
    (found,) = uses_in(site(f"SET search_path TO {VALUE}, public"))
    assert found.sql == "SET search_path TO …, public"
    assert found.captures["value"] == "…, public"


def test_the_statement_is_shown_on_one_line_and_cut() -> None:
    (found,) = uses_of("SET\n  search_path\n TO " + ", ".join(f"s{number}" for number in range(200)))
    assert found.sql.startswith("SET search_path TO s0, s1")
    assert LONGEST_SQL - 5 < len(found.sql) <= LONGEST_SQL
    assert found.sql.endswith("…")
    assert "s199" in found.captures["text"]


@pytest.mark.parametrize(
    ("argument", "literal"),
    [
        ("'TimeZone'", "timezone"),
        ("'it''s'", "it's"),
        ("'jit'::text", "jit"),
        ("setting_name => 'jit'", "jit"),
        ("%s", None),
        ("lower('JIT')", None),
        ("'a' || 'b'", None),
    ],
)
def test_a_string_constant_is_also_captured_by_what_it_says(argument: str, literal: str | None) -> None:
    asking = statement(calls=(call("f", argument),))
    (found,) = find_uses(site("SELECT f(1)"), (asking,), (rule("{call: f}"),))
    assert found.captures.get("literal-1") == literal


def test_a_string_constant_with_a_hole_says_nothing() -> None:
    (found,) = uses_in(site(f"SELECT set_config('app.{VALUE}', 'x', false)"))
    assert "literal-1" not in found.captures


def test_only_the_first_arguments_are_captured() -> None:
    many = statement(calls=(call("f", *(str(number) for number in range(10_000))),))
    (found,) = find_uses(site("SELECT f(1)"), (many,), (rule("{call: f}"),))
    assert f"argument-{MOST_ARGUMENTS}" in found.captures
    assert f"argument-{MOST_ARGUMENTS + 1}" not in found.captures


@given(st.text(max_size=1000))
def test_shortened_sql_is_one_short_line_and_stays_as_it_is(text: str) -> None:
    short = shorten(text)
    assert len(short) <= LONGEST_SQL
    assert not set(short) & set("\n\r\t")
    assert shorten(short) == short


# ---------------------------------------------------------------- how it got here


def test_the_call_is_related_where_the_sql_is_spelled_elsewhere() -> None:
    (found,) = uses_in(site("LISTEN jobs", start=10, sender=Span(500, 520)))
    assert [related.place for related in found.trail] == [Place("app.py", Span(500, 520))]


def test_the_call_is_not_related_where_it_spells_the_sql_or_is_in_the_trail_already() -> None:
    (within,) = uses_in(site("LISTEN jobs", start=10, sender=Span(0, 40)))
    assert within.trail == ()
    trail = (Related(place=Place("app.py", Span(500, 520)), message="run here"),)
    (known,) = uses_in(site("LISTEN jobs", start=10, sender=Span(500, 520), trail=trail))
    assert known.trail == trail


# ---------------------------------------------------------------- API uses


def test_an_api_use_becomes_a_use_without_sql() -> None:
    use = ApiUse(
        place=Place("app.py", Span(1, 2)),
        api="startup-parameter",
        driver="asyncpg",
        facts={"name": "jit", "value": VALUE},
        scope="f",
        confidence=Confidence.MEDIUM,
    )
    (found,) = find_api_uses((use,), shipped_index())
    assert (found.rule, found.variant, found.sql) == ("startup-parameter", "parameter", "")
    assert (found.place, found.scope, found.confidence) == (use.place, "f", Confidence.MEDIUM)
    assert found.captures == {"name": "jit", "value": "…", "api": "startup-parameter", "transaction-end": "unknown"}


def test_an_api_that_no_rule_knows_and_a_fact_that_does_not_fit_are_nothing() -> None:
    use = ApiUse(place=Place("app.py", Span(1, 2)), api="notifications", driver=None)
    assert find_api_uses((use,), (rule("{api: other}"),)) == ()
    assert find_api_uses((use,), (rule("{api: notifications, where: {channel: jobs}}"),)) == ()
    assert len(find_api_uses((use,), (rule("{api: notifications}"),))) == 1


# ---------------------------------------------------------------- mentions


def test_what_names_an_opened_thing_is_found_within_its_scope() -> None:
    create, read = site("CREATE TEMP TABLE batch (id int)", scope="f"), site("SELECT * FROM Batch", scope="f", start=90)
    openers = uses_in(create)
    found = mentions_in(create, read, site("SELECT * FROM batch", scope="g"), openers=openers)
    assert [(use.captures["kind"], use.captures["name"]) for use in found] == [
        ("create-temporary", "batch"),
        ("query", "batch"),
    ]
    assert found[1].sql == "SELECT * FROM Batch"
    assert found[1].place.span.start == 90


def test_a_longer_name_is_no_mention() -> None:
    create = site("CREATE TEMP TABLE batch (id int)")
    assert mentions_in(site("SELECT * FROM batches, a_batch, batch$"), openers=uses_in(create)) == ()


def test_nothing_mentions_what_has_no_name_or_is_one_of_thousands() -> None:
    assert mentions_in(site("SELECT 1"), openers=uses_of("RESET ALL")) == ()
    (one,) = uses_of("CREATE TEMP TABLE batch (id int)")
    assert find_mentions(site("SELECT f(1)"), (statement(),), (one,) * (MOST_OPENERS + 1)) == ()


# ---------------------------------------------------------------- speed


def test_a_site_with_many_statements_takes_linear_time() -> None:
    text = "SELECT f(1)"
    many = tuple(statement(calls=(call("f", "1"),)) for _ in range(20_000))
    found = find_uses(site(text), many, RuleIndex([rule("{call: f}")]))
    assert len(found) == 20_000


def test_the_module_knows_no_rule() -> None:
    source = Path(RuleIndex.__module__.replace(".", "/") + ".py")
    text = (Path(__file__).parent.parent / source).read_text()
    assert not [identifier for identifier in ("session-set", "listen", "temp-table", "advisory") if identifier in text]


def test_a_block_can_be_told() -> None:
    assert uses_of("LISTEN jobs", transaction=BLOCK)[0].transaction.block is not None
