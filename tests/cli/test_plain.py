"""What is read without click is what click reads; everything else, mistakes above all, is left to click."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import click
import pytest
from hypothesis import given
from hypothesis import strategies as st

from txsafe.cli.flags import FLAGS, Flag
from txsafe.cli.parameters import parameters
from txsafe.cli.plain import read_plain

ROOT = Path(__file__).parents[2]
WORDS = st.sampled_from(
    [
        "a.py",
        "check",
        "audit",
        "text",
        "json",
        "high",
        "7",
        "007",
        "-1",
        "x=y",
        "",
        "-",
        "--",
        "none",
        "a,b",
        "ä",
        "1_0",
    ]
)
SPELLED = [side for flag in FLAGS for name in flag.names for side in name.split("/") if side.startswith("-")]
ARGUMENTS = st.lists(
    st.one_of(
        WORDS,
        st.sampled_from(SPELLED),
        st.builds("{}={}".format, st.sampled_from(SPELLED), WORDS),
        st.sampled_from(["-qv", "-j4", "-h", "--help", "--no-such", "--prof"]),
    ),
    max_size=7,
)


def read_by_click(arguments: list[str]) -> tuple[tuple[str, ...], dict[str, object]] | None:
    """Return what click makes of the arguments of `check`, without what was not given; None for a mistake."""
    command = click.Command("check", params=parameters())
    try:
        found = command.make_context("check", list(arguments), resilient_parsing=False).params
    except (click.ClickException, click.exceptions.Exit):
        return None
    paths = found.pop("paths")
    return paths, {name: value for name, value in found.items() if value not in (None, ()) and value is not False}


@given(ARGUMENTS)
def test_whatever_is_read_is_what_click_reads(arguments: list[str]) -> None:
    read = read_plain(["check", *arguments])
    if read is not None:
        paths, flags = read
        given_by_click = read_by_click(arguments)
        assert given_by_click is not None
        switched_off = {name for name, value in flags.items() if value is False}
        assert (paths, {name: value for name, value in flags.items() if name not in switched_off}) == given_by_click


def example(flag: Flag) -> str:
    if isinstance(flag.values, tuple):
        return flag.values[-1]
    return "3" if flag.values is int else "value"


@pytest.mark.parametrize("flag", FLAGS, ids=lambda flag: flag.field)
def test_every_flag_is_read_in_every_spelling(flag: Flag) -> None:
    for name in (side for spelled in flag.names for side in spelled.split("/") if side.startswith("-")):
        if flag.values is bool:
            assert read_plain([name, "a.py"]) == (("a.py",), {flag.field: not name.startswith("--no-")})
            continue
        value = example(flag)
        found: object = int(value) if flag.values is int else value
        expected = ("a.py",), {flag.field: (found,) if flag.multiple else found}
        assert read_plain([name, value, "a.py"]) == expected
        assert (read_plain([f"{name}={value}", "a.py"]) == expected) is name.startswith("--")


def test_a_flag_given_twice_counts_as_click_counts_it() -> None:
    arguments = ["--select", "a", "--profile", "x", "--select=b", "--profile", "y", "--cache", "--no-cache"]
    assert read_plain(arguments) == ((), {"select": ("a", "b"), "profile": "y", "cache": False})


@pytest.mark.parametrize(
    "arguments",
    [
        [], ["audit"], ["fix", "a.py"], ["--help"], ["check", "-h"], ["--version"], ["-"], ["--", "a.py"], ["-qv"],
        ["-j4"], ["--jobs", "four"], ["--jobs"], ["--profile", "-x"], ["--format", "yaml"], ["--quiet=yes"],
        ["--prof", "x"],
    ],
)  # fmt: skip
def test_what_is_not_plain_is_left_to_click(arguments: list[str]) -> None:
    assert read_plain(arguments) is None


def run(*arguments: str, folder: Path, environment: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    own = {**os.environ, "PYTHONPATH": str(ROOT), **(environment or {})}
    command = [sys.executable, "-m", "txsafe", *arguments]
    return subprocess.run(command, cwd=folder, env=own, capture_output=True, text=True, check=False)


def test_mistakes_are_told_without_a_traceback(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text("x = 1\n")
    found = run("--profile", "pgbouncr", "a.py", folder=tmp_path)
    assert (found.returncode, found.stdout) == (2, "")
    assert "did you mean 'pgbouncer'?" in found.stderr
    assert "Traceback" not in found.stderr


def test_both_ways_say_the_same(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text("import psycopg\npsycopg.connect('').execute('LISTEN jobs')\n")
    plain = run("--quiet", "--no-cache", "a.py", folder=tmp_path)
    through_click = run("--quiet", "--no-cache", "--", "a.py", folder=tmp_path)
    assert plain.returncode == through_click.returncode == 1
    assert plain.stdout == through_click.stdout != ""


def test_a_shell_that_completes_is_answered_by_click(tmp_path: Path) -> None:
    asked = {"_TXSAFE_COMPLETE": "bash_complete", "COMP_WORDS": "txsafe check --prof", "COMP_CWORD": "2"}
    assert "--profile" in run("--quiet", folder=tmp_path, environment=asked).stdout
