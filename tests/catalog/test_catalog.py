"""The whole catalogue: where it is found, what users add, and what it costs."""

from __future__ import annotations

import pickle
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from txsafe.catalog import find_rules_directory, load_catalog
from txsafe.catalog.document import parse_document
from txsafe.catalog.server import read_server_facts
from txsafe.errors import CatalogError, ConfigError

RULE = """\
id: {id}
title: {title}
severity: note
variants:
  only:
    match: {{statement: show}}
    requires: [listen]
    message: shown
explanation: e
references: [r]
"""
POOLER = """\
id: {id}
title: Own
modes: [m]
capabilities: {{load: {{outcome: safe, reason: r., basis: source, reference: a b}}}}
"""


def write(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


def test_the_rules_of_a_checkout_stand_beside_the_package() -> None:
    assert find_rules_directory() == Path(__file__).resolve().parents[2] / "rules"


def test_the_rules_of_a_wheel_stand_inside_the_package(tmp_path: Path) -> None:
    checkout = find_rules_directory().parent
    shutil.copytree(checkout / "txsafe", tmp_path / "txsafe", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copytree(checkout / "rules", tmp_path / "txsafe" / "_rules")
    code = "import txsafe.catalog as c; print(c.find_rules_directory()); print(len(c.load_catalog().rules))"
    found = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True)
    directory, count = found.stdout.split()
    assert Path(directory) == tmp_path / "txsafe" / "_rules"
    assert int(count) == len(load_catalog().rules)


def test_missing_rules_are_told(tmp_path: Path) -> None:
    checkout = find_rules_directory().parent
    shutil.copytree(checkout / "txsafe", tmp_path / "txsafe", ignore=shutil.ignore_patterns("__pycache__"))
    code = "import txsafe.catalog as c\ntry: c.load_catalog()\nexcept c.CatalogError as error: print(error)"
    found = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert found.stdout.endswith("_rules:0: the shipped rules are missing: install txsafe anew\n")


def test_a_users_folder_adds_rules_and_poolers(tmp_path: Path) -> None:
    write(tmp_path / "features" / "own.yaml", RULE.format(id="own", title="Own"))
    write(tmp_path / "poolers" / "whatever.yaml", POOLER.format(id="my-pooler"))
    catalog = load_catalog([tmp_path])
    assert catalog.rules["own"].title == "Own"
    assert catalog.poolers["my-pooler"].title == "Own"
    assert "listen" in catalog.rules
    assert list(catalog.rules) == sorted(catalog.rules)


def test_a_users_rule_replaces_the_shipped_one(tmp_path: Path) -> None:
    file = write(tmp_path / "x.yaml", RULE.format(id="listen", title="Mine"))
    assert load_catalog([file]).rules["listen"].title == "Mine"


def test_single_files_are_told_by_their_keys_or_their_folder(tmp_path: Path) -> None:
    rule = write(tmp_path / "a.yaml", RULE.format(id="own", title="Own"))
    pooler = write(tmp_path / "b.yaml", POOLER.format(id="my-pooler"))
    driver = write(tmp_path / "c.yaml", "id: my-driver\ntitle: d\nfunctions: {}\n")
    inside = write(tmp_path / "features" / "d.yaml", RULE.format(id="inside", title="Inside"))
    catalog = load_catalog([rule, pooler, driver, inside])
    assert {"own", "inside"} <= set(catalog.rules)
    assert "my-pooler" in catalog.poolers


def test_a_file_that_is_nothing_is_refused(tmp_path: Path) -> None:
    file = write(tmp_path / "x.yaml", "title: x")
    with pytest.raises(CatalogError, match=r"x\.yaml:1: neither a rule \('variants'\) nor a pooler"):
        load_catalog([file])
    with pytest.raises(CatalogError, match=r"y\.yaml:1: neither a rule"):
        load_catalog([write(tmp_path / "y.yaml", "[a]")])


def test_missing_and_empty_paths_are_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(CatalogError, match=r"^gone:0: no such file or directory \(from `rule-paths`\)$"):
        load_catalog([tmp_path / "gone"])
    with pytest.raises(CatalogError, match=r"^\.:0: holds no rule: \*\.yaml in features, poolers, drivers"):
        load_catalog([tmp_path])


def test_a_fault_in_a_users_file_is_told_at_once_with_its_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    write(tmp_path / "mine" / "poolers" / "p.yaml", POOLER.format(id="p").replace("source", "hearsay"))
    with pytest.raises(CatalogError, match=r"^mine/poolers/p\.yaml:4: 'hearsay' is none of"):
        load_catalog([Path("mine")])


def test_one_id_twice_among_the_users_files_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    write(tmp_path / "a.yaml", RULE.format(id="own", title="One"))
    write(tmp_path / "b.yaml", RULE.format(id="own", title="Two"))
    with pytest.raises(CatalogError, match=r"^b\.yaml:1: 'own' is declared twice, first in a\.yaml$"):
        load_catalog([tmp_path])


def test_a_file_without_an_id_is_told_by_its_decoder(tmp_path: Path) -> None:
    with pytest.raises(CatalogError, match=r"x\.yaml:1: 'id' is missing$"):
        load_catalog([write(tmp_path / "x.yaml", "variants: {}")])


def test_rules_are_found_by_name_or_with_a_suggestion() -> None:
    catalog = load_catalog()
    assert catalog.find_rule("listen").id == "listen"
    with pytest.raises(ConfigError, match=r"^unknown rule 'lisen'; did you mean 'listen'"):
        catalog.find_rule("lisen")


def test_poolers_survive_pickling() -> None:
    poolers = load_catalog().poolers
    assert pickle.loads(pickle.dumps(list(poolers))) == list(poolers)


def test_loading_costs_little_more_than_scanning_the_yaml() -> None:
    code = (  # in a process of its own, because coverage is slow; relative, because machines are
        "import timeit, yaml, txsafe.catalog as c\n"
        "texts = [file.read_bytes() for file in c.find_rules_directory().rglob('*.yaml')]\n"
        "scan = lambda: [list(yaml.parse(text, yaml.CBaseLoader)) for text in texts]\n"
        "print(*(min(timeit.repeat(each, number=1, repeat=5)) for each in (c.load_catalog, scan)))"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loading, scanning = map(float, found.stdout.split())
    assert loading < 4 * scanning


def test_loading_imports_no_parser_of_sql_or_python() -> None:
    code = "import sys, txsafe.catalog as c; assert 'yaml' not in sys.modules; c.load_catalog(); print(*sys.modules)"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert not {"sqlglot", "libcst", "packaging.specifiers"} & set(found.stdout.split())


# ---------------------------------------------------------------- the server


def test_the_server_reports_what_its_version_does() -> None:
    server = load_catalog().server
    assert server.reports("timezone", 15)
    assert not server.reports("search_path", 17)
    assert server.reports("search_path", 18)
    assert not server.reports("default_transaction_read_only", 13)
    assert server.reports("default_transaction_read_only", 14)
    assert not server.reports("work_mem", 18)
    assert server.oldest_supported < server.newest_known


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("oldest-supported: old", "x.yaml:1: 'old' is no major version"),
        ("oldest-supported: '14'\nnewest-known: '180001'", "x.yaml:2: '180001' is no major version"),
        ("oldest-supported: '14'\nnewest-known: '18'", "x.yaml:1: 'references' must name at least one source"),
        ("oldest-suported: '14'", "x.yaml:1: unknown key 'oldest-suported'; did you mean 'oldest-supported'?"),
        ("oldest-supported: '14'\nnewest-known: '18'\nreferences: r\nreport: {}", "x.yaml:4: unknown key 'report'"),
    ],
)
def test_wrong_server_facts_are_told_with_their_place(text: str, message: str) -> None:
    with pytest.raises(CatalogError) as caught:
        read_server_facts(parse_document(text, "x.yaml"))
    assert str(caught.value).startswith(message)
