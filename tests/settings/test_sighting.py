"""Settings files in, what is reported of them out."""

from __future__ import annotations

from pathlib import Path

import pytest

from txsafe.analysis import Analyzer
from txsafe.config import Config
from txsafe.connection_strings import mask_passwords, read_keywords, read_options, read_url
from txsafe.discovery import FileInput, find_files
from txsafe.model import Diagnostic, SourceFile
from txsafe.settings.secrets import without_secrets
from txsafe.source import line_starts

PROFILE = "pgbouncer-1.18/transaction"


def judge(name: str, text: str, **options: object) -> tuple[Diagnostic, ...]:
    config = Config(profile=PROFILE, root=Path("/no-such-folder"), **options)  # type: ignore[arg-type]
    report = Analyzer.of(config).analyze(FileInput(Path(name), name, text.encode()))
    assert not report.errors
    return tuple(each for each in report.diagnostics if not each.suppressed)


def said(name: str, text: str, **options: object) -> list[tuple[int, str, str]]:
    """Return line, rule and the text that is pointed at."""
    lines = text.splitlines()
    return [
        (each.start.line, each.rule, lines[each.start.line - 1][each.start.column - 1 : each.end.column - 1])
        for each in judge(name, text, **options)
    ]


OPTIONS = "options=-c%20jit%3Doff"
FOUND = {
    "an .env file": (
        ".env",
        f'A=1\nDATABASE_URL="postgresql://u:p@h/d?sslmode=require&{OPTIONS}"\n',
        [(2, "startup-parameter", OPTIONS)],
    ),
    "libpq's variable": ("x.env", "PGOPTIONS='-c jit=off'\n", [(1, "startup-parameter", "-c jit=off")]),
    "alembic.ini": (
        "alembic.ini",
        "[alembic]\nsqlalchemy.url = postgresql+psycopg2://h/d?options=-cjit=off\n",
        [(2, "startup-parameter", "options=-cjit=off")],
    ),
    "TOML": ("a.toml", f"[db]\nurls = ['postgres://h/d?{OPTIONS}']\n", [(2, "startup-parameter", OPTIONS)]),
    "Docker Compose": (
        "docker-compose.yml",
        f"services:\n  web:\n    environment:\n      - URL=postgres://h/d?{OPTIONS}\n      - PGOPTIONS=-c jit=off\n",
        [(4, "startup-parameter", OPTIONS), (5, "startup-parameter", "-c jit=off")],
    ),
    "Kubernetes": (
        "deploy.yaml",
        "env:\n- name: PGOPTIONS\n  value: -c jit=off\n",
        [(3, "startup-parameter", "-c jit=off")],
    ),
    "JDBC": (
        "application.properties",
        "spring.datasource.url=jdbc:postgresql://h/d?prepareThreshold=5&currentSchema=a\n",
        [(1, "driver-prepare", "prepareThreshold=5"), (1, "startup-parameter", "currentSchema=a")],
    ),
    "a pool's SQL": (
        "application.yml",
        "spring:\n  datasource:\n    hikari:\n      connection-init-sql: SET search_path TO a\n      schema: b\n",
        [(4, "session-set", "SET search_path TO a"), (5, "session-set", "b")],
    ),
    "a data source's properties": (
        "application.yml",
        "hikari:\n  data-source-properties:\n    prepareThreshold: 3\n    currentSchema: a\n    options: -c jit=off\n",
        [(3, "driver-prepare", "3"), (4, "startup-parameter", "a"), (5, "startup-parameter", "-c jit=off")],
    ),
    "dbt's profiles": (
        "profiles.yml",
        "shop:\n  outputs:\n    dev:\n      type: postgres\n      role: owner\n      search_path: a\n",
        [(5, "session-role", "owner"), (6, "startup-parameter", "a")],
    ),
}


@pytest.mark.parametrize(("name", "text", "expected"), FOUND.values(), ids=FOUND.keys())
def test_what_a_settings_file_asks_of_a_session(name: str, text: str, expected: list[tuple[int, str, str]]) -> None:
    assert said(name, text) == expected


QUIET = {
    "a plain URL": (".env", "DATABASE_URL=postgresql://h/d?sslmode=require&connect_timeout=3\n"),
    "parameters that pass": (".env", "U=jdbc:postgresql://h/d?prepareThreshold=0&ApplicationName=a\n"),
    "a simple protocol": (".env", "U=jdbc:postgresql://h/d?preferQueryMode=simple\n"),
    "asyncpg's cache below SQLAlchemy": (".env", "U=postgresql+asyncpg://h/d?prepared_statement_cache_size=0\n"),
    "another database": (".env", f"U=mysql://h/d?{OPTIONS}\nV=https://h/d?{OPTIONS}\n"),
    "another database's pool": (
        "a.yml",
        "url: jdbc:mysql://h/d\nhikari:\n  connection-init-sql: SET a = 1\n",
    ),
    "a harmless statement": ("a.yml", "hikari:\n  connection-init-sql: SELECT 1\n"),
    "a key of the same name": ("a.yml", "type: snowflake\nrole: owner\nsearch_path: a\n"),
    "a comment": (".env", f"# U=postgresql://h/d?{OPTIONS}\n"),
    "an empty value": (".env", "PGOPTIONS=\n"),
    "a suppression": (".env", f"U=postgresql://h/d?{OPTIONS} # txsafe: ignore[startup-parameter] direct\n"),
}


@pytest.mark.parametrize(("name", "text"), QUIET.values(), ids=QUIET.keys())
def test_nothing_is_asked_by(name: str, text: str) -> None:
    assert [each for each in judge(name, text) if each.severity > "note"] == []


def test_the_default_of_jdbc_is_only_a_guess() -> None:
    (found,) = judge(".env", "U=jdbc:postgresql://h/d\n")
    assert (found.rule, found.confidence) == ("driver-prepare", "low")


def test_a_setting_has_the_route_of_its_name() -> None:
    text = f"DIRECT_URL=postgresql://h/d?{OPTIONS}\nURL=postgresql://h/d?{OPTIONS}\n"
    assert [line for line, _, _ in said(".env", text, routes={"DIRECT_*": "direct"})] == [2]


# ---------------------------------------------------------------- connection strings


def test_a_url_is_taken_apart_with_the_places_of_its_parameters() -> None:
    text = "postgresql+psycopg://u:p@h/d?a=1&options=-c%20x%3D1&&novalue&b="
    url = read_url(text)
    assert url is not None
    assert url.scheme == "postgresql+psycopg"
    assert [(each.name, each.value, text[each.start : each.end]) for each in url.parameters] == [
        ("a", "1", "a=1"),
        ("options", "-c x=1", "options=-c%20x%3D1"),
        ("b", "", "b="),
    ]
    assert read_url("no url at all") is None
    jdbc = read_url("jdbc:postgresql://h/d")
    assert jdbc is not None
    assert (jdbc.scheme, jdbc.parameters) == ("jdbc:postgresql", ())


def test_keywords_and_options_are_read() -> None:
    assert [(each.name, each.value) for each in read_keywords("host=h options='-c a=b\\'c' x = y")] == [
        ("host", "h"),
        ("options", "-c a=b'c"),
        ("x", "y"),
    ]
    assert read_options("-c a=1 --b-c=x\\ y -cd=2 e=3") == (("a", "1"), ("b_c", "x y"), ("d", "2"))


def test_no_report_quotes_a_password() -> None:
    text = "U=postgres://u:secret@h/d\nDB_PASSWORD=hunter2\napi_key: 'abc'\nport=5\n"
    source = SourceFile(path=".env", text=text, encoding="utf-8", bom=False, line_starts=line_starts(text))
    masked = without_secrets(source).text
    assert len(masked) == len(text)
    assert masked == "U=postgres://u:******@h/d\nDB_PASSWORD=*******\napi_key: *****\nport=5\n"
    assert mask_passwords("postgres://h/d") == "postgres://h/d"


# ---------------------------------------------------------------- which files


def test_only_settings_that_speak_of_postgresql_are_taken_up(tmp_path: Path) -> None:
    files = {
        "a.py": "",
        ".env": f"U=postgresql://h/d?{OPTIONS}",
        "mysql.env": f"U=mysql://h/d?{OPTIONS}",
        "ci.yml": "image: postgres:16",
        "values.yaml": "PGOPTIONS: x",
        "package.json": "postgres options=",
        "excluded/.env": f"U=postgresql://h/d?{OPTIONS}",
        "large.yaml": f"U: postgresql://h/d?{OPTIONS}\n" + "#" * 1_000_000,
    }
    for name, text in files.items():
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
    found = find_files([str(tmp_path)], Config(root=tmp_path, extend_exclude=("excluded",)))
    assert [file.path.name for file in found.files] == [".env", "a.py", "values.yaml"]
    assert [skipped.reason for skipped in found.skipped if "large" in skipped.display] == [
        "a settings file: larger than max-file-size (1000000 bytes); not analysed"
    ]


def test_a_settings_file_that_is_named_is_read(tmp_path: Path) -> None:
    (tmp_path / "ci.yml").write_text("image: postgres:16")
    found = find_files([str(tmp_path / "ci.yml")], Config(root=tmp_path))
    assert [file.path.name for file in found.files] == ["ci.yml"]


def test_options_that_hold_no_parameter_are_told_as_such() -> None:
    (found,) = judge(".env", "U=postgresql://h/d?options=project%3Dshop\n")
    assert (found.rule, found.variant) == ("startup-parameter", "options")


def test_a_users_driver_file_may_ask_for_truth(tmp_path: Path) -> None:
    words = {"a": "true", "b": "false", "c": "none"}
    uses = ", ".join(
        f"'*.{key}': {{uses: {{api: session-set, when: {{value: '{word}'}}, facts: {{call: {key}, name: jit}}}}}}"
        for key, word in words.items()
    )
    (tmp_path / "drivers").mkdir()
    (tmp_path / "drivers" / "own.yaml").write_text(f"id: own\ntitle: Own\nkeys: {{{uses}}}\n")
    text = "x:\n  a: yes\n  b: off\n  c: null\ny:\n  a: off\n  b: on\n  c: some\n"
    assert [line for line, _, _ in said("x.yaml", text, rule_paths=(tmp_path,))] == [2, 3, 4]
