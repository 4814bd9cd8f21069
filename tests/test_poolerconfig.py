"""Poolers' own configuration files → profiles, and what is wrong with them."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from txsafe.catalog import load_catalog
from txsafe.cli import main
from txsafe.config import Config
from txsafe.errors import ConfigError
from txsafe.poolerconfig import read_pooler_file
from txsafe.poolerconfig.choice import Choice, choose
from txsafe.poolerconfig.complaints import read_masked
from txsafe.poolerconfig.entries import MAX_BYTES

CATALOG = load_catalog()

PREPARING = 'import psycopg\n\nwith psycopg.connect("", prepare_threshold=0) as c:\n    c.execute("SELECT 1")\n'
HARMLESS = 'import psycopg\n\nc = psycopg.connect("", prepare_threshold=None)\nc.execute("SELECT 1")\n'


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "app.py").write_text(PREPARING)
    return tmp_path


def chosen(name: str, text: str, **options: str) -> Choice:
    Path(name).write_text(text)
    config = Config(**options)  # type: ignore[arg-type]
    return choose(read_pooler_file(Path(name)), config, CATALOG)


def modes(name: str, text: str) -> dict[str, str]:
    Path(name).write_text(text)
    file = read_pooler_file(Path(name))
    return {each.name: each.mode.value if each.mode else file.default_mode for each in file.databases}


def complaints(text: str, *arguments: str, name: str = "pgbouncer.ini") -> list[tuple[str, int, str, str]]:
    Path(name).write_text(text)
    command = ["check", "app.py", "--pooler-config", name, "--select", "pooler-config", "--format", "json", *arguments]
    result = CliRunner().invoke(main, command)
    assert result.exit_code in {0, 1}, result.output
    found = json.loads(result.stdout)["diagnostics"]
    return [(each["path"], each["line"], each["severity"], each["message"]) for each in found]


# ---------------------------------------------------------------- PgBouncer


def test_a_database_wins_over_the_general_mode_and_a_forced_user_over_the_database() -> None:
    text = """
[pgbouncer]
pool_mode = statement
[databases]
plain = host=db
own = host=db pool_mode=transaction
"odd name" = host=db user='batch' pool_mode=transaction
[users]
batch = max_user_connections=3 pool_mode=session
"""
    assert modes("pgbouncer.ini", text) == {"plain": "statement", "own": "transaction", "odd name": "session"}


def test_pgbouncer_is_in_session_mode_if_nothing_is_said() -> None:
    assert chosen("pgbouncer.ini", "[databases]\n* = host=db\n").profile.mode == "session"
    assert chosen("pgbouncer.ini", "[pgbouncer]\nlisten_port = 1\n").database.name == "*"


def test_settings_are_read_and_flags_win_over_them() -> None:
    text = "[pgbouncer]\npool_mode = transaction\nmax_prepared_statements = 7\nserver_reset_query_always = 1\n"
    profile = chosen("pgbouncer.ini", text).profile
    assert (profile.version, profile.mode) == ("1.26", "transaction")
    assert profile.settings["max_prepared_statements"] == "7"
    assert profile.settings["server_reset_query_always"] == "yes"
    given = choose(read_pooler_file(Path("pgbouncer.ini")), Config(settings={"max_prepared_statements": "9"}), CATALOG)
    assert given.profile.settings["max_prepared_statements"] == "9"


def test_defaults_follow_the_version_that_the_profile_names() -> None:
    text = "[pgbouncer]\npool_mode = transaction\n"
    old = chosen("pgbouncer.ini", text, profile="pgbouncer-1.22").profile
    assert old.settings["max_prepared_statements"] == "0"
    assert chosen("pgbouncer.ini", text).profile.settings["max_prepared_statements"] == "200"
    assert chosen("pgbouncer.ini", text, profile="pgbouncer/session").profile.mode == "session"


def test_includes_are_read_and_their_section_goes_on() -> None:
    Path("more.ini").write_text("[databases]\nb = host=db pool_mode=session\n")
    text = "[databases]\na = host=db pool_mode=transaction\n%include more.ini\nc = host=db pool_mode=statement\n"
    assert modes("pgbouncer.ini", text) == {"a": "transaction", "b": "session", "c": "statement"}


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("[pgbouncer]\n%include pgbouncer.ini\n", "too many files"),
        ("[pgbouncer]\n%include absent.ini\n", "absent.ini: cannot be read"),
        ("[pgbouncer]\n%include /dev/zero\n", "is no regular file"),
        ("[pgbouncer]\n%include big.ini\n", "larger than"),
        (
            "[pgbouncer]\npool_mode = transactoin\n",
            "pgbouncer.ini:2: PgBouncer has no mode 'transactoin'; did you mean",
        ),
        ("[pgbouncer]\nmax_prepared_statements = many\n", "pgbouncer.ini:2: 'many' is no value"),
        ("[databases]\na = pool_mode=session\nb = pool_mode=transaction\n", "choose one with --pooler-database"),
    ],
)
def test_what_makes_no_sense_is_an_error_with_its_place(text: str, named: str) -> None:
    Path("big.ini").write_bytes(b"#" * (MAX_BYTES + 1))
    with pytest.raises(ConfigError) as caught:
        chosen("pgbouncer.ini", text)
    assert named in str(caught.value)


def test_a_wide_tree_of_includes_ends() -> None:
    Path("leaf.ini").write_text("x = 1\n")
    with pytest.raises(ConfigError, match="too many files"):
        chosen("pgbouncer.ini", "[pgbouncer]\n" + "%include leaf.ini\n" * 500)


def test_no_text_but_utf8_is_refused_with_its_line() -> None:
    Path("pgbouncer.ini").write_bytes(b"[pgbouncer]\n\xff\n")
    with pytest.raises(ConfigError, match=r"pgbouncer.ini:2: is not valid UTF-8"):
        read_pooler_file(Path("pgbouncer.ini"))


def test_databases_that_are_alike_need_no_choice_and_others_one() -> None:
    alike = "[databases]\na = host=x\nb = host=y\n"
    assert chosen("pgbouncer.ini", alike).database.name == "a"
    different = "[databases]\na = pool_mode=session\nb = pool_mode=transaction\n"
    assert chosen("pgbouncer.ini", different, pooler_database="b").profile.mode == "transaction"
    assert chosen("pgbouncer.ini", different + "* = pool_mode=statement\n").profile.mode == "statement"
    with pytest.raises(ConfigError, match="has no database 'bb'; did you mean 'b'"):
        chosen("pgbouncer.ini", different, pooler_database="bb")


def test_a_preset_of_the_same_pooler_fits_and_another_pooler_does_not() -> None:
    text = "[pgbouncer]\npool_mode = transaction\n"
    assert chosen("pgbouncer.ini", text, profile="azure-flexible-server").profile.pooler == "azure-flexible-server"
    with pytest.raises(ConfigError, match="is a file of pgbouncer, the profile is 'odyssey'"):
        chosen("pgbouncer.ini", text, profile="odyssey")


# ---------------------------------------------------------------- other poolers


def test_odyssey_has_a_route_per_database_and_user() -> None:
    text = """
storage "pg" { type "remote" }   # a comment with a {
database "app" {
  user "web" {
    storage "pg"
    pool "transaction"
    pool_reserve_prepared_statement no
  }
  user default
  {
    pool "session"
  }
}
database default { user default { pool "statement" } }
"""
    assert modes("odyssey.conf", text) == {"app/web": "transaction", "app": "session", "*": "statement"}
    web = chosen("odyssey.conf", text, pooler_database="app/web").profile
    assert (web.mode, web.settings["pool_reserve_prepared_statement"]) == ("transaction", "no")
    Path("routes.conf").write_text(text)
    assert len(modes("odyssey.conf", 'include "routes.conf"\n')) == 3


def test_pgcat_reads_pools_and_their_users() -> None:
    text = """
[general]
prepared_statements_cache_size = 500
[pools.app]
pool_mode = "transaction"
cleanup_server_connections = false
[pools.app.users.0]
username = "web"
[pools.batch]
pool_mode = "transaction"
[pools.batch.users.0]
username = "batch"
pool_mode = "session"
"""
    assert modes("pgcat.toml", text) == {"app": "transaction", "batch": "session"}
    app = chosen("pgcat.toml", text, pooler_database="app")
    assert app.profile.settings == {"prepared_statements_cache_size": "500", "cleanup_server_connections": "no"}
    assert [(user.key, user.value) for user in app.file.users] == [("batch", "session")]
    assert modes("pgcat.toml", "[general]\n") == {"*": "transaction"}


def test_pgdog_reads_databases() -> None:
    text = '[general]\nprepared_statements = "disabled"\n[[databases]]\nname = "a"\n'
    assert chosen("pgdog.toml", text).profile.settings["prepared_statements"] == "disabled"
    other = text + '[[databases]]\nname = "b"\npooler_mode = "session"\n[[databases]]\nname = "b"\n'
    assert modes("pgdog.toml", other) == {"a": "transaction", "b": "session"}
    assert modes("pgdog.toml", "") == {"*": "transaction"}


PGDOG = '[general]\npooler_mode = "transaction"\n[[databases]]\nname = "a"\n[[databases]]\nname = "b"\n'
PGDOG_USERS = """
[[users]]
name = "web"
database = "a"
[[users]]
name = "batch"
databases = ["a", "b", 7]
password = "hunter2"
pooler_mode = "session"
"""


def test_pgdog_reads_its_users_beside_it() -> None:
    Path("users.toml").write_text(PGDOG_USERS)
    assert modes("pgdog.toml", PGDOG) == {"a": "transaction", "b": "session"}
    found = complaints(PGDOG, "--pooler-database", "a", name="pgdog.toml")
    assert [each[:3] for each in found] == [("users.toml", 9, "note")]
    assert "user `batch` is in session mode" in found[0][3]
    assert complaints(PGDOG, "--pooler-database", "b", name="pgdog.toml") == []


def test_a_user_of_pgdog_without_databases_has_them_all() -> None:
    Path("users.toml").write_text('[[users]]\nname = "batch"\nall_databases = true\npooler_mode = "session"\n')
    assert modes("pgdog.toml", PGDOG) == {"a": "session", "b": "session"}


@pytest.mark.parametrize("text", ["users = 5", "[users]\nname = 'a'", "users = ['a']", "[[users]]\n"])
def test_a_users_file_that_says_nothing_changes_nothing(text: str) -> None:
    Path("users.toml").write_text(text)
    assert modes("pgdog.toml", PGDOG) == {"a": "transaction", "b": "transaction"}


def test_a_broken_users_file_is_told_with_its_place() -> None:
    Path("users.toml").write_text("[[users]]\nname = \n")
    with pytest.raises(ConfigError, match=r"^users\.toml:2: "):
        modes("pgdog.toml", PGDOG)


@pytest.mark.parametrize(
    ("pipeline", "mode"), [("transaction", "transaction"), ("performance", "session"), ("auto", "session")]
)
def test_a_pipeline_of_pgagroal_is_a_mode(pipeline: str, mode: str) -> None:
    text = f"[pgagroal]\npipeline = {pipeline}\ntrack_prepared_statements = on\n[primary]\nhost = db\n"
    profile = chosen("pgagroal.conf", text).profile
    assert (profile.mode, profile.settings["track_prepared_statements"]) == (mode, "yes")


def test_pgpool_values_may_be_quoted_and_commented() -> None:
    text = "load_balance_mode = off   # no\nreset_query_list = 'ABORT; DISCARD ALL'  # both\n"
    profile = chosen("pgpool.conf", text).profile
    assert profile.settings == {"load_balance_mode": "no", "reset_query_list": "ABORT; DISCARD ALL"}


@pytest.mark.parametrize(
    ("text", "pooler"),
    [
        ("[pgbouncer]\n", "pgbouncer"),
        ("[pgagroal]\n", "pgagroal"),
        ("[pools.x]\n", "pgcat"),
        ("[[databases]]\n", "pgdog"),
        ('storage "x" {}\n', "odyssey"),
        ("backend_hostname0 = 'x'\n", "pgpool-ii"),
    ],
)
def test_a_file_of_another_name_is_told_by_what_stands_in_it(text: str, pooler: str) -> None:
    Path("pooler.conf").write_text(text)
    assert read_pooler_file(Path("pooler.conf")).pooler == pooler


def test_a_file_that_is_nobodys_is_refused() -> None:
    Path("app.conf").write_text("x = 1\n")
    with pytest.raises(ConfigError, match="cannot be told to be a file of pgbouncer"):
        read_pooler_file(Path("app.conf"))


@pytest.mark.parametrize(
    ("text", "named"), [("[a\n", "pgcat.toml:1: "), ("x = " + "[" * 5000, "pgcat.toml"), ("x = 'a", "pgcat.toml")]
)
def test_faulty_toml_is_refused_with_its_place(text: str, named: str) -> None:
    with pytest.raises(ConfigError) as caught:
        modes("pgcat.toml", text)
    assert named in str(caught.value)


_PIECES = st.sampled_from(
    ["[pgbouncer]", "[databases]", "[users]", "a = pool_mode=session", "database x", "user y", *"{}\"'=#;\n"]
)


@given(
    st.lists(_PIECES | st.text(max_size=5)),
    st.sampled_from(["pgbouncer.ini", "odyssey.conf", "pgpool.conf", "pgdog.toml"]),
)
def test_no_text_is_more_than_an_error(pieces: list[str], name: str) -> None:
    Path(name).write_text(" ".join(pieces), encoding="utf-8", errors="replace")
    try:
        file = read_pooler_file(Path(name))
    except ConfigError:
        return
    assert file.databases


@pytest.mark.parametrize("text", ["{" * 200_000, "database x { user y { " * 40_000, "a " * 500_000, "\n" * 500_000])
def test_large_nonsense_takes_no_time(text: str) -> None:
    Path("odyssey.conf").write_text(text)
    assert read_pooler_file(Path("odyssey.conf")).databases


@pytest.mark.parametrize("line", ["a" * 900_000, "a=" * 400_000, "a " * 400_000, "x='" * 300_000, "password" * 100_000])
def test_a_long_line_takes_no_time(line: str) -> None:
    Path("pgbouncer.ini").write_text(f"[databases]\na = {line}\n")
    assert read_pooler_file(Path("pgbouncer.ini")).databases
    assert read_masked("pgbouncer.ini").text


# ---------------------------------------------------------------- what is wrong with a file

TRANSACTION = "[pgbouncer]\npool_mode = transaction\n"


def test_disabled_prepared_statements_are_an_error_where_the_code_prepares() -> None:
    text = TRANSACTION + "max_prepared_statements = 0\n"
    command = ["check", "app.py", "--pooler-config", "pgbouncer.ini", "--format", "json"]
    Path("pgbouncer.ini").write_text(text)
    found = json.loads(CliRunner().invoke(main, command).stdout)["diagnostics"]
    own = [each for each in found if each["rule"] == "pooler-config"]
    assert [(each["line"], each["severity"]) for each in own] == [(3, "error")]
    assert "1 place relies on prepared statements, the first is app.py:3" in own[0]["message"]
    Path("app.py").write_text(HARMLESS)
    assert complaints(text) == []


@pytest.mark.parametrize(("version", "names"), [("15", ["search_path", "app.tenant"]), ("18", ["app.tenant"])])
def test_what_the_server_does_not_report_cannot_be_tracked(version: str, names: list[str]) -> None:
    text = TRANSACTION + "track_extra_parameters = IntervalStyle, search_path, app.tenant\n"
    found = complaints(text, "--server-version", version)
    assert {line for _, line, _, _ in found} == {3}
    assert sorted(message.split("`")[1] for *_, message in found) == sorted(names)


def test_what_vanishes_at_connect_is_named() -> None:
    text = TRANSACTION + "ignore_startup_parameters = extra_float_digits, statement_timeout\n"
    assert [(line, message.split("`")[1]) for _, line, _, message in complaints(text)] == [(3, "statement_timeout")]


def test_a_reset_query_that_does_nothing_is_a_note() -> None:
    text = TRANSACTION + "server_reset_query = DISCARD ALL\n"
    assert [(line, severity) for _, line, severity, _ in complaints(text)] == [(3, "note")]
    assert complaints(text + "server_reset_query_always = 1\n") == []
    assert complaints(text.replace("transaction", "session")) == []


@pytest.mark.parametrize(
    ("name", "text", "line"),
    [
        ("pgbouncer.ini", "[pgbouncer]\npool_mode = session\nserver_reset_query = SELECT 1\n", 3),
        ("pgbouncer.ini", "[pgbouncer]\npool_mode = session\nserver_reset_query = DISCARD ALL\n", None),
        ("odyssey.conf", 'database "a" {\nuser "b" {\npool "session"\npool_discard no\n}\n}\n', 4),
        ("odyssey.conf", 'database "a" {\nuser "b" {\npool "session"\npool_discard yes\n}\n}\n', None),
        ("pgpool.conf", "backend_hostname0 = 'db'\nreset_query_list = 'ABORT'\n", 2),
        ("pgpool.conf", "backend_hostname0 = 'db'\nreset_query_list = 'ABORT; DISCARD ALL'\n", None),
    ],
)
def test_a_reset_that_hands_state_on_is_named(name: str, text: str, line: int | None) -> None:
    found = [each for each in complaints(text, name=name) if "is there for the next client" in each[3]]
    assert [each[:3] for each in found] == ([] if line is None else [(name, line, "warning")])


def test_a_user_in_another_mode_is_a_note_in_the_file_where_he_stands() -> None:
    Path("users.ini").write_text("[users]\nbatch = pool_mode=session\n")
    found = complaints("%include users.ini\n" + TRANSACTION)
    assert [each[:3] for each in found] == [("users.ini", 2, "note")]
    assert "user `batch` is in session mode" in found[0][3]


def test_a_setting_that_the_version_does_not_have_is_named() -> None:
    found = complaints(TRANSACTION + "max_prepared_statements = 5\n", "--profile", "pgbouncer-1.18")
    assert [message for *_, message in found] == [
        "PgBouncer 1.18 has no `max_prepared_statements`: it exists in >=1.21"
    ]


@pytest.mark.parametrize("name", [b"pool\xff.ini", b"a\nb.ini", "pgbouncer-ü.ini".encode(), b"back\\x41slash.ini"])
@pytest.mark.parametrize("form", ["text", "json", "sarif"])
def test_a_file_of_any_name_is_read_and_quoted(name: bytes, form: str) -> None:
    path = os.fsdecode(name)
    Path(path).write_text(TRANSACTION + "ignore_startup_parameters = search_path\n")
    command = ["check", "app.py", "--pooler-config", path, "--select", "pooler-config", "--format", form]
    result = CliRunner().invoke(main, command)
    assert result.exit_code == 1, result.output
    assert "vanishes" in result.stdout


@pytest.mark.parametrize(
    ("name", "data", "named"),
    [
        (b"bad.ini", b"[pgbouncer]\npool_mode = trans\xffaction\n", r"bad.ini:2: is not valid UTF-8"),
        (b"other\xff.conf", b"hello", r"other\xff.conf: cannot be told to be a file of"),
        (b"users\xff.ini", b"%include gone\xff.ini\n[pgbouncer]", r"is not valid UTF-8"),
        (b"no\0ne.ini", None, "expected a path"),
    ],
)
def test_a_file_that_cannot_be_read_is_an_error_that_names_it(name: bytes, data: bytes | None, named: str) -> None:
    path = os.fsdecode(name)
    if data is not None:
        Path(path).write_bytes(data)
    result = CliRunner().invoke(main, ["check", "app.py", "--pooler-config", path])
    assert result.exit_code == 2
    assert named in result.stderr
    assert "internal error" not in result.stderr


def test_the_database_that_was_chosen_is_told() -> None:
    Path("pgbouncer.ini").write_text("[databases]\napp = pool_mode=transaction\n")
    result = CliRunner().invoke(main, ["check", "app.py", "--pooler-config", "pgbouncer.ini"])
    assert "pgbouncer.ini: database app: PgBouncer 1.26, transaction mode" in result.stderr
    quiet = CliRunner().invoke(main, ["check", "app.py", "--pooler-config", "pgbouncer.ini", "-q"])
    assert quiet.stderr == ""


@pytest.mark.parametrize(
    "line",
    [
        "batch = pool_mode=session password=s3cr3t",
        "batch = pool_mode=session password='s3 cr3t'",
        "batch = pool_mode=session auth_password = s3cr3t",
    ],
)
@pytest.mark.parametrize("output", ["text", "json", "sarif", "github", "gitlab", "junit"])
def test_no_report_quotes_a_password(line: str, output: str) -> None:
    Path("pgbouncer.ini").write_text(f"{TRANSACTION}[users]\n{line}\n")
    command = ["check", "app.py", "--pooler-config", "pgbouncer.ini", "--format", output]
    result = CliRunner().invoke(main, command)
    assert "batch" in result.stdout
    assert "cr3t" not in result.output


def test_a_masked_file_keeps_its_places() -> None:
    text = 'password "s3cr3t"\nauth_query_password = x\n'
    Path("odyssey.conf").write_text(text)
    masked = read_masked("odyssey.conf").text
    assert masked == "password ********\nauth_query_password = *\n"
    assert len(masked) == len(text)


def test_a_missing_file_is_an_error() -> None:
    result = CliRunner().invoke(main, ["check", "app.py", "--pooler-config", "absent.ini"])
    assert result.exit_code == 2
    assert "absent.ini: cannot be read: No such file" in result.stderr
