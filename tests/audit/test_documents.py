"""What the document says: the answer, the groups, the plan; in all formats, for hostile code, and the same twice."""

from __future__ import annotations

import json
import re
from html.parser import HTMLParser
from typing import TYPE_CHECKING

import pytest

from tests.audit.audits import DATE, audit, audit_json, write

if TYPE_CHECKING:
    from pathlib import Path

CONNECT = "import psycopg\nc = psycopg.connect('', prepare_threshold=None)\n"
PROGRAM = {
    "shop/db.py": f"{CONNECT}c.execute('SET search_path TO a')\n",
    "shop/listener.py": f"{CONNECT}c.execute('LISTEN jobs')\n",
    "shop/locks.py": (
        f"{CONNECT}c.execute('SELECT pg_advisory_lock(1)')  # txsafe: ignore[session-advisory-lock] one job only\n"
    ),
    "shop/names.py": "import psycopg\nc = psycopg.connect('')\nc.execute(unknown)\n",
    "shop/migrations/1.sql": "SET lock_timeout = '2s';\n",
    "other/options.py": f"{CONNECT}psycopg.connect('', prepare_threshold=None, options='-c statement_timeout=5s')\n",
    ".github/CODEOWNERS": "* @everybody\n/shop/db.py @db\n",
}


@pytest.fixture
def program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "program"
    write(PROGRAM, folder)
    (folder / "txsafe.toml").write_text('profile = "pgbouncer-1.20"\n')
    monkeypatch.chdir(folder)
    return folder


# ---------------------------------------------------------------- the answer


def test_the_answer_counts_what_fails_a_check(program: Path) -> None:
    answer = audit_json()["answer"]
    assert answer["readiness"] == "ready after changes"
    assert answer["changes"] == 5
    assert answer["headline"] == "Ready after 5 changes"
    assert "security" in answer["reasons"][0]
    assert any("could not be seen" in reason for reason in answer["reasons"])


def test_a_program_without_session_state_is_ready(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a.sql").write_text("SELECT 1;\n")
    monkeypatch.chdir(tmp_path)
    document = audit_json()
    assert document["answer"]["readiness"] == "ready"
    assert document["findings"] == []
    for format_ in ("html", "markdown"):
        assert "There are none." in audit(format_)


def test_a_file_that_could_not_be_analysed_blocks(program: Path) -> None:
    (program / "broken.py").write_text("import psycopg\nc.execute(\n")
    answer = audit_json()["answer"]
    assert answer["readiness"] == "blocked"
    assert answer["reasons"][0] == "1 file could not be analysed, in whole or in part."
    assert "Blocked" in audit("markdown")


def test_a_finding_without_any_way_around_blocks(program: Path) -> None:
    rule = """\
id: house-rule
title: Forbidden here
severity: error
variants:
  any: {match: {statement: notify}, requires: [session-lock], message: never do this}
explanation: Because.
references: [https://example.org]
"""
    (program / "own.yaml").write_text(rule)
    (program / "notify.py").write_text(f"{CONNECT}c.execute('NOTIFY jobs')\n")
    answer = audit_json("--rule-path", "own.yaml")["answer"]
    assert answer["readiness"] == "blocked"
    assert answer["reasons"][0] == "For 1 finding there is no known way around."


def test_notes_and_the_tools_own_findings_are_no_changes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a.py").write_text("import psycopg\nx = 1  # txsafe: ignore[listen]\n")
    monkeypatch.chdir(tmp_path)
    document = audit_json()
    assert document["answer"]["changes"] == 0
    assert [each["rule"] for each in document["findings"]] == ["unused-suppression"]
    assert list(document["groups"]["effect"]) == ["housekeeping"]
    assert "about the analysis itself" in audit("markdown")


# ---------------------------------------------------------------- findings and groups


def test_leaks_come_first(program: Path) -> None:
    document = audit_json()
    assert list(document["groups"]["effect"]) == ["leaked", "error"]
    assert document["findings"][0]["effects"][:2] == ["lost", "leaked"]


def test_findings_are_grouped_by_rule_folder_and_owner(program: Path) -> None:
    groups = audit_json()["groups"]
    assert set(groups["directory"]) == {"shop", "shop/migrations", "other"}
    assert {owner: len(found) for owner, found in groups["owner"].items()} == {"@everybody": 4, "@db": 1}
    assert sum(map(len, groups["rule"].values())) == 5


def test_without_codeowners_there_are_no_owners(program: Path) -> None:
    (program / ".github/CODEOWNERS").unlink()
    assert audit_json()["groups"]["owner"] == {}
    assert "By owner" not in audit("html")


def test_files_without_an_owner_belong_to_nobody(program: Path) -> None:
    (program / ".github/CODEOWNERS").write_text("/shop/db.py @db\n")
    assert set(audit_json()["groups"]["owner"]) == {"nobody", "@db"}


def test_suppressed_and_baselined_findings_are_kept_apart(program: Path) -> None:
    first = audit_json("--write-baseline", "known.json")
    assert len(first["suppressed"]) == 1
    assert (first["baselined"], first["progress"]) == ([], None)
    (program / "shop/listener.py").unlink()
    (program / "shop/new.sql").write_text("LISTEN news;\n")
    second = audit_json("--baseline", "known.json")
    assert len(second["baselined"]) == 4
    assert second["progress"] == {"known": 4, "gone": 1, "new": 1}
    assert second["answer"]["changes"] == 1
    for format_, text in (("html", "4 findings known to the baseline"), ("markdown", "Progress against the baseline")):
        assert text in audit(format_, "--baseline", "known.json")


def test_a_findings_link_survives_moved_lines(program: Path) -> None:
    before = {each["id"] for each in audit_json()["findings"]}
    file = program / "shop/db.py"
    file.write_text("\n\n# moved\n" + file.read_text())
    assert {each["id"] for each in audit_json()["findings"]} == before
    assert all(re.fullmatch(r"f-[0-9a-f]{32}(-\d+)?", name) for name in before)


def test_what_a_setting_removes_is_said_at_the_finding(program: Path) -> None:
    by_rule = {each["rule"]: each for each in audit_json()["findings"]}
    assert any("max_prepared_statements = 200" in each for each in by_rule["driver-prepare"]["remedies"])
    assert "Would go with:" in audit("html")


def test_unresolved_calls_are_listed_with_their_reasons(program: Path) -> None:
    assert [each["path"] for each in audit_json()["unresolved"]] == ["shop/names.py"]
    assert "shop/names.py:3" in audit("markdown")


def test_the_trail_of_a_finding_is_shown(program: Path) -> None:
    (program / "trail.py").write_text(
        "import psycopg\nSQL = 'LISTEN elsewhere'\n\n\ndef f():\n    psycopg.connect('').execute(SQL)\n"
    )
    (found,) = [each for each in audit_json()["findings"] if each["path"] == "trail.py" and each["rule"] == "listen"]
    assert found["trail"]
    assert "How it gets there" in audit("html")
    assert f"trail.py:{found['trail'][0]['line']}" in audit("markdown")


def test_a_fix_is_shown_as_a_diff(program: Path) -> None:
    (program / "fixable.sql").write_text("BEGIN;\nSET search_path TO a;\nSELECT 1;\nCOMMIT;\n")
    document = audit_json()
    (found,) = [each for each in document["findings"] if each["path"] == "fixable.sql"]
    assert found["fix"]["applicability"] == "safe"
    assert "-SET search_path TO a;" in found["fix"]["diff"]
    assert found["fingerprint"] in document["plan"]["work"]["code, safe fixes"]
    assert "<del>-SET search_path TO a;</del>" in audit("html")
    assert "```diff\n" in audit("markdown")


# ---------------------------------------------------------------- the plan


def test_each_change_belongs_to_one_step_of_the_plan(program: Path) -> None:
    document = audit_json()
    work = document["plan"]["work"]
    placed = [fingerprint for found in work.values() for fingerprint in found]
    assert sorted(placed) == sorted(each["fingerprint"] for each in document["findings"] if each["must_go"])
    assert {kind: len(found) for kind, found in work.items() if found} == {
        "pooler settings": 1,
        "role settings": 1,
        "code by hand": 1,
        "direct connections": 2,
    }


def test_the_plan_has_counts_a_script_and_a_checklist(program: Path) -> None:
    text = audit("markdown")
    plan = text[text.index("## Plan") : text.index("## Findings")]
    assert "ALTER ROLE app SET statement_timeout = '5s';" in plan
    assert re.search(r"- \[ \] Upgrade to PgBouncer 1\.\d\d.* \(removes 1 finding\)\.", plan)
    assert "- [ ] Run the files of `**/migrations/**` over a direct connection (removes 1 finding)." in plan
    assert "- [ ] Keep on a direct connection" in plan
    assert "--write-baseline txsafe-baseline.json" in plan


def test_a_parameter_with_several_values_is_left_to_people(program: Path) -> None:
    (program / "several.sql").write_text("SET work_mem = '1MB';\nSET work_mem = '2MB';\n")
    document = audit_json()
    assert document["plan"]["several_values"] == ["work_mem"]
    assert not any("work_mem" in line for line in document["plan"]["role_settings"])
    assert "`work_mem`" in audit("markdown")


def test_many_places_are_folded(program: Path) -> None:
    (program / "many.sql").write_text("".join(f"SELECT pg_advisory_lock({n});\n" for n in range(20)))
    html = audit("html")
    assert "<summary>21 places</summary>" in html
    assert "findings that no pooler in transaction mode and no setting removes</summary>" in html


# ---------------------------------------------------------------- hostile input, size, sameness

MARKUP = "</script><script>alert(1)</script><img src=x onerror=alert(1)>"
HOSTILE = {
    "<img src=x onerror=alert(1)>/a'b\"c`d.sql": f"LISTEN \"{MARKUP}\";\nSET a.b = '{MARKUP}';\n",
    "code.py": (f"{CONNECT}c.execute('''LISTEN \"{MARKUP}\"''')  # {MARKUP}\nc.execute(f'{MARKUP} {{x}}')\n"),
    "CODEOWNERS": f"* @{MARKUP.replace(' ', '')} javascript:alert(1)\n",
    "new\nline.sql": "LISTEN jobs;\n",
    "silenced.sql": f'LISTEN "{MARKUP}"; -- txsafe: ignore[listen] {MARKUP}\n',
}


class Page(HTMLParser):
    """The tags and attributes of a page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))


@pytest.fixture
def hostile(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "<b>bold<b>"
    write({name.replace("/script", "script"): text for name, text in HOSTILE.items()}, folder)
    (folder / "txsafe.toml").write_text('profile = "pgbouncer"\n')
    monkeypatch.chdir(folder)
    return folder


def test_no_name_and_no_sql_becomes_markup_or_script(hostile: Path) -> None:
    text = audit("html")
    page = Page(text)
    assert [tag for tag, _ in page.found].count("script") == 1
    assert not {"img", "b", "iframe", "object"} & {tag for tag, _ in page.found if tag != "b"}
    assert "<img" not in text
    assert not any(name.startswith("on") for _, attributes in page.found for name in attributes)
    targets = [attributes["href"] or "" for tag, attributes in page.found if tag == "a"]
    assert all(target.startswith(("#", "https://")) for target in targets)
    assert "alert(1)" in text


def test_the_page_forbids_itself_to_load_or_run_anything_else(hostile: Path) -> None:
    page = Page(audit("html"))
    (policy,) = [
        str(each["content"]) for tag, each in page.found if each.get("http-equiv") == "Content-Security-Policy"
    ]
    assert policy.startswith("default-src 'none'; ")
    assert "unsafe" not in policy
    assert not any("style" in attributes or "src" in attributes for _, attributes in page.found)


def test_every_link_of_the_page_leads_somewhere(program: Path) -> None:
    page = Page(audit("html"))
    names = [str(attributes["id"]) for _, attributes in page.found if "id" in attributes]
    assert len(names) == len(set(names))
    targets = {str(each["href"])[1:] for tag, each in page.found if tag == "a" and str(each["href"]).startswith("#")}
    assert targets <= set(names)


def test_no_name_and_no_sql_becomes_markdown(hostile: Path) -> None:
    text = audit("markdown")
    outside = re.sub(r"(?ms)^( *)(`{3,})\w*\n.*?^\1\2$", "", text)
    outside = re.sub(r"`[^`\n]*`", "", outside)
    outside = re.sub(r'<a id="f-[0-9a-f-]+"></a>', "", outside)
    assert not re.search(r"(?<!\\)<", outside)
    assert "\nline.sql" not in text


def test_the_json_is_json_whatever_the_names_are(hostile: Path) -> None:
    document = json.loads(audit("json"))
    assert document["project"] == "<b>bold<b>"
    assert any("onerror" in each["path"] for each in document["findings"])


@pytest.mark.parametrize("format_", ["html", "markdown", "json"])
def test_the_same_code_gives_the_same_bytes(program: Path, format_: str) -> None:
    assert audit(format_) == audit(format_)


@pytest.mark.parametrize("format_", ["html", "markdown", "json"])
def test_the_date_is_the_one_that_was_given(program: Path, format_: str) -> None:
    assert DATE in audit(format_)


def test_a_thousand_findings_would_make_a_page_that_can_be_mailed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(4):
        lines = (f"SELECT pg_advisory_lock({number * 100 + n});\n" for n in range(50))
        (tmp_path / f"locks_{number}.sql").write_text("".join(lines))
    monkeypatch.chdir(tmp_path)
    assert len(audit("html").encode()) * 5 < 3_000_000


def test_the_formats_say_the_same(program: Path) -> None:
    document = audit_json()
    for text in (audit("html"), audit("markdown")):
        for each in document["findings"]:
            assert each["id"] in text
        assert document["answer"]["headline"] in text
