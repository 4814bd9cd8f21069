"""The generated matrix and its three renderings."""

from __future__ import annotations

import json

import pytest

from txsafe.catalog import load_catalog
from txsafe.errors import ConfigError
from txsafe.matrix import Cell, list_profiles, matrix_cells, render_json, render_markdown, render_text
from txsafe.model import Basis, Outcome
from txsafe.profiles import resolve_profile

CATALOG = load_catalog()


def cells(*names: str, rule: str, server_version: int | None = None) -> tuple[Cell, ...]:
    profiles = [resolve_profile(name, CATALOG, settings={}, server_version=server_version) for name in names]
    return matrix_cells(CATALOG, profiles, rules=(rule,))


def by_variant(found: tuple[Cell, ...]) -> dict[str, str]:
    return {cell.variant: cell.text for cell in found}


def test_parameters_that_are_treated_differently_have_cells_of_their_own() -> None:
    found = by_variant(cells("pgbouncer-1.26", rule="session-set", server_version=18))
    assert found["set/parameter:timezone"] == "safe"
    assert found["set/parameter:search_path"] == "safe"
    assert found["set/parameter:statement_timeout"] == "unsafe: lost, leaked"


def test_the_server_version_changes_cells() -> None:
    found = by_variant(cells("pgbouncer-1.26", rule="session-set", server_version=17))
    assert found["set/parameter:search_path"] == "unsafe: lost, leaked"


def test_a_variant_about_one_parameter_has_a_cell_for_that_one() -> None:
    found = by_variant(cells("pgbouncer", rule="session-set"))
    assert [name for name in found if name.startswith("set-time-zone")] == ["set-time-zone/parameter:timezone"]
    assert [name for name in found if name.startswith("set-own")] == ["set-own/parameter:myapp.tenant_id"]


def test_an_open_transaction_has_cells_where_it_changes_something() -> None:
    found = cells("pgcat", "pgbouncer", rule="session-set")
    apart = [cell for cell in found if cell.variant == "set/parameter:statement_timeout/in-autocommit"]
    assert [(cell.profile.pooler, cell.text) for cell in apart] == [
        ("pgcat", "unsafe: lost"),
        ("pgbouncer", "unsafe: lost, leaked"),
    ]
    alone = cells("pgbouncer", rule="session-set")
    assert not [cell for cell in alone if cell.variant.endswith(("in-autocommit", "inside-transaction"))]


def test_all_rules_are_there_in_order() -> None:
    profile = resolve_profile("direct", CATALOG, settings={}, server_version=None)
    found = matrix_cells(CATALOG, [profile])
    assert list(dict.fromkeys(cell.rule for cell in found)) == list(CATALOG.rules)


def test_every_cell_of_the_whole_matrix_has_a_reference_and_agrees_with_itself() -> None:
    found = matrix_cells(CATALOG, list_profiles(CATALOG, server_version=None))
    assert len(found) > 10_000
    for cell in found:
        assert cell.reference, cell
        assert cell.reason
        assert (cell.outcome is Outcome.UNSAFE) == bool(cell.effects)
        assert (cell.outcome is Outcome.UNKNOWN) == (cell.basis is Basis.UNKNOWN)
    keys = {(cell.rule, cell.variant, cell.profile.name) for cell in found}
    assert len(keys) == len(found)


def test_profiles_are_all_versions_and_modes_of_a_pooler() -> None:
    names = [profile.name for profile in list_profiles(CATALOG, poolers=["pgcat", "neon", "direct"], server_version=15)]
    assert names == [
        "pgcat-1.1/transaction",
        "pgcat-1.2/transaction",
        "pgcat-1.1/session",
        "pgcat-1.2/session",
        "neon/transaction",
        "direct/session",
    ]


def test_a_setting_applies_wherever_it_exists() -> None:
    settings = {"max_prepared_statements": "7"}
    found = list_profiles(CATALOG, poolers=["pgbouncer"], settings=settings, server_version=None)
    values = {profile.version: profile.settings.get("max_prepared_statements") for profile in found}
    assert (values["1.20"], values["1.21"], values["1.26"]) == (None, "7", "7")


def test_unknown_poolers_and_settings_are_told() -> None:
    with pytest.raises(ConfigError, match=r"^unknown pooler 'pgbouncr'; did you mean 'pgbouncer'"):
        list_profiles(CATALOG, poolers=["pgbouncr"], server_version=None)
    with pytest.raises(ConfigError, match=r"^unknown setting 'max_prepared'.*; known: "):
        list_profiles(CATALOG, poolers=["pgbouncer"], settings={"max_prepared": "1"}, server_version=None)


# ---------------------------------------------------------------- rendering


def test_json_holds_what_the_contract_says() -> None:
    document = json.loads(render_json(cells("pgbouncer-1.18/session", rule="listen")))
    assert document["schema"] == 1
    cell = document["cells"][0]
    assert cell["rule"] == "listen"
    assert (cell["pooler"], cell["version"], cell["mode"]) == ("pgbouncer", "1.18", "session")
    assert cell["settings"]["server_reset_query"] == "DISCARD ALL"
    assert (cell["outcome"], cell["effects"], cell["server_version"]) == ("safe", [], None)
    assert cell["basis"] in {"observed", "source", "documentation", "unknown"}
    assert cell["reference"].startswith("https://")


def test_json_of_nothing_is_still_json() -> None:
    assert json.loads(render_json([])) == {"schema": 1, "cells": []}


def test_text_joins_versions_that_agree() -> None:
    profiles = list_profiles(CATALOG, poolers=["pgbouncer"], server_version=None)
    text = render_text(matrix_cells(CATALOG, profiles, rules=["transaction-block"]))
    lines = text.splitlines()
    assert lines[0] == "pgbouncer"
    assert lines[1].split()[2:] == ["1.18-1.26", "transaction", "1.18-1.26", "session", "1.18-1.26", "statement"]
    assert "unsafe: error" in lines[2]
    assert not any(line.endswith(" ") for line in lines)


def test_text_has_a_table_for_each_pooler() -> None:
    text = render_text(cells("pgbouncer-1.18", "rds-proxy", rule="load-library"))
    assert [line for line in text.splitlines() if line and " " not in line] == ["pgbouncer", "rds-proxy"]
    assert "1.18 transaction" in text


def test_markdown_tables_are_square() -> None:
    text = render_markdown(cells("pgbouncer-1.18", "pgbouncer/statement", "direct", rule="listen"))
    assert text.startswith(
        "## pgbouncer\n\n| rule | variant | 1.18 transaction | 1.26 statement |\n| --- | --- | --- | --- |\n"
    )
    assert "| `listen` | `listen` | unsafe: lost, leaked [1] | unsafe: lost, leaked [1] |" in text
    for table in text.split("## ")[1:]:
        rows = [line for line in table.splitlines() if line.startswith("|")]
        assert len({row.count("|") for row in rows}) == 1


def test_nothing_renders_to_nothing() -> None:
    assert render_text([]) == ""
    assert render_markdown([]) == ""
