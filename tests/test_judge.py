"""Uses of session state and profiles → verdicts. The table of PgBouncer is spelt out as it was observed or read."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from txsafe.catalog import Catalog, load_catalog
from txsafe.catalog.capabilities import CAPABILITIES
from txsafe.judge import judge
from txsafe.model import (
    HOLE_CHARACTERS,
    Basis,
    Effect,
    FeatureUse,
    Hole,
    Outcome,
    Place,
    Severity,
    Span,
    Transaction,
    TransactionContext,
    TransactionEnd,
    Verdict,
)
from txsafe.profiles import resolve_profile

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


def rule_text() -> str:
    """Return a rule with one variant per capability, so that the table below does not hang on the shipped rules."""
    lines = ["id: each", "title: Each", "severity: error", "variants:"]
    requires = {name: name for name in CAPABILITIES}
    requires |= {"parameter": '"parameter:{name}"', "startup-parameter": '"startup-parameter:{name}"'}
    requires |= {"both": '"parameter:{name}", listen', "role-and-seed": "session-role, seed"}
    for name, capabilities in requires.items():
        lines.append(f"  {name}: {{match: {{api: x}}, requires: [{capabilities}], message: m}}")
    lines.append("  nothing: {match: {api: x}, reason: It is harmless.}")
    return "\n".join(
        [*lines, "paired-reason: Opened and closed together.", "explanation: e", "references: [first, second]"]
    )


@pytest.fixture(scope="module")
def catalog(tmp_path_factory: pytest.TempPathFactory) -> Catalog:
    file: Path = tmp_path_factory.mktemp("rules") / "each.yaml"
    file.write_text(rule_text(), encoding="utf-8")
    return load_catalog([file])


def use(variant: str, transaction: TransactionContext = TransactionContext(), **captures: str) -> FeatureUse:  # noqa: B008
    return FeatureUse(
        rule="each",
        variant=variant,
        place=Place("x.py", Span(0, 1)),
        sql="SELECT 1",
        captures=captures,
        transaction=transaction,
    )


def verdict(
    catalog: Catalog,
    profile: str,
    capability: str,
    *,
    settings: Mapping[str, str] | None = None,
    server: int | None = 15,
    kind: Transaction = Transaction.UNKNOWN,
) -> Verdict:
    variant, _, name = capability.partition(":")
    context = TransactionContext(kind=kind)
    resolved = resolve_profile(profile, catalog, settings=settings or {}, server_version=server)
    return judge(use(variant, context, name=name) if name else use(variant, context), resolved, catalog)


def said(found: Verdict) -> str:
    return f"{found.outcome} {' '.join(found.effects)}".strip()


LEAKED = "unsafe lost leaked"

PGBOUNCER = [
    # profile, settings, server version, capability, verdict
    ("pgbouncer-1.18", {}, 15, "parameter:timezone", "safe"),
    ("pgbouncer-1.18", {}, 15, "parameter:client_encoding", "safe"),
    ("pgbouncer-1.18", {}, 15, "parameter:datestyle", "safe"),
    ("pgbouncer-1.18", {}, 15, "parameter:standard_conforming_strings", "safe"),
    ("pgbouncer-1.18", {}, 15, "parameter:application_name", "unsafe leaked"),
    ("pgbouncer-1.18", {}, 15, "parameter:intervalstyle", LEAKED),
    ("pgbouncer-1.19", {}, 15, "parameter:intervalstyle", LEAKED),
    ("pgbouncer-1.20", {}, 15, "parameter:intervalstyle", "safe"),
    ("pgbouncer-1.25", {"track_extra_parameters": "search_path"}, 15, "parameter:intervalstyle", LEAKED),
    ("pgbouncer-1.26", {"track_extra_parameters": "search_path"}, 15, "parameter:intervalstyle", "safe"),
    ("pgbouncer-1.18", {}, 15, "parameter:statement_timeout", LEAKED),
    ("pgbouncer", {}, 18, "parameter:statement_timeout", LEAKED),
    ("pgbouncer/statement", {}, 15, "parameter:timezone", "safe"),
    ("pgbouncer/statement", {}, 15, "parameter:statement_timeout", LEAKED),
    ("pgbouncer/session", {}, 15, "parameter:statement_timeout", "safe"),
    ("pgbouncer/session", {"server_reset_query": "DEALLOCATE ALL"}, 15, "parameter:statement_timeout", "unsafe leaked"),
    ("pgbouncer/session", {"server_reset_query": "RESET ALL"}, 15, "parameter:statement_timeout", "safe"),
    ("pgbouncer", {"server_reset_query_always": "1"}, 15, "parameter:statement_timeout", "unsafe lost"),
    ("pgbouncer", {"server_reset_query_always": "1"}, 15, "parameter:timezone", "safe"),
    ("pgbouncer-1.25", {}, 18, "parameter:search_path", LEAKED),
    ("pgbouncer-1.25", {"track_extra_parameters": "search_path"}, 17, "parameter:search_path", LEAKED),
    ("pgbouncer-1.25", {"track_extra_parameters": "search_path"}, 18, "parameter:search_path", "safe"),
    ("pgbouncer-1.26", {}, 17, "parameter:search_path", LEAKED),
    ("pgbouncer-1.26", {}, 18, "parameter:search_path", "safe"),
    ("pgbouncer-1.25", {}, 15, "parameter:default_transaction_read_only", LEAKED),
    (
        "pgbouncer-1.25",
        {"track_extra_parameters": "default_transaction_read_only"},
        15,
        "parameter:default_transaction_read_only",
        "safe",
    ),
    ("pgbouncer-1.26", {}, 15, "parameter:default_transaction_read_only", "safe"),
    ("pgbouncer-1.26", {}, 13, "parameter:default_transaction_read_only", LEAKED),
    ("pgbouncer-1.26", {}, 18, "parameter:default_transaction_isolation", LEAKED),
    ("pgbouncer", {}, 15, "session-role", LEAKED),
    ("pgbouncer-1.25", {}, 15, "session-authorization", LEAKED),
    ("pgbouncer-1.26", {}, 15, "session-authorization", "safe"),
    ("pgbouncer", {"server_reset_query_always": "yes"}, 15, "session-role", "unsafe lost"),
    ("pgbouncer/session", {}, 15, "session-role", "safe"),
    ("pgbouncer-1.18", {}, 15, "named-prepare", "unsafe leaked wrong-result error"),
    ("pgbouncer-1.20", {}, 15, "named-prepare", "unsafe leaked wrong-result error"),
    ("pgbouncer-1.21", {}, 15, "named-prepare", "unsafe leaked wrong-result error"),
    ("pgbouncer-1.23", {}, 15, "named-prepare", "unsafe leaked wrong-result error"),
    ("pgbouncer-1.21", {"max_prepared_statements": "100"}, 15, "named-prepare", "safe"),
    ("pgbouncer-1.24", {}, 15, "named-prepare", "safe"),
    ("pgbouncer-1.24", {"max_prepared_statements": "0"}, 15, "named-prepare", "unsafe leaked wrong-result error"),
    ("pgbouncer-1.24/statement", {}, 15, "named-prepare", "safe"),
    ("pgbouncer-1.18/session", {}, 15, "named-prepare", "safe"),
    ("pgbouncer-1.26", {}, 15, "sql-prepare", "unsafe leaked wrong-result error"),
    ("pgbouncer/session", {}, 15, "sql-prepare", "safe"),
    ("pgbouncer-1.26", {}, 15, "split-prepare", "unsafe wrong-result error"),
    ("pgbouncer-1.21", {"max_prepared_statements": "100"}, 15, "deallocate-all", "unsafe error ignored"),
    ("pgbouncer-1.22", {"max_prepared_statements": "100"}, 15, "deallocate-all", "safe"),
    ("pgbouncer-1.22", {}, 15, "deallocate-all", "unsafe error ignored"),
    ("pgbouncer", {}, 15, "listen", "unsafe lost leaked"),
    ("pgbouncer/session", {}, 15, "listen", "safe"),
    ("pgbouncer", {}, 15, "session-lock", "unsafe leaked stuck"),
    ("pgbouncer", {"server_reset_query_always": "yes"}, 15, "session-lock", "unsafe lost"),
    ("pgbouncer/session", {"server_reset_query": ""}, 15, "session-lock", "unsafe leaked"),
    ("pgbouncer", {}, 15, "temporary-objects", LEAKED),
    ("pgbouncer", {}, 15, "hold-cursor", "unsafe leaked error"),
    ("pgbouncer", {}, 15, "sequence-state", "unsafe wrong-result error"),
    ("pgbouncer", {}, 15, "seed", LEAKED),
    ("pgbouncer/session", {}, 15, "load", "unsafe leaked"),
    ("pgbouncer/session", {}, 15, "dblink-connection", "unsafe leaked"),
    ("pgbouncer", {}, 15, "backend-identity", "unsafe wrong-result"),
    ("pgbouncer/session", {}, 15, "backend-identity", "safe"),
    ("pgbouncer/session", {}, 15, "reported-pid", "unsafe wrong-result"),
    ("pgbouncer", {}, 15, "discard", "unsafe leaked ignored"),
    ("pgbouncer", {}, 15, "pool-reset", "unsafe leaked ignored"),
    ("pgbouncer/session", {}, 15, "pool-reset", "safe"),
    ("pgbouncer", {}, 15, "startup-parameter:application_name", "safe"),
    ("pgbouncer/session", {}, 15, "startup-parameter:statement_timeout", "unsafe error"),
    (
        "pgbouncer/session",
        {"ignore_startup_parameters": "extra_float_digits, statement_timeout"},
        15,
        "startup-parameter:statement_timeout",
        "unsafe ignored",
    ),
    ("pgbouncer-1.25", {}, 18, "startup-parameter:search_path", "unsafe error"),
    (
        "pgbouncer-1.25",
        {"track_extra_parameters": "search_path"},
        15,
        "startup-parameter:search_path",
        "unsafe ignored",
    ),
    ("pgbouncer-1.25", {"track_extra_parameters": "search_path"}, 18, "startup-parameter:search_path", "safe"),
    ("pgbouncer-1.26", {}, 18, "startup-parameter:search_path", "safe"),
    ("pgbouncer-1.26", {}, 15, "startup-parameter:search_path", "safe"),
    ("pgbouncer-1.19", {}, 15, "startup-options", "unsafe error"),
    (
        "pgbouncer-1.19",
        {"ignore_startup_parameters": "extra_float_digits,options"},
        15,
        "startup-options",
        "unsafe ignored",
    ),
    ("pgbouncer-1.20", {}, 15, "startup-options", "safe"),
    ("pgbouncer/statement", {}, 15, "transaction-block", "unsafe error"),
    ("pgbouncer", {}, 15, "transaction-block", "safe"),
    ("pgbouncer", {}, 15, "open-transaction", "unsafe ignored"),
    ("pgbouncer", {}, 15, "cursor-in-autocommit", "unsafe error"),
]


@pytest.mark.parametrize(("profile", "settings", "server", "capability", "expected"), PGBOUNCER)
def test_pgbouncer_does_what_was_observed_or_read(
    catalog: Catalog, profile: str, settings: Mapping[str, str], server: int, capability: str, expected: str
) -> None:
    found = verdict(catalog, profile, capability, settings=settings, server=server)
    assert sorted(said(found).split()) == sorted(expected.split())
    assert found.reference
    assert found.basis is not Basis.UNKNOWN
    assert "{" not in found.reason


OTHERS = [
    ("direct", {}, "parameter:work_mem", "safe"),
    ("direct", {}, "listen", "safe"),
    ("direct", {}, "open-transaction", "unsafe ignored"),
    ("direct", {}, "cursor-in-autocommit", "unsafe error"),
    ("rds-proxy", {}, "parameter:timezone", "costly"),
    ("rds-proxy", {}, "session-lock", "costly"),
    ("rds-proxy", {}, "startup-options", "unsafe error"),
    ("rds-proxy", {}, "named-prepare", "unknown"),
    ("odyssey", {}, "parameter:statement_timeout", "unsafe lost"),
    ("odyssey", {"pool_discard": "no"}, "parameter:statement_timeout", LEAKED),
    ("odyssey", {}, "parameter:timezone", "safe"),
    ("odyssey", {}, "parameter:intervalstyle", "unsafe lost"),
    ("odyssey", {"pool_pin_on_listen": "yes"}, "listen", "costly"),
    ("odyssey-1.5.0", {}, "listen", "unsafe lost"),
    ("odyssey-1.4.1", {}, "named-prepare", "unsafe error"),
    ("odyssey-1.5.0", {}, "named-prepare", "safe"),
    ("odyssey/statement", {}, "transaction-block", "unsafe ignored"),
    ("odyssey", {}, "startup-parameter:statement_timeout", "safe"),
    ("odyssey", {}, "startup-parameter:jit", "unsafe ignored"),
    ("odyssey-1.4.1", {}, "startup-parameter:work_mem", "unsafe ignored"),
    ("odyssey-1.5.0", {}, "startup-parameter:work_mem", "safe"),
    ("pgcat", {}, "named-prepare", "unsafe error"),
    ("pgcat", {"prepared_statements_cache_size": "500"}, "named-prepare", "safe"),
    ("pgcat/session", {}, "session-lock", "unsafe leaked"),
    ("pgdog", {}, "parameter:statement_timeout", "safe"),
    ("pgdog", {"query_parser": "off"}, "parameter:statement_timeout", LEAKED),
    ("pgdog", {}, "listen", "unsafe error"),
    ("pgdog", {"pub_sub_channel_size": "4096"}, "listen", "safe"),
    ("pgdog", {"query_parser": "on"}, "session-lock", "costly"),
    ("supavisor", {}, "parameter:timezone", LEAKED),
    ("supavisor", {}, "startup-parameter:search_path", "safe"),
    ("supavisor", {"named_prepared_statements": "yes"}, "sql-prepare", "unsafe error"),
    ("pgagroal", {}, "parameter:timezone", LEAKED),
    ("pgpool-ii", {}, "parameter:timezone", "safe"),
    ("pgpool-ii", {}, "session-lock", "unknown"),
    ("hyperdrive", {}, "listen", "unsafe error"),
    ("edb-connection-manager", {}, "parameter:work_mem", "unsafe lost"),
    ("neon", {}, "named-prepare", "safe"),
    ("neon", {}, "startup-parameter:extra_float_digits", "unsafe ignored"),
    ("azure-flexible-server", {}, "named-prepare", "unsafe leaked wrong-result error"),
    ("heroku-buildpack", {}, "named-prepare", "unsafe leaked wrong-result error"),
    ("cloud-sql", {}, "named-prepare", "unknown"),
    ("cloud-sql/session", {}, "named-prepare", "safe"),
    ("supabase", {}, "named-prepare", "unsafe wrong-result error"),
]


@pytest.mark.parametrize(("profile", "settings", "capability", "expected"), OTHERS)
def test_other_poolers_differ(
    catalog: Catalog, profile: str, settings: Mapping[str, str], capability: str, expected: str
) -> None:
    assert sorted(said(verdict(catalog, profile, capability, settings=settings)).split()) == sorted(expected.split())


def test_an_open_transaction_keeps_parse_and_bind_together(catalog: Catalog) -> None:
    inside = verdict(catalog, "pgbouncer", "split-prepare", kind=Transaction.EXPLICIT)
    alone = verdict(catalog, "pgbouncer", "split-prepare", kind=Transaction.AUTOCOMMIT)
    assert (inside.outcome, alone.outcome) == (Outcome.SAFE, Outcome.UNSAFE)


def test_pgcat_leaks_what_is_set_inside_a_transaction_and_loses_the_rest(catalog: Catalog) -> None:
    inside = verdict(catalog, "pgcat", "parameter:work_mem", kind=Transaction.EXPLICIT)
    alone = verdict(catalog, "pgcat", "parameter:work_mem", kind=Transaction.AUTOCOMMIT)
    assert Effect.LEAKED in inside.effects
    assert alone.effects == (Effect.LOST,)


# ---------------------------------------------------------------- what holds for all poolers


def test_a_variant_that_requires_nothing_is_safe_and_says_why(catalog: Catalog) -> None:
    found = verdict(catalog, "pgbouncer", "nothing")
    assert (found.outcome, found.reason, found.reference) == (Outcome.SAFE, "It is harmless.", "first")


def test_paired_uses_are_safe_and_say_why(catalog: Catalog) -> None:
    profile = resolve_profile("pgbouncer", catalog, settings={}, server_version=None)
    paired = FeatureUse(rule="each", variant="session-lock", place=Place("x", Span(0, 1)), sql="", paired=True)
    assert judge(paired, profile, catalog).reason == "Opened and closed together."


@pytest.mark.parametrize(
    ("name", "settings", "variant", "expected"),
    [
        ("odyssey", {}, "sql-prepare", "unsafe leaked"),
        ("odyssey/session", {}, "sql-prepare", "safe"),
        ("odyssey", {"pool_reserve_prepared_statement": "no"}, "sql-prepare", "safe"),
        ("odyssey", {}, "session-lock", "safe"),
        ("pgbouncer", {}, "sql-prepare", "safe"),
        ("rds-proxy", {}, "session-lock", "costly"),
        ("rds-proxy", {}, "temporary-objects", "costly"),
        ("rds-proxy", {}, "seed", "safe"),
    ],
)
def test_a_pooler_may_know_of_pairs_that_do_not_end_with_their_transaction(
    catalog: Catalog, name: str, settings: dict[str, str], variant: str, expected: str
) -> None:
    profile = resolve_profile(name, catalog, settings=settings, server_version=None)
    found = judge(replace(use(variant), paired=True), profile, catalog)
    assert " ".join((found.outcome, *found.effects)) == expected
    assert judge(use(variant), profile, catalog).reason != found.reason


@pytest.mark.parametrize(
    ("variant", "outcome"),
    [
        ("parameter", Outcome.SAFE),
        ("session-role", Outcome.SAFE),
        ("temporary-objects", Outcome.SAFE),
        ("listen", Outcome.SAFE),
        ("session-lock", Outcome.UNSAFE),
        ("sql-prepare", Outcome.UNSAFE),
        ("seed", Outcome.UNSAFE),
        ("role-and-seed", Outcome.UNSAFE),
    ],
)
def test_rollback_takes_back_what_is_transactional(catalog: Catalog, variant: str, outcome: Outcome) -> None:
    profile = resolve_profile("pgbouncer", catalog, settings={}, server_version=15)
    context = TransactionContext(kind=Transaction.EXPLICIT, end=TransactionEnd.ROLLBACK)
    assert judge(use(variant, context, name="work_mem"), profile, catalog).outcome is outcome


def test_what_a_driver_listens_with_is_not_rolled_back(catalog: Catalog) -> None:
    profile = resolve_profile("pgbouncer", catalog, settings={}, server_version=15)
    context = TransactionContext(kind=Transaction.EXPLICIT, end=TransactionEnd.ROLLBACK)
    assert judge(replace(use("listen", context), sql=""), profile, catalog).outcome is Outcome.UNSAFE


def test_a_set_inside_a_transaction_that_commits_leaks(catalog: Catalog) -> None:
    profile = resolve_profile("pgbouncer", catalog, settings={}, server_version=15)
    context = TransactionContext(kind=Transaction.EXPLICIT, end=TransactionEnd.COMMIT)
    assert Effect.LEAKED in judge(use("parameter", context, name="work_mem"), profile, catalog).effects


def test_of_several_capabilities_the_worst_counts_and_effects_add_up(catalog: Catalog) -> None:
    profile = resolve_profile("pgbouncer", catalog, settings={}, server_version=15)
    tracked = judge(use("both", name="timezone"), profile, catalog)
    untracked = judge(use("both", name="work_mem"), profile, catalog)
    assert tracked.effects == (Effect.LOST, Effect.LEAKED)
    assert "notifications" in tracked.reason
    assert untracked.effects == (Effect.LOST, Effect.LEAKED)


@pytest.mark.parametrize(
    "name", ["…", "my_…", HOLE_CHARACTERS[Hole.IDENTIFIER], HOLE_CHARACTERS[Hole.SQL] + "x", "", '""']
)
def test_an_unseen_name_counts_as_the_worst_parameter_there_is(catalog: Catalog, name: str) -> None:
    profile = resolve_profile("pgbouncer", catalog, settings={}, server_version=15)
    for unseen in (use("parameter", name=name), use("parameter")):
        found = judge(unseen, profile, catalog)
        assert said(found) == LEAKED
        assert found.reason.endswith("Its name is only known at run time.")
        assert "this parameter" in found.reason


def test_an_unseen_name_is_no_worse_than_any_name_could_be(catalog: Catalog) -> None:
    for pooler, expected in (("direct", Outcome.SAFE), ("rds-proxy", Outcome.COSTLY), ("pgdog", Outcome.UNSAFE)):
        profile = resolve_profile(pooler, catalog, settings={}, server_version=15)
        assert judge(use("parameter", name="…"), profile, catalog).outcome is expected


def test_quoted_and_upper_case_names_are_the_same_parameter(catalog: Catalog) -> None:
    assert verdict(catalog, "pgbouncer", 'parameter:"TimeZone"').outcome is Outcome.SAFE


def test_the_reason_names_parameter_pooler_and_mode(catalog: Catalog) -> None:
    found = verdict(catalog, "pgbouncer", "parameter:work_mem")
    assert found.reason.startswith("PgBouncer does not track work_mem in transaction mode; ")


def test_an_unknown_server_is_taken_for_an_old_one_and_a_newer_one_is_mentioned(catalog: Catalog) -> None:
    found = verdict(catalog, "pgbouncer-1.26", "parameter:search_path", server=None)
    assert found.outcome is Outcome.UNSAFE
    assert found.reason.endswith(" With PostgreSQL 18 or newer it is safe.")
    assert "With PostgreSQL" not in verdict(catalog, "pgbouncer-1.26", "parameter:search_path", server=17).reason
    assert "With PostgreSQL" not in verdict(catalog, "pgbouncer-1.26", "parameter:work_mem", server=None).reason


def test_what_no_item_covers_is_unknown(catalog: Catalog, tmp_path: Path) -> None:
    rule = tmp_path / "each.yaml"
    rule.write_text(rule_text(), encoding="utf-8")
    pooler = tmp_path / "mine.yaml"
    pooler.write_text(
        "id: mine\ntitle: Mine\nmodes: [m]\ncapabilities:\n"
        "  load: {outcome: safe, reason: r., basis: source, reference: a b}\n",
        encoding="utf-8",
    )
    own = load_catalog([rule, pooler])
    for capability in ("listen", "parameter:x", "parameter:…"):
        found = verdict(own, "mine", capability)
        assert (found.outcome, found.basis) == (Outcome.UNKNOWN, Basis.UNKNOWN)
        assert found.reason == "Nobody has established what Mine does here."


BADNESS = [Outcome.SAFE, Outcome.COSTLY, Outcome.UNKNOWN, Outcome.UNSAFE]


@given(
    pooler=st.sampled_from(list(load_catalog().poolers)),
    name=st.sampled_from(["timezone", "search_path", "work_mem", "role", "intervalstyle", "session_authorization"]),
    kind=st.sampled_from(list(Transaction)),
    variant=st.sampled_from(["parameter", "startup-parameter"]),
)
def test_no_name_is_judged_worse_than_the_unseen_one(
    catalog: Catalog, pooler: str, name: str, kind: Transaction, variant: str
) -> None:
    profile = resolve_profile(pooler, catalog, settings={}, server_version=15)
    context = TransactionContext(kind=kind)
    named = judge(use(variant, context, name=name), profile, catalog)
    unseen = judge(use(variant, context, name="…"), profile, catalog)
    assert BADNESS.index(named.outcome) <= BADNESS.index(unseen.outcome)


def test_a_nuisance_is_not_the_worst_that_an_unseen_name_can_meet(catalog: Catalog) -> None:
    assert verdict(catalog, "pgbouncer-1.18", "parameter:application_name").severity is Severity.NOTE
    unseen = verdict(catalog, "pgbouncer-1.18", "parameter:app.…")
    assert unseen.severity is None
    assert unseen.effects == (Effect.LOST, Effect.LEAKED)
