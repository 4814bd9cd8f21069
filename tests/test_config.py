"""Options: one table for decoding, the schema, the help and `--show-config`; and the file that they come from."""

from __future__ import annotations

import json
import pickle
import tomllib
from dataclasses import fields
from pathlib import Path

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

import txsafe
from txsafe.config import Config, Format, OptionError, SeverityOverride, apply, json_schema, option_help, options, show
from txsafe.config_file import load_config, read_config
from txsafe.errors import ConfigError
from txsafe.model import Severity

HERE = Path("/somewhere")
KEYS = [key for key, _, _ in options()]

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-3, 40) | st.sampled_from(["", "a", "error", "low", "json", "off", "auto"]),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from(["", "a", "sarif"]), inner, max_size=2),
    max_leaves=4,
)


def test_every_field_of_the_configuration_but_its_origin_is_an_option() -> None:
    names = {item.name.replace("_", "-") for item in fields(Config)} - {"root", "file", "profile-files"}
    assert set(KEYS) == names


def test_the_shipped_schema_is_the_generated_one() -> None:
    shipped = Path(txsafe.__file__).with_name("config_schema.json")
    assert json.loads(shipped.read_text("utf-8")) == json_schema()
    jsonschema.Draft202012Validator.check_schema(json_schema())


@given(st.dictionaries(st.sampled_from([*KEYS, "selct"]), VALUES, max_size=3))
def test_the_schema_takes_exactly_what_the_decoder_takes(values: dict[str, object]) -> None:
    valid = jsonschema.Draft202012Validator(json_schema()).is_valid(values)
    try:
        apply(Config(), values, folder=HERE)
    except OptionError:
        assert not valid
    else:
        assert valid


def test_the_schema_takes_the_defaults() -> None:
    properties = json_schema()["properties"]
    assert isinstance(properties, dict)
    defaults = {key: part["default"] for key, part in properties.items() if "default" in part}
    jsonschema.Draft202012Validator(json_schema()).validate(defaults)
    assert apply(Config(root=HERE), defaults, folder=HERE) == Config(root=HERE)


def test_what_is_shown_can_be_read_again() -> None:
    given = {
        "profile": "odyssey",
        "sinks": {"app.run": 0, "app.say": 1},
        "severity": {"listen": "off"},
        "routes": {'"odd"\x7f\n': "direct"},
        "output": {"sarif": "out/x.sarif"},
        "server-version": 16,
    }
    config = apply(Config(root=HERE), given, folder=HERE)
    assert apply(Config(root=HERE), tomllib.loads(show(config)), folder=HERE) == config
    assert "# baseline is not set" in show(config)
    assert show(config).startswith("# no configuration file")


def test_values_arrive_with_their_types() -> None:
    config = apply(
        Config(),
        {
            "fail-on": "error",
            "severity": {"listen": "off"},
            "output": {"json": "o.json"},
            "rule-paths": ["rules", "/abs"],
            "settings": {"max_prepared_statements": 100, "server_reset_query_always": True, "x": "y"},
            "per-file-ignores": {"tests/**": ["*"]},
        },
        folder=HERE,
    )
    assert config.fail_on is Severity.ERROR
    assert config.severity == {"listen": SeverityOverride.OFF}
    assert config.output == {Format.JSON: HERE / "o.json"}
    assert config.rule_paths == (HERE / "rules", Path("/abs"))
    assert config.settings == {"max_prepared_statements": "100", "server_reset_query_always": "on", "x": "y"}
    assert config.per_file_ignores == {"tests/**": ("*",)}
    assert pickle.loads(pickle.dumps(config)) == config


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"selct": []}, "unknown key 'selct'; did you mean 'select'?"),
        ({"select": "listen"}, "select: expected a list, not 'listen'"),
        ({"jobs": -1}, "jobs: expected a whole number from 0, not -1"),
        ({"jobs": True}, "jobs: expected a whole number from 0, not True"),
        ({"cache": "no"}, "cache: expected true or false, not 'no'"),
        ({"profile": ""}, "profile: expected a text, not ''"),
        ({"baseline": 1}, "baseline: expected a path, not 1"),
        ({"fail-on": "eror"}, "fail-on: 'eror' is not one of note, warning, error; did you mean 'error'?"),
        ({"fail-on": 1}, "fail-on: expected one of note, warning, error, not 1"),
        ({"routes": []}, "routes: expected a table, not []"),
        ({"settings": {"a": [1]}}, "settings: 'a': expected a text or a number, not [1]"),
        ({"sinks": {"a": []}}, "sinks: 'a': expected a whole number from 0, not []"),
        ({"output": {"jsn": "x"}}, "output: 'jsn' is not one of"),
        ({"select": ["x" * 99, 5]}, "select: expected a text, not 5"),
        ({"select": [["x" * 99]]}, "..."),
    ],
)
def test_a_wrong_value_is_an_error_that_says_what_was_expected(values: dict[str, object], message: str) -> None:
    with pytest.raises(OptionError) as raised:
        apply(Config(), values, folder=HERE)
    assert message in str(raised.value)


def test_help_is_read_from_the_table() -> None:
    assert "gitignore" in option_help("respect_gitignore")


def test_the_nearest_file_with_a_table_counts(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text('[tool.txsafe]\nprofile = "odyssey"\n')
    inner = tmp_path / "a" / "b"
    inner.mkdir(parents=True)
    (tmp_path / "a" / "pyproject.toml").write_text("[tool.other]\n")
    config = load_config(inner / "x.py")
    assert (config.profile, config.root, config.file) == ("odyssey", tmp_path, tmp_path / "pyproject.toml")


def test_the_file_of_its_own_goes_before_the_shared_one(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text('[tool.txsafe]\nprofile = "odyssey"\n')
    (tmp_path / "txsafe.toml").write_text('profile = "direct"\nrule-paths = ["more"]\n')
    config = load_config(tmp_path)
    assert (config.profile, config.rule_paths) == ("direct", (tmp_path / "more",))


def test_no_file_outside_of_the_repository_counts(tmp_path: Path) -> None:
    (tmp_path / "txsafe.toml").write_text('profile = "direct"\n')
    (tmp_path / "repo" / ".git").mkdir(parents=True)
    assert load_config(tmp_path / "repo").file is None


def test_a_table_is_found_among_other_tools_of_that_name(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text('[tool.other]\nx = "txsafe"\n')
    (tmp_path / ".git").mkdir()
    assert load_config(tmp_path).file is None


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("txsafe.toml", "\n\nselct = []\n", "txsafe.toml:3: unknown key 'selct'"),
        ("txsafe.toml", "# x\n[sinks]\na = []\n", "txsafe.toml:2: sinks: 'a'"),
        ("pyproject.toml", "[tool.txsafe]\n\n'jobs' = -1\n", "pyproject.toml:3: jobs"),
        ("pyproject.toml", "[tool]\ntxsafe.jobs = -1\n", "pyproject.toml:2: jobs"),
        ("pyproject.toml", "[tool]\ntxsafe = { jobs = -1 }\n", "pyproject.toml:1: jobs"),
        ("pyproject.toml", "[tool.txsafe.settings]\na = []\n", "pyproject.toml:1: settings: 'a'"),
        ("pyproject.toml", "\n[tool]\ntxsafe = 3\n", "tool.txsafe is not a table"),
        ("txsafe.toml", "a = 1\nb = \n", "txsafe.toml:2: Invalid value"),
        ("txsafe.toml", 'a = "', "txsafe.toml:1: Unterminated string"),
        ("txsafe.toml", "a = " + "[" * 5000, "nested too deeply"),
    ],
)
def test_an_error_in_a_file_names_its_line(tmp_path: Path, name: str, text: str, message: str) -> None:
    (tmp_path / name).write_text(text)
    with pytest.raises(ConfigError) as raised:
        load_config(tmp_path)
    assert message in str(raised.value)


def test_a_file_that_is_no_utf_8_is_an_error_with_its_line(tmp_path: Path) -> None:
    (tmp_path / "txsafe.toml").write_bytes(b"# fine\n# \xff\n")
    with pytest.raises(ConfigError, match=r"txsafe.toml:2: is not valid UTF-8"):
        load_config(tmp_path)


def test_a_named_file_must_be_there_and_have_the_table(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be read"):
        read_config(tmp_path / "absent.toml")
    (tmp_path / "pyproject.toml").write_text("")
    with pytest.raises(ConfigError, match=r"no table \[tool.txsafe\]"):
        read_config(tmp_path / "pyproject.toml")
    (tmp_path / "own.toml").write_text("jobs = 3\n")
    assert read_config(tmp_path / "own.toml").jobs == 3
