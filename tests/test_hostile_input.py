"""What no input may do: crash a run, hang it, fill the memory, or keep other files from being analysed.

One run looks at a whole folder of hostile files under a limit of memory; what each of them comes to is asserted apart.
"""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner

from txsafe.analysis import MOST_DIAGNOSTICS, Analyzer
from txsafe.cli import main
from txsafe.config import Config
from txsafe.discovery import FileInput

if TYPE_CHECKING:
    from collections.abc import Callable

    from click.testing import Result

    from txsafe.model import FileReport

CONNECTED = 'import psycopg\nc = psycopg.connect("")\n'
LISTEN = 'c.execute("LISTEN jobs")\n'
ADDS = "q += 'LISTEN b{}'".format
PROBLEM = CONNECTED + LISTEN
MEMORY = 1 << 30
"""Address space of the run over all hostile files: 1 GB."""


def connected(text: str) -> bytes:
    """Return a program that has a connection named `c`."""
    return (CONNECTED + text).encode()


def executed(expression: str) -> bytes:
    return connected(f"q = {expression}\nc.execute(q)\n")


def calls(sql: str, times: int) -> str:
    return f"c.execute({sql!r})\n" * times


def branches(count: int, word: str, statement: Callable[[int], str]) -> str:
    """Return a ladder of `if … elif …`, or, by the other word, as many `if`s."""
    return "".join(
        f"    {'if' if word == 'if' or not number else word} x == {number}:\n        {statement(number)}\n"
        for number in range(count)
    )


def doubled(first: str, step: str, *, times: int = 60, last: str = "c.execute(q{0})") -> str:
    """Return names that are each made of the one before, twice."""
    lines = [f"q{number + 1} = " + step.format(f"q{number}") for number in range(times)]
    return "\n".join([f"q0 = {first}", *lines, last.format(times)]) + "\n"


# ---------------------------------------------------------------- files that cannot be analysed

UNREAD: dict[str, tuple[bytes, int | None, str]] = {
    # name: content, line (None: as the interpreter has it), message
    "undecodable.py": (b"# one\n# caf\xe9\n" + PROBLEM.encode(), 2, "not valid utf-8"),
    "cookie.py": (b"# -*- coding: klingon -*-\n" + PROBLEM.encode(), 1, "unknown encoding 'klingon'"),
    "syntax.py": (f"{CONNECTED}def f(:\n{LISTEN}".encode(), 3, "invalid Python: invalid syntax"),
    "python2.py": (b'import psycopg\nprint "LISTEN jobs"\n', 2, "this is Python 2"),
    "nul.py": (f"{CONNECTED}x = '\0'\n{LISTEN}".encode(), 3, "NUL character"),
    "nul.sql": (b"SELECT 1;\nLISTEN a\0;\n", 2, "NUL character"),
    "unterminated.py": (f'{CONNECTED}x = """\n{LISTEN}'.encode(), 3, "unterminated triple-quoted string"),
    "parentheses.py": (f"{PROBLEM}x = {'(' * 2000}1{')' * 2000}\n".encode(), 4, "nested too deeply"),
    "terms.py": (executed(" + ".join(["a"] * 10_000)), 0, "nested too deeply"),
    "calls.py": (f"{PROBLEM}x = {'f(' * 5000}{')' * 5000}\n".encode(), 4, "nested too deeply"),
    "chain.py": (f"{PROBLEM}x = c{'.a' * 5000}\n".encode(), 0, "nested too deeply"),
    "chained_calls.py": (f"{PROBLEM}x = c{'.filter(1)' * 5000}\n".encode(), 0, "nested too deeply"),
    "fields.py": (connected("x = " + 'f"{' * 5000 + "x" + '}"' * 5000), None, "nested"),
    "ladder.py": (connected(f"def f(x):\n{branches(5000, 'elif', 'q = {}'.format)}    c.execute(q)\n"), 0, "nested"),
    "conditions.py": (executed("a if x else " * 5000 + "b"), 0, "nested too deeply"),
    "signs.py": (f"{PROBLEM}x = {'not ' * 5000}1\n".encode(), 0, "nested too deeply"),
    "digits.py": (f"{PROBLEM}x = {'9' * 5000}\n".encode(), 4, "4300 digits"),
    "twenty_megabytes.py": (PROBLEM.encode() + b"# some text that is long\n" * 840_000, 0, "larger than max-file-size"),
    "twenty_megabytes.sql": (b"LISTEN a;\n" + b"SELECT 1;\n" * 2_100_000, 0, "larger than max-file-size"),
    "many_nodes.py": (PROBLEM.encode() + b"x = f(1, 2, a=3)\n" * 120_000, 0, "too large to be analysed"),
    "many_fields.py": (executed('f"' + "{x} " * 600_000 + '"'), 0, "too large to be analysed"),
}  # fmt: skip

# ---------------------------------------------------------------- files of which a part cannot be read

PARTLY: dict[str, tuple[bytes, list[str], int, str]] = {
    # name: content, rules, line of the error, message
    "quote.sql": (b"LISTEN a;\nSELECT 'abc\n;LISTEN b;\n", ["listen"], 2, "unterminated quoted string"),
    "comment.sql": (b"LISTEN a;\n\n/* abc\nLISTEN b;\n", ["listen"], 3, "unterminated /* comment"),
    "dollar.sql": (b"LISTEN a;\nDO $$ abc\nLISTEN b;\n", ["listen"], 2, "unterminated dollar-quoted string"),
    "name.sql": (b'LISTEN a;\nSELECT "abc\n;LISTEN b;\n', ["listen"], 2, "unterminated quoted identifier"),
    "problems.py": (
        connected(calls("LISTEN a", MOST_DIAGNOSTICS + 1)),
        ["listen"] * MOST_DIAGNOSTICS, MOST_DIAGNOSTICS + 3, "the rest is not reported",
    ),
    "problems.sql": (
        b"LISTEN a;\n" * (MOST_DIAGNOSTICS + 500),
        ["listen"] * MOST_DIAGNOSTICS, MOST_DIAGNOSTICS + 1, "the rest is not reported",
    ),
}  # fmt: skip

# ---------------------------------------------------------------- files that are read

READ: dict[str, tuple[bytes, list[str]]] = {
    # name: content, the rules that are found
    "plain.py": (PROBLEM.encode(), ["listen"]),
    "empty.py": (b"", []),
    "blank.sql": (b" \n\n", []),
    "mark.py": (b"\xef\xbb\xbf" + PROBLEM.encode(), ["listen"]),
    "mark.sql": ("\ufeffLISTEN caf\xe9;".encode("utf-16-le"), ["listen"]),
    "latin.py": (b"# -*- coding: latin-1 -*-\nx = '\xe9'; " + PROBLEM.encode(), ["listen"]),
    "latin.sql": (b"-- caf\xe9\nLISTEN jobs;\n", ["listen"]),
    "windows.py": (PROBLEM.replace("\n", "\r\n").encode(), ["listen"]),
    "mac.py": (PROBLEM.replace("\n", "\r").encode(), ["listen"]),
    "long_literal.py": (connected(LISTEN) + b'x = "' + b"x" * 5_000_000 + b'"\nc.execute(x)\n', ["listen"]),
    "long_escapes.py": (PROBLEM.encode() + b'x = "' + b"\\x41\\n" * 800_000 + b'"\n', ["listen"]),
    "long_pieces.py": (PROBLEM.encode() + b"x = (" + b' "b"' * 100_000 + b")\n", ["listen"]),
    "long_line.py": (connected(f"x = '{'é' * 200_000}'; {'; '.join([LISTEN.strip()] * 200)}\n"), ["listen"] * 200),
    "long_quote.sql": (f"LISTEN a;\nSELECT '{'x' * 5_000_000}';\n".encode(), ["listen"]),
    "long_space.sql": (f"LISTEN{' ' * 3_000_000}a;\n".encode(), ["listen"]),
    "parentheses.sql": (
        f"SELECT {'(' * 2000}pg_advisory_lock(1){')' * 2000};\nLISTEN a;\n".encode(),
        ["session-advisory-lock", "listen"],
    ),
    "parentheses_in_python.py": (
        executed(f"'SELECT {'(' * 2000}pg_advisory_lock(1){')' * 2000}'"), ["session-advisory-lock"],
    ),
    "comments.sql": (f"{'/*' * 50_000}x{'*/' * 50_000}LISTEN a;\n".encode(), ["listen"]),
    "begins.sql": (f"DO $$ {'begin ' * 5000}perform 1;{' end;' * 5000} $$;\nLISTEN a;\n".encode(), ["listen"]),
    "explains.sql": (f"{'EXPLAIN ' * 20_000}SELECT 1;\nLISTEN a;\n".encode(), ["listen"]),
    "jinja.sql": (f"{'{% if x %}' * 5000}LISTEN a;{'{% endif %}' * 5000}".encode(), ["listen"]),
    "locks.sql": (b"SELECT pg_advisory_lock(1); SELECT pg_advisory_unlock(1);" * 500, ["session-advisory-lock"] * 1000),
    "numbers.py": (
        connected(f'x = 0x{"f" * 100_000}\nc.execute("LISTEN a%s" % x)\nc.execute(f"LISTEN a{{x}}")\n'),
        ["listen"] * 2,
    ),
    "powers.py": (executed('"LISTEN a%d" % (9**9**9**9)'), ["listen"]),
    "widths.py": (f'{CONNECTED}c.execute("LISTEN a".ljust(10**10))\nx = "%1000000000d" % 1\n'.encode(), ["listen"]),
    "repeated.py": (f'{PROBLEM}c.execute("x;" * 10_000_000_000)\ny = ["%s"] * 10_000_000_000\n'.encode(), ["listen"]),
    "terms.py": (executed(" + ".join(['"LISTEN a; "'] * 500)), ["listen"] * 500),
    "alternatives.py": (
        connected(f"def f(x):\n    q = 'LISTEN a;'\n{branches(1000, 'if', ADDS)}    c.execute(q)\n"),
        ["listen"] * 1001,
    ),
    "conditions.py": (
        executed(" + ".join(["('LISTEN a;' if x else 'LISTEN b;')"] * 60)), ["listen"] * 120,
    ),
    "any_of.py": (executed(" or ".join(f"'LISTEN a{number}'" for number in range(1000))), ["listen"] * 1000),
    "loops.py": (
        f"{CONNECTED}xs = {[[f'LISTEN a{i}{j}' for j in range(30)] for i in range(30)]}\n"
        "for ys in xs:\n    for y in ys:\n        c.execute(y)\n".encode(), ["listen"] * 900,
    ),
    "products.py": (
        f"{CONNECTED}xs = {[f'a{number}' for number in range(200)]}\nfor x in xs:\n  for y in xs:\n    for z in xs:\n"
        '      c.execute(f"SET x.y = {x}{y}{z}")\n'.encode(), ["session-set"],
    ),
    "sums.py": ((CONNECTED + doubled('"LISTEN a;"', "{0} + {0}")).encode(), ["listen"]),
    "fields.py": ((CONNECTED + doubled('"LISTEN a;"', 'f"{{{0}}} {{{0}}}"')).encode(), ["listen"]),
    "formats.py": ((CONNECTED + doubled('"LISTEN a; {{0}}{{0}}"', "{0}.format({0})")).encode(), []),
    "replacements.py": ((CONNECTED + doubled('"LISTEN a;"', '{0}.replace("L", {0})')).encode(), ["listen"]),
    "joins.py": ((CONNECTED + doubled('"LISTEN a;"', '" ".join([{0}, {0}])')).encode(), ["listen"]),
    "lists.py": (
        (CONNECTED + doubled('["LISTEN a;"]', "[*{0}, *{0}]", last="for q in q{0}: c.execute(q)")).encode(), ["listen"],
    ),
    "names.py": ((CONNECTED + doubled('"LISTEN a;"', "{0}", times=3000)).encode(), ["listen"]),
    "circle.py": (f"{PROBLEM}a = b\nb = a\nc.execute(a)\ndef f(q): f(q + q)\nf(a)\n".encode(), ["listen"]),
    "wrappers.py": (
        f"{CONNECTED}def w0(q): c.execute(q)\n".encode()
        + "".join(f"def w{n + 1}(q):\n  w{n}(q + 'a')\n  w{n}(q + 'b')\n" for n in range(40)).encode()
        + b'w40("LISTEN x")\n', ["listen"],
    ),
    "commits.py": (
        connected("def f():\n" + "    c.execute('SET ROLE a')\n    c.commit()\n" * 1000), ["session-role"] * 1000,
    ),
    "ignored.py": (connected("c.execute('LISTEN a')  # txsafe: ignore[listen]\n" * 1500), ["listen"] * 1500),
    "ignoring.py": (f"{PROBLEM}# {'txsafe: ignore[' * 20_000}\n".encode(), ["listen", "unused-suppression"]),
    "imports.py": (f"{PROBLEM}# {'import x ' * 100_000}\n".encode(), ["listen"]),
}  # fmt: skip

CONTENT = {
    **{f"unread/{name}": content for name, (content, *_) in UNREAD.items()},
    **{f"partly/{name}": content for name, (content, *_) in PARTLY.items()},
    **{f"read/{name}": content for name, (content, *_) in READ.items()},
}


@pytest.fixture(scope="module")
def analyzer() -> Analyzer:
    return Analyzer.of(Config(profile="pgbouncer/transaction"))


def analyze(analyzer: Analyzer, name: str, content: bytes) -> FileReport:
    """Analyse one file, within seconds."""
    started = time.process_time()
    report = analyzer.analyze(FileInput(Path(name), name, content))
    assert time.process_time() - started < 10
    return report


def rules(report: FileReport) -> list[str]:
    return [diagnostic.rule for diagnostic in report.diagnostics]


@pytest.mark.parametrize("name", sorted(UNREAD.keys() - {"twenty_megabytes.py", "twenty_megabytes.sql"}))
def test_a_file_that_cannot_be_analysed_is_a_diagnostic_with_its_line(name: str, analyzer: Analyzer) -> None:
    content, line, message = UNREAD[name]
    report = analyze(analyzer, name, content)
    assert rules(report) == ["syntax-error"]
    assert message in report.diagnostics[0].message
    told = report.errors[0].line if line is None else line
    assert report.diagnostics[0].start.line == max(told, 1)
    assert [(error.line, error.message) for error in report.errors] == [(told, report.diagnostics[0].message)]


@pytest.mark.parametrize("name", sorted(PARTLY))
def test_what_could_be_read_is_reported_beside_what_could_not(name: str, analyzer: Analyzer) -> None:
    content, expected, line, message = PARTLY[name]
    report = analyze(analyzer, name, content)
    assert rules(report) == expected
    assert [error.line for error in report.errors] == [line]
    assert message in report.errors[0].message


@pytest.mark.parametrize("name", sorted(READ))
def test_hostile_files_are_read_all_the_same(name: str, analyzer: Analyzer) -> None:
    content, expected = READ[name]
    report = analyze(analyzer, name, content)
    assert rules(report)[: len(expected)] == expected
    assert set(rules(report)) == set(expected)
    assert report.errors == ()


def test_one_run_over_all_of_them_ends_with_1_in_little_memory(tmp_path: Path) -> None:
    for name, content in CONTENT.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(content)
    (tmp_path / "folder.py").mkdir()
    (tmp_path / "folder.py/inside.py").write_text(PROBLEM)
    (tmp_path / "loop").symlink_to(tmp_path)
    (tmp_path / "itself.py").symlink_to(tmp_path / "itself.py")
    os.mkfifo(tmp_path / "pipe.py")
    done = subprocess.run(
        [sys.executable, "-m", "txsafe", "check", "--isolated", "--format", "json", "--jobs", "1", "."],
        cwd=tmp_path, capture_output=True, check=False, timeout=150,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY)),
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (1, b"")
    report = json.loads(done.stdout)
    whole = {f"read/{name}" for name in READ} | {"folder.py/inside.py"}
    failed = {error["path"] for error in report["errors"]}
    assert failed == (CONTENT.keys() - whole) | {"pipe.py", "itself.py"}
    assert {each["path"] for each in report["diagnostics"] if each["rule"] == "internal-error"} == set()
    assert {each["path"] for each in report["diagnostics"] if each["rule"] == "listen"} >= {
        "folder.py/inside.py", "read/plain.py", "partly/quote.sql",
    }  # fmt: skip


# ---------------------------------------------------------------- paths


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("GITHUB_ACTIONS", raising=False)
    (tmp_path / "a.py").write_text(PROBLEM)
    return tmp_path


def check(*arguments: str) -> Result:
    return CliRunner().invoke(main, ["check", "--format", "json", *arguments])


def found(result: Result) -> list[str]:
    return [each["path"] for each in json.loads(result.stdout)["diagnostics"]]


def failed(result: Result) -> list[tuple[str, str]]:
    return [(each["path"], each["message"]) for each in json.loads(result.stdout)["errors"]]


def test_a_missing_path_is_named_and_the_rest_analysed(here: Path) -> None:
    result = check("gone/b.py", "a.py", "x" * 5000, "no\0path")
    assert result.exit_code == 2
    assert "gone/b.py: no such file or folder" in result.stderr
    assert found(result) == ["a.py"]
    assert len(failed(result)) == 3


def test_a_file_that_cannot_be_read_is_named_and_the_rest_analysed(here: Path) -> None:
    # Permissions do not stop root; a link to a process's memory, which no one can read from its start, stops everybody.
    unreadable = Path("/proc/self/mem")
    (here / "b.py").symlink_to(unreadable if unreadable.exists() else here / "nowhere")
    result = check("a.py", "b.py")
    assert result.exit_code == 1
    assert found(result) == ["a.py"]
    assert [path for path, _ in failed(result)] == ["b.py"]


def test_a_name_that_no_encoding_knows_is_shown_escaped(here: Path) -> None:
    Path(os.fsdecode(b"caf\xe9.py")).write_text(PROBLEM)
    Path("new\nline.py").write_text(PROBLEM)
    assert found(check()) == ["a.py", "caf\\xe9.py", "new\\nline.py"]


# ---------------------------------------------------------------- what users write


@pytest.mark.parametrize(
    ("files", "arguments", "message"),
    [
        ({"r.yaml": "id: [\n"}, ["--rule-path", "r.yaml"], "r.yaml:2: "),
        ({"r.yaml": "id: a\nid: b\n"}, ["--rule-path", "r.yaml"], "r.yaml:2: duplicate key 'id'"),
        ({"r.yaml": "id: r\nvariants: {}\ntitel: b\n"}, ["--rule-path", "r.yaml"], "r.yaml:3: unknown key 'titel'"),
        ({"r.yaml": "a: &a [*a]\n"}, ["--rule-path", "r.yaml"], "r.yaml:1: "),
        ({"r.yaml": "[" * 5000}, ["--rule-path", "r.yaml"], "r.yaml:1: "),
        ({"r.yaml": "a: \0\n"}, ["--rule-path", "r.yaml"], "r.yaml:"),
        ({"r.yaml": ""}, ["--rule-path", "r.yaml"], "r.yaml:"),
        ({}, ["--rule-path", "gone.yaml"], "gone.yaml"),
        ({"txsafe.toml": "profil = 'x'\n"}, [], "txsafe.toml:1: unknown key 'profil'; did you mean 'profile'?"),
        ({"txsafe.toml": "profile = \n"}, [], "txsafe.toml:1: "),
        ({"txsafe.toml": f"x = {'[' * 5000}\n"}, [], "txsafe.toml"),
        ({"pyproject.toml": "[tool.txsafe]\n\njobs = 'many'\n"}, [], "pyproject.toml:3: jobs: "),
        ({"txsafe.toml": "\n[routes]\n'DIRECT_*' = 'dirct'\n"}, [], "routes: 'DIRECT_*': unknown pooler 'dirct'; did"),
        ({}, ["--profile", "pgbuncer"], "unknown pooler 'pgbuncer'; did you mean 'pgbouncer'?"),
        ({}, ["--profile", "pgbouncer-0.1"], "0.1"),
        ({}, ["--profile", "pgbouncer-"], "pgbouncer-"),
        ({}, ["--profile", "pgbouncer/sesion"], "did you mean 'session'?"),
        ({}, ["--profile", "rds-proxy-1.0"], "RDS Proxy has no versions"),
        ({}, ["--profile", "pgbouncer-1.18", "--set", "max_prepared_statements=5"], "1.21"),
        ({}, ["--profile", "pgbouncer", "--set", "max_prepared_statements=many"], "max_prepared_statements"),
        ({}, ["--profile", "pgbouncer", "--set", "max_prepared=5"], "did you mean 'max_prepared_statements'?"),
        ({}, ["--profile", "direct", "--set", "pool_mode=session"], "pool_mode"),
        ({}, ["--server-version", "3"], "server-version"),
        ({}, ["--baseline", "a.py"], "a.py: "),
    ],
)  # fmt: skip
def test_a_users_mistake_names_its_place_and_ends_with_2(
    here: Path, files: dict[str, str], arguments: list[str], message: str
) -> None:
    for name, text in files.items():
        Path(name).write_text(text)
    result = check(*arguments)
    assert (result.exit_code, result.stdout) == (2, "")
    assert message in result.stderr
    assert "Traceback" not in result.stderr
    assert "internal error" not in result.stderr
    assert len(result.stderr) < 2000
