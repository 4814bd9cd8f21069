"""Driver files: what they decode to, and what their faults are called."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from txsafe.catalog.document import parse_document, read_document
from txsafe.catalog.drivers import Drivers, decode_drivers
from txsafe.errors import CatalogError
from txsafe.model import Confidence, Transaction, TransactionEnd

FILES = sorted((Path(__file__).parents[2] / "rules" / "drivers").glob("*.yaml"))


def decode(text: str) -> Drivers:
    return decode_drivers([parse_document(text, "d.yaml")])


@pytest.fixture(scope="module")
def shipped() -> Drivers:
    return decode_drivers(read_document(file, file.name) for file in FILES)


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_a_shipped_file_is_named_after_its_id(file: Path) -> None:
    assert f"id: {file.stem}\n" in file.read_text()


def test_the_shipped_drivers_are_complete(shipped: Drivers) -> None:
    assert shipped.ids == {
        "aiopg", "alembic", "asyncpg", "databases", "dbt", "django", "gino", "peewee", "pg8000", "pgjdbc", "piccolo",
        "pony", "psycopg", "psycopg2", "sqlalchemy", "tortoise",
    }  # fmt: skip
    assert "sqlite3" in shipped.foreign
    assert "redis" in shipped.no_sql
    assert shipped.functions["psycopg.connect"].call.returns == "psycopg.Connection"


def test_every_argument_of_a_shipped_method_is_a_parameter(shipped: Drivers) -> None:
    for type_ in shipped.types.values():
        for name, call in type_.methods.items():
            for argument in (*call.sql, call.parameters):
                assert argument is None or argument in call.arguments, f"{type_.name}.{name}: {argument}"


def test_methods_that_only_hand_out_an_object_are_none_to_look_for(shipped: Drivers) -> None:
    drivers = decode(
        "id: d\ntitle: d\nimports: [d]\ntypes:\n  d.Pool:\n    methods:\n      take: {arguments: [x], returns: d.C}\n"
        "      more: {returns: self}\n      begin: {returns: d.B}\n      end: {ends: commit}\n"
        "      run: {returns: self, sql: x, arguments: [x]}\n"
        "  d.C: {}\n  d.B:\n    block: {kind: explicit, end: commit}\n"
    )
    assert drivers.method_names == {"begin", "run", "end"}
    assert {"execute", "cursor", "commit", "iterator"} <= shipped.method_names
    assert not {"filter", "all", "values"} & shipped.method_names
    assert "connect" in shipped.function_names


def test_no_module_is_both_ours_and_foreign(shipped: Drivers) -> None:
    assert not set(shipped.imports) & (shipped.foreign | shipped.no_sql)
    assert not shipped.foreign & shipped.no_sql


def test_aliases_mean_the_same() -> None:
    drivers = decode(
        "id: d\ntitle: D\ntypes:\n  a.A:\n    also: [b.B]\nfunctions:\n  'f, g':\n    also: h\n    returns: b.B"
    )
    assert drivers.types["a.A"] == drivers.types["b.B"]
    assert drivers.functions["f"].call == drivers.functions["g"].call == drivers.functions["h"].call


def test_a_type_inherits_what_it_does_not_say() -> None:
    drivers = decode(
        """
id: d
title: D
types:
  a.A:
    {transaction: implicit, block: {kind: explicit, end: commit}, methods: {x: {sql: q}, y: {}}, item: a.A, pool: yes}
  a.B: {bases: a.A, transaction: autocommit, elsewhere: unknown, methods: {y: {returns: a.B}}, attributes: {c: a.A}}
  a.C: {bases: [a.B, a.A]}
"""
    )
    inherited = drivers.types["a.C"]
    assert inherited.methods["x"].sql == ("q",)
    assert inherited.methods["y"].returns == "a.B"
    assert inherited.block is not None
    assert inherited.block.end is TransactionEnd.COMMIT
    assert inherited.item == "a.A"
    assert inherited.pool
    assert inherited.transaction is Transaction.UNKNOWN
    assert drivers.types["a.B"].elsewhere is Transaction.UNKNOWN
    assert drivers.types["a.A"].elsewhere is Transaction.IMPLICIT


def test_bases_in_a_circle_come_to_an_end() -> None:
    assert decode("id: d\ntitle: D\ntypes:\n  a.A: {bases: a.B}\n  a.B: {bases: a.A}").types["a.A"].name == "a.A"


def test_a_use_is_decoded() -> None:
    drivers = decode(
        """
id: d
title: D
shared-uses: {s: {api: x, sure: yes}}
functions:
  f:
    uses: [s, {api: y, at: a, when: {a: [given, "1"]}, unless: [{b: none}], confidence: low, facts: {k: "{a}"}}]
"""
    )
    first, second = drivers.functions["f"].call.uses
    assert first.sure
    assert first.confidence is Confidence.HIGH
    assert second.when.accepted == {"a": ("given", "1")}
    assert second.unless[0].accepted == {"b": ("none",)}
    assert second.confidence is Confidence.LOW
    assert second.facts == {"k": "{a}"}


def test_urls_keys_and_versions_are_decoded() -> None:
    drivers = decode(
        """
id: d
title: D
packages: {p: "1.5"}
settings-in: [WORD]
settings: {S: {uses: {api: x}}}
urls: {"a, b": {options: [o], parameters: {x: y}, uses: [{api: z, when: {w: absent}}]}}
keys: {"*.k": {sql: yes, beside: {type: [t]}}, "*.o": {options: yes, driver: e}}
functions:
  f: {uses: {api: x, versions: {p: ">=1.4"}}, start-up: {query: {dsn: [host]}}}
"""
    )
    assert drivers.packages == {"p": "1.5"}
    assert [setting.words for setting in drivers.settings["S"]] == [("WORD",)]
    form = drivers.url_form("b")
    assert form is not None
    assert (form.driver, form.options, form.parameters, form.uses[0].api) == ("d", ("o",), {"x": "y"}, "z")
    assert drivers.url_form("c") is None
    assert drivers.keys["*.k"].is_sql
    assert drivers.keys["*.k"].beside == {"type": ("t",)}
    assert (drivers.keys["*.o"].driver, drivers.keys["*.o"].is_options) == ("e", True)
    call = drivers.functions["f"].call
    assert call.uses[0].versions == {"p": ">=1.4"}
    assert call.start_up is not None
    assert call.start_up.query == {"dsn": ("host",)}


ASKING = "packages: {{p: '1'}}\nfunctions: {{f: {{uses: {{api: x, versions: {{{}}}}}}}}}"
VERSION_FAULTS = {
    "an unknown package": (ASKING.format("q: '>1'"), 4, "unknown package 'q'"),
    "no range": (ASKING.format("p: new"), 4, "'new' is no range of versions"),
    "no version": ("packages: {p: new}", 3, "'new' is no version such as '0.31'"),
    "an unknown key of a URL": ("urls: {a: {optoins: b}}", 3, "unknown key 'optoins'; did you mean 'options'?"),
    "an unknown key of a key": ("keys: {a: {sqls: yes}}", 3, "unknown key 'sqls'"),
}


@pytest.mark.parametrize(("text", "line", "message"), VERSION_FAULTS.values(), ids=VERSION_FAULTS.keys())
def test_faults_in_versions_and_settings_name_their_line(text: str, line: int, message: str) -> None:
    with pytest.raises(CatalogError, match=rf":{line}: {re.escape(message)}"):
        decode(f"id: d\ntitle: D\n{text}")


def test_names_suggest_types() -> None:
    drivers = decode("id: d\ntitle: D\ntypes:\n  a.A: {names: [x], also: [a.Z]}\n  a.B: {names: x}")
    assert [type_.name for type_ in drivers.suggested["x"]] == ["a.A", "a.B"]


def test_a_bundle_of_guesses_is_no_driver() -> None:
    drivers = decode("id: d\ntitle: D\ndriver: no\nimports: m\nany-database: yes\ntypes:\n  a.A: {}")
    assert drivers.ids == frozenset()
    assert drivers.types["a.A"].driver is None
    assert drivers.imports == {"m": "d"}
    assert drivers.any_database == {"d"}


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("id: D\ntitle: D", "d.yaml:1: an id is lower-case words"),
        ("id: d", "'title' is missing"),
        ("id: d\ntitle: D\nimport: x", "d.yaml:3: unknown key 'import'; did you mean 'imports'?"),
        ("id: d\ntitle: D\ntypes:\n  a.A:\n    item: a.B", "d.yaml:5: unknown type 'a.B'"),
        ("id: d\ntitle: D\ntypes:\n  a.A:\n    bases: [a.B]", "d.yaml:5: unknown type 'a.B'"),
        ("id: d\ntitle: D\ntypes:\n  a.A:\n    attributes: {x: a.B}", "d.yaml:5: unknown type 'a.B'"),
        ("id: d\ntitle: D\nvalues:\n  v: a.B", "d.yaml:4: unknown type 'a.B'"),
        ("id: d\ntitle: D\nfunctions:\n  f: {returns: a.B}", "d.yaml:4: unknown type 'a.B'"),
        ("id: d\ntitle: D\nfunctions:\n  f: {uses: nothing}", "d.yaml:4: unknown shared use 'nothing'"),
        ("id: d\ntitle: D\nfunctions:\n  f: {uses: {api: x, wen: {}}}", "unknown key 'wen'; did you mean 'when'?"),
        ("id: d\ntitle: D\nfunctions:\n  f: {block: {kind: implict}}", "did you mean 'implicit'?"),
        ("id: d\ntitle: D\nfunctions:\n  f: {start-up: {option: x}}", "unknown key 'option'"),
        ("id: d\ntitle: D\nfunctions:\n  f: {temporary: {name: x}}", "'prefixes' is missing"),
        ("id: d\ntitle: D\nfunctions:\n  f: {autocommit: x}", "a condition must be a mapping"),
        ("[]", "a driver must be a mapping"),
    ],
)
def test_a_fault_names_its_place(text: str, fault: str) -> None:
    with pytest.raises(CatalogError) as error:
        decode(text)
    assert fault in str(error.value)


def test_what_runs_a_function_and_what_wraps_requests_are_decoded() -> None:
    drivers = decode(
        "id: d\ntitle: D\nfunctions:\n  d.later: {arguments: [fn], runs: {argument: fn, transaction: autocommit}}\n"
        "types:\n  d.C:\n    methods: {run: {arguments: [fn], runs: {argument: fn, hands-connection: yes}}, go: {}}\n"
        "requests: {setting: WRAP, parameter: request, opt-out: [d.plain]}\n"
    )
    later, run = drivers.functions["d.later"].call.runs, drivers.types["d.C"].methods["run"].runs
    assert later is not None
    assert (later.arguments, later.transaction, later.hands_connection) == (("fn",), Transaction.AUTOCOMMIT, False)
    assert run is not None
    assert (run.transaction, run.hands_connection) == (None, True)
    assert drivers.requests["d"].opt_out == {"d.plain"}
    assert drivers.opening["d"] == {"later", "run"}


def test_what_a_setting_of_the_program_cures_is_decoded() -> None:
    drivers = decode(
        "id: d\ntitle: D\nfunctions:\n"
        "  d.f: {uses: [{api: x, cure: {setting: OFF, mapping: ALL, entry: main}}, {api: y}]}\n"
    )
    first, second = drivers.functions["d.f"].call.uses
    assert first.cure is not None
    assert (first.cure.setting, first.cure.mapping, first.cure.entry) == ("OFF", "ALL", "main")
    assert second.cure is None


def test_a_file_opens_nothing_without_one_of_the_words_that_open(shipped: Drivers) -> None:
    assert {"atomic", "Atomic", "set_autocommit", "Migration"} <= shipped.opening["django"]
    assert "cursor" not in shipped.opening["django"]


def test_what_a_package_brings_along_is_decoded() -> None:
    (found,) = decode('id: d\ntitle: D\nbundles: {d-binary: {">=2": {lib: "7"}}}\n').bundles
    assert (found.carrier, found.versions, found.package, found.version) == ("d-binary", ">=2", "lib", "7")


def test_a_type_inherits_that_it_speaks_through_the_shared_connection() -> None:
    types = decode("id: d\ntitle: D\ntypes:\n  d.M: {shared: yes}\n  d.N: {bases: [d.M]}\n  d.O: {}\n").types
    assert [types[name].shared for name in ("d.M", "d.N", "d.O")] == [True, True, False]
