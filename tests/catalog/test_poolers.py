"""Pooler files: what is read, what is refused where, and what the shipped ones must hold."""

from __future__ import annotations

import itertools
from functools import partial

import pytest

from txsafe.catalog import Catalog, load_catalog
from txsafe.catalog.capabilities import CAPABILITIES, PARAMETRISED
from txsafe.catalog.document import parse_document
from txsafe.catalog.poolers import Pooler, Poolers, SettingType, is_known_version
from txsafe.errors import CatalogError
from txsafe.model import Basis, Outcome

CATALOG = load_catalog()

WHOLE = """\
id: mine
title: Mine
versions: ["1.2", "1.10"]
modes: [transaction, session]
settings:
  size: {type: number, exists: ">=1.10", default: [{version: "<1.10", value: "0"}, {value: "200"}]}
  reset: {type: flag, default: off}
  extra: {type: names, default: "a, b"}
  kind: {type: word, values: [x, y], default: x}
  query: {type: text, default: ""}
sources:
  docs: https://example.org/
capabilities:
  "parameter:*":
    - when: {mode: transaction}
      outcome: unsafe
      effects: [lost, leaked]
      reason: It is lost.
      basis: source
      reference: docs
  listen, load:
    outcome: costly
    reason: It pins.
    basis: observed
    reference: seen on a Tuesday
  "*":
    - {outcome: unknown, reason: Nobody knows., basis: unknown, reference: docs}
"""
PRESET = """\
id: preset
title: Preset
based-on: mine
version: "1.10"
modes: [session]
settings: {size: "7"}
sources: {docs: "https://example.com/"}
capabilities:
  listen: [{outcome: safe, reason: It works., basis: documentation, reference: docs}]
"""


def poolers(**texts: str) -> Poolers:
    documents = {name: parse_document(text, f"{name}.yaml") for name, text in texts.items()}
    return Poolers({name: partial(documents.__getitem__, name) for name in documents})


def read(text: str) -> Pooler:
    return poolers(mine=text)["mine"]


def test_a_pooler_is_read_with_all_its_parts() -> None:
    pooler = read(WHOLE)
    assert (pooler.title, pooler.version, pooler.modes) == ("Mine", "1.10", ("transaction", "session"))
    size = pooler.settings["size"]
    assert size.type is SettingType.NUMBER
    assert not size.exists_in("1.2")
    assert size.exists_in("1.10")
    assert size.exists_in(None)
    assert (size.default("1.2"), size.default("1.10"), size.default(None)) == ("0", "200", "200")
    assert pooler.settings["reset"].default("1.2") == "no"
    assert pooler.settings["extra"].expects == "any text"
    assert pooler.settings["query"].parse(" SELECT 1 ") == "SELECT 1"
    [lost] = [each for each in pooler.provisions("parameter:x") if each.outcome is Outcome.UNSAFE]
    assert lost.reference == "https://example.org/"
    assert [each.outcome for each in pooler.provisions("load")] == [Outcome.COSTLY, Outcome.UNKNOWN]
    assert next(each.reference for each in pooler.provisions("listen")) == "seen on a Tuesday"


def test_a_preset_differs_only_in_what_it_says() -> None:
    found = poolers(mine=WHOLE, preset=PRESET)
    preset = found["preset"]
    assert (preset.based_on, preset.version, preset.modes) == ("mine", "1.10", ("session",))
    assert preset.settings["size"].default("1.10") == "7"
    assert preset.settings["kind"] == found["mine"].settings["kind"]
    assert [each.outcome for each in preset.provisions("listen")] == [Outcome.SAFE, Outcome.COSTLY, Outcome.UNKNOWN]


def test_poolers_are_a_mapping_that_reads_when_it_is_asked() -> None:
    found = poolers(mine=WHOLE, broken="id: broken")
    assert list(found) == ["broken", "mine"]
    assert len(found) == 2
    assert "mine" in found
    assert "other" not in found
    assert found["mine"] is found["mine"]
    assert found.get("other") is None
    with pytest.raises(CatalogError, match=r"^broken\.yaml:1: 'title' is missing$"):
        found["broken"]


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("id: mine", "id: other", "mine.yaml:1: the id must be 'mine', like the file"),
        ('["1.2", "1.10"]', '["1.2", "latest"]', "mine.yaml:3: 'latest' is no version such as 1.24"),
        ('["1.2", "1.10"]', '["1.10", "1.2"]', "mine.yaml:3: 'versions' must be in order, oldest first"),
        ("modes: [transaction, session]\n", "modes: []\n", "mine.yaml:1: 'modes' is missing"),
        ("title: Mine", 'title: Mine\nversion: "9.9"', "mine.yaml:3: version '9.9' is not among 1.2, 1.10"),
        ("type: number", "type: nubmer", "mine.yaml:6: 'nubmer' is none of number, flag, names, word, text"),
        ('{value: "200"}', "{value: many}", "mine.yaml:6: 'many' is no value of 'size', which takes a number"),
        ("default: off", "default: perhaps", "mine.yaml:7: 'perhaps' is no value of 'reset', which takes yes or no"),
        ("default: x", "default: z", "mine.yaml:9: 'z' is no value of 'kind', which takes one of x, y"),
        (', {value: "200"}', "", "mine.yaml:6: the last default must hold for every version"),
        ("default: off", "default: []", "mine.yaml:7: the last default must hold for every version"),
        ("default: off}", "defualt: off}", "mine.yaml:7: unknown key 'defualt'; did you mean 'default'?"),
        ("  listen, load:", "  listen, laod:", "mine.yaml:22: unknown capability 'laod'; did you mean 'load'?"),
        (
            '  "parameter:*":',
            "  parameter:",
            "mine.yaml:15: unknown capability 'parameter'; did you mean 'parameter:*'?",
        ),
        ("mode: transaction", "mode: statement", "mine.yaml:15: unknown mode 'statement'"),
        ("outcome: costly", "outcome: pricey", "'pricey' is none of safe, unsafe, costly, unknown"),
        ("      effects: [lost, leaked]\n", "", "mine.yaml:15: 'effects' must say what goes wrong if, and only if,"),
        ("outcome: costly", "outcome: costly\n    effects: [lost]", "'effects' must say what goes wrong"),
        ("basis: observed", "basis: unknown", "mine.yaml:22: outcome and basis are unknown together or not at all"),
        ("reference: docs", "reference: dosc", "mine.yaml:20: unknown source 'dosc'; did you mean 'docs'?"),
        ("    reason: It pins.\n", "", "mine.yaml:22: 'reason' is missing"),
        ("  docs: https://example.org/", "  docs: [a]", "mine.yaml:12: 'docs' must be a string, not a list"),
    ],
)
def test_a_wrong_pooler_is_told_with_its_place(old: str, new: str, message: str) -> None:
    assert old in WHOLE
    with pytest.raises(CatalogError) as caught:
        read(WHOLE.replace(old, new, 1))
    assert message in str(caught.value)


def test_a_pooler_needs_capabilities_and_each_must_say_something() -> None:
    with pytest.raises(CatalogError, match=r"^mine\.yaml:1: 'capabilities' is missing$"):
        read("id: mine\ntitle: Mine\nmodes: [a]")
    for nothing in ("[]", "text"):
        with pytest.raises(CatalogError, match=r"^mine\.yaml:4: 'load' must be a list of what happens$"):
            read(f"id: mine\ntitle: Mine\nmodes: [a]\ncapabilities: {{load: {nothing}}}")


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("based-on: mine", "based-on: mien", "preset.yaml:3: 'mien' is no pooler that a preset can be based on"),
        ("based-on: mine", "based-on: preset", "preset.yaml:3: 'preset' is no pooler that a preset can be based on"),
        ("modes: [session]", "modes: [sesion]", "preset.yaml:5: Mine has no mode 'sesion'; did you mean 'session'?"),
        ('{size: "7"}', '{siez: "7"}', "preset.yaml:6: Mine has no setting 'siez'; did you mean 'size'?"),
        ('{size: "7"}', "{size: seven}", "'seven' is no value of 'size', which takes a number"),
        ('version: "1.10"', 'version: "1.2"', "preset.yaml:6: Mine 1.2 has no setting 'size' yet"),
        ("[session]", "[session]\nsetings: {}", "unknown key 'setings'; did you mean 'settings'?"),
    ],
)
def test_a_wrong_preset_is_told_with_its_place(old: str, new: str, message: str) -> None:
    with pytest.raises(CatalogError) as caught:
        poolers(mine=WHOLE, preset=PRESET.replace(old, new, 1))["preset"]
    assert message in str(caught.value)


def test_a_preset_cannot_stand_on_a_preset() -> None:
    third = PRESET.replace("id: preset", "id: third").replace("based-on: mine", "based-on: preset")
    with pytest.raises(CatalogError, match="'preset' is no pooler that a preset can be based on"):
        poolers(mine=WHOLE, preset=PRESET, third=third)["third"]


@pytest.mark.parametrize(
    ("version", "known"),
    [("1.18", True), ("1.18.0", True), ("1.21.1", True), ("1.26.7", True), ("1.24rc1", True)]
    + [(version, False) for version in ("1.17", "1.27", "9.9", "2", "newest", "")],
)
def test_versions_between_the_known_ones_are_known(version: str, known: bool) -> None:
    assert is_known_version(version, CATALOG.poolers["pgbouncer"].versions) is known


def test_a_service_without_versions_knows_none() -> None:
    assert not is_known_version("1.0", ())


# ---------------------------------------------------------------- what is shipped


@pytest.fixture(scope="module", params=list(CATALOG.poolers))
def shipped(request: pytest.FixtureRequest) -> Pooler:
    return CATALOG.poolers[request.param]


def test_every_provision_has_a_reason_and_a_reference(shipped: Pooler) -> None:
    for provision in itertools.chain.from_iterable(provisions for _, provisions in shipped.capabilities):
        assert provision.reason.endswith("."), provision
        assert provision.reference
        assert "://" in provision.reference or provision.reference.startswith("observed on ")
        assert (provision.basis is Basis.OBSERVED) == provision.reference.startswith("observed on ")


def test_every_mode_says_something_of_every_capability(shipped: Pooler) -> None:
    names = [*CAPABILITIES, *(f"{kind}:something" for kind in PARAMETRISED)]
    for mode, capability in itertools.product(shipped.modes, names):
        modes = [provision.condition.mode for provision in shipped.provisions(capability)]
        assert any(not accepted or mode in accepted for accepted in modes), (mode, capability)


def test_the_poolers_of_the_design_are_there() -> None:
    assert set(CATALOG.poolers) >= {"direct", "pgbouncer", "odyssey", "pgcat", "pgdog", "supavisor", "rds-proxy"}
    assert set(CATALOG.poolers) >= {"pgpool-ii", "pgagroal", "neon", "azure-flexible-server", "heroku", "supabase"}
    assert set(CATALOG.poolers) >= {"heroku-buildpack", "cloud-sql", "alloydb", "digitalocean", "hyperdrive"}
    assert set(CATALOG.poolers) >= {"crunchy-bridge", "planetscale", "edb-connection-manager"}


def test_a_catalog_holds_all_kinds(shipped: Pooler) -> None:
    assert isinstance(CATALOG, Catalog)
    assert CATALOG.poolers[shipped.id] is shipped
