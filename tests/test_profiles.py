"""Names of profiles → profiles."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from txsafe.catalog import load_catalog
from txsafe.errors import ConfigError
from txsafe.profiles import resolve_profile

if TYPE_CHECKING:
    from collections.abc import Mapping

    from txsafe.model import Profile

CATALOG = load_catalog()


def resolve(name: str, settings: Mapping[str, str] | None = None, server_version: int | None = None) -> Profile:
    return resolve_profile(name, CATALOG, settings=settings or {}, server_version=server_version)


@pytest.mark.parametrize(
    ("name", "pooler", "version", "mode", "title"),
    [
        ("pgbouncer", "pgbouncer", "1.26", "transaction", "PgBouncer 1.26, transaction mode"),
        ("pgbouncer-1.18/transaction", "pgbouncer", "1.18", "transaction", "PgBouncer 1.18, transaction mode"),
        ("pgbouncer-1.26", "pgbouncer", "1.26", "transaction", "PgBouncer 1.26, transaction mode"),
        ("pgbouncer-1.21.1", "pgbouncer", "1.21.1", "transaction", "PgBouncer 1.21.1, transaction mode"),
        ("pgbouncer/statement", "pgbouncer", "1.26", "statement", "PgBouncer 1.26, statement mode"),
        ("PgBouncer/Session ", "pgbouncer", "1.26", "session", "PgBouncer 1.26, session mode"),
        ("odyssey/transaction", "odyssey", "1.5.2", "transaction", "Odyssey 1.5.2, transaction mode"),
        ("pgpool-ii-4.6", "pgpool-ii", "4.6", "session", "Pgpool-II 4.6"),
        ("rds-proxy", "rds-proxy", None, "transaction", "RDS Proxy"),
        ("direct", "direct", None, "session", "A direct connection"),
        ("neon", "neon", "1.24.1", "transaction", "Neon (PgBouncer)"),
        ("heroku", "heroku", None, "transaction", "Heroku connection pooling (PgBouncer)"),
    ],
)
def test_a_name_says_pooler_version_and_mode(
    name: str, pooler: str, version: str | None, mode: str, title: str
) -> None:
    profile = resolve(name)
    assert (profile.pooler, profile.version, profile.mode, profile.title) == (pooler, version, mode, title)
    assert profile.name == name


@pytest.mark.parametrize(
    ("name", "setting", "value"),
    [
        ("pgbouncer-1.20", "max_prepared_statements", None),
        ("pgbouncer-1.21", "max_prepared_statements", "0"),
        ("pgbouncer-1.23.1", "max_prepared_statements", "0"),
        ("pgbouncer-1.24", "max_prepared_statements", "200"),
        ("pgbouncer-1.19", "track_extra_parameters", None),
        ("pgbouncer-1.20", "track_extra_parameters", "IntervalStyle"),
        ("pgbouncer", "server_reset_query_always", "no"),
        ("odyssey-1.4.1", "pool_reserve_prepared_statement", "no"),
        ("odyssey-1.5.0", "pool_reserve_prepared_statement", "yes"),
        ("odyssey-1.5.0", "pool_pin_on_listen", None),
        ("neon", "max_prepared_statements", "1000"),
        ("azure-flexible-server", "max_prepared_statements", "0"),
        ("heroku-buildpack", "max_prepared_statements", "0"),
    ],
)
def test_defaults_are_those_of_the_version_or_the_service(name: str, setting: str, value: str | None) -> None:
    assert resolve(name).settings.get(setting) == value


def test_given_settings_take_the_place_of_defaults() -> None:
    settings = {"max_prepared_statements": " 050 ", "server_reset_query_always": "1", "track_extra_parameters": "a,b,"}
    found = resolve("pgbouncer", settings).settings
    assert found["max_prepared_statements"] == "50"
    assert found["server_reset_query_always"] == "yes"
    assert found["track_extra_parameters"] == "a, b"


def test_the_server_version_is_kept() -> None:
    assert resolve("pgbouncer", server_version=18).server_version == 18
    assert resolve("pgbouncer").server_version is None


@pytest.mark.parametrize(
    ("name", "settings", "message"),
    [
        ("pgbouncr", {}, "unknown pooler 'pgbouncr'; did you mean 'pgbouncer'?; known: alloydb, "),
        ("pgbouncer-9.9", {}, "unknown version '9.9' of PgBouncer; known: 1.18, 1.19, "),
        ("pgbouncer-1.8", {}, "unknown version '1.8' of PgBouncer; did you mean '1.18'?"),
        ("pgbouncer-1.x", {}, "unknown version '1.x' of PgBouncer"),
        ("direct-1.0", {}, "A direct connection has no versions, so '1.0' means nothing"),
        ("pgbouncer/transactoin", {}, "PgBouncer has no mode 'transactoin'; did you mean 'transaction'?; modes: "),
        ("pgcat/statement", {}, "PgCat has no mode 'statement'; modes: transaction, session"),
        ("pgbouncer/", {}, "PgBouncer has no mode ''"),
        ("", {}, "profile '' is not of the form POOLER[-VERSION][/MODE]; poolers: "),
        ("1.18", {}, "profile '1.18' is not of the form POOLER[-VERSION][/MODE]"),
        ("pg bouncer", {}, "profile 'pg bouncer' is not of the form"),
        ("pgbouncer", {"max_prepared": "1"}, "unknown setting 'max_prepared' of PgBouncer"),
        ("direct", {"x": "1"}, "unknown setting 'x' of A direct connection; known: none"),
        (
            "pgbouncer-1.18",
            {"max_prepared_statements": "1"},
            "PgBouncer 1.18 has no setting 'max_prepared_statements': it exists in >=1.21",
        ),
        (
            "pgbouncer",
            {"max_prepared_statements": "-1"},
            "'-1' is no value of 'max_prepared_statements' of PgBouncer, which takes a number",
        ),
        (
            "pgbouncer",
            {"server_reset_query_always": "maybe"},
            "'maybe' is no value of 'server_reset_query_always' of PgBouncer, which takes yes or no",
        ),
        (
            "pgdog",
            {"prepared_statements": "some"},
            "'some' is no value of 'prepared_statements' of PgDog, which takes one of extended, ",
        ),
    ],
)
def test_what_makes_no_sense_is_told_with_what_there_is(name: str, settings: Mapping[str, str], message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        resolve(name, settings)
    assert str(caught.value).startswith(message)


@pytest.mark.parametrize("version", [0, 9, 100, 180001, -1])
def test_a_server_version_must_be_a_major_one(version: int) -> None:
    with pytest.raises(ConfigError, match=f"^server version {version} is no major version of PostgreSQL"):
        resolve("pgbouncer", server_version=version)


@given(st.text())
def test_any_text_is_a_profile_or_told_to_be_none(name: str) -> None:
    with contextlib.suppress(ConfigError):
        assert resolve(name).pooler in CATALOG.poolers


@given(st.sampled_from(list(CATALOG.poolers)), st.data())
def test_a_profile_holds_a_valid_value_of_every_setting_that_exists(name: str, data: st.DataObject) -> None:
    pooler = CATALOG.poolers[name]
    version = data.draw(st.sampled_from(pooler.versions)) if pooler.versions else None
    profile = resolve(name if version is None else f"{name}-{version}")
    for key, setting in pooler.settings.items():
        assert (key in profile.settings) is setting.exists_in(profile.version)
        if key in profile.settings:
            assert setting.parse(profile.settings[key]) == profile.settings[key]
