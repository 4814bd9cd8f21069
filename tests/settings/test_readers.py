"""Settings files in, keys and values with their places out."""

from __future__ import annotations

import time
import tomllib
from textwrap import dedent

import pytest
from hypothesis import given
from hypothesis import strategies as st

from txsafe.model import SourceFile
from txsafe.settings import Setting, read_settings
from txsafe.settings.entries import MOST_SETTINGS
from txsafe.source import line_starts


def read(name: str, text: str) -> tuple[Setting, ...]:
    return read_settings(SourceFile(path=name, text=text, encoding="utf-8", bom=False, line_starts=line_starts(text)))


def pairs(name: str, text: str) -> list[tuple[str, str]]:
    return [(setting.name, setting.value) for setting in read(name, dedent(text))]


def assert_places(name: str, text: str) -> None:
    for setting in read(name, text):
        written = text[setting.span.start : setting.span.end]
        assert (written == setting.value) is setting.exact, (setting, written)


@pytest.mark.parametrize(
    "name",
    [
        ".env",
        ".env.production",
        "deploy/prod.env",
        ".envrc",
        "alembic.ini",
        "application.properties",
        "a.toml",
        "b.YML",
    ],
)
def test_a_file_is_told_by_its_name(name: str) -> None:
    assert read(name, "a = 1\na: 1\n")


@pytest.mark.parametrize("name", ["app.py", "environment", "README.md", "uv.lock", "package.json", "x.env.py"])
def test_what_is_no_settings_file_has_no_settings(name: str) -> None:
    assert read(name, "a=1\n") == ()


# ---------------------------------------------------------------- .env

ENV = """\
# a comment
PLAIN=postgres://h/d?options=-c%20jit%3Doff   # why
export QUOTED="a \\"b\\" c"
SINGLE='it # stays'
EMPTY=
spaced = value with words
"""


def test_variables_of_an_env_file() -> None:
    assert pairs(".env", ENV) == [
        ("PLAIN", "postgres://h/d?options=-c%20jit%3Doff"),
        ("QUOTED", 'a "b" c'),
        ("SINGLE", "it # stays"),
        ("EMPTY", ""),
        ("spaced", "value with words"),
    ]
    assert_places(".env", ENV)


# ---------------------------------------------------------------- .properties

PROPERTIES = """\
! a comment
spring.datasource.url=jdbc:postgresql://h/d?prepareThreshold=0
spring.datasource.hikari.connection-init-sql : SET \\
    search_path TO a
a\\:b value
"""


def test_entries_of_a_properties_file() -> None:
    assert pairs("application.properties", PROPERTIES) == [
        ("spring.datasource.url", "jdbc:postgresql://h/d?prepareThreshold=0"),
        ("spring.datasource.hikari.connection-init-sql", "SET search_path TO a"),
        ("a:b", "value"),
    ]
    assert_places("application.properties", PROPERTIES)


# ---------------------------------------------------------------- .ini

INI = """\
[alembic]
; a comment
sqlalchemy.url = postgresql://h/d?options=-c%%20jit%%3Doff
script_location: migrations
list =
    one
    two

[logging]
level=INFO
"""


def test_entries_of_an_ini_file_stand_below_their_section() -> None:
    assert pairs("alembic.ini", INI) == [
        ("alembic.sqlalchemy.url", "postgresql://h/d?options=-c%20jit%3Doff"),
        ("alembic.script_location", "migrations"),
        ("alembic.list", "\none\ntwo"),
        ("logging.level", "INFO"),
    ]
    assert_places("alembic.ini", INI)


# ---------------------------------------------------------------- TOML

TOML = """\
top = "one" # why
[database]
url = 'postgres://h/d'
pool = {size = 10, "max overflow" = 5.5, names = ["a", "b"]}
when = 1979-05-27T07:32:00Z
text = \"\"\"
two
lines\"\"\"
escaped = "tab\\there \\u00e9"
list = [
  "x", # why
  {deep = true},
]
[[servers]]
"quoted.name".host = "h"
"""


def test_values_of_a_toml_file() -> None:
    assert pairs("a.toml", TOML) == [
        ("top", "one"),
        ("database.url", "postgres://h/d"),
        ("database.pool.size", "10"),
        ("database.pool.max overflow", "5.5"),
        ("database.pool.names", "a"),
        ("database.pool.names", "b"),
        ("database.when", "1979-05-27T07:32:00Z"),
        ("database.text", "two\nlines"),
        ("database.escaped", "tab\there é"),
        ("database.list", "x"),
        ("database.list.deep", "true"),
        ("servers.quoted.name.host", "h"),
    ]
    assert_places("a.toml", TOML)


KEYS = st.sampled_from(["a", "b-c", "d_1", "E"])
TEXTS = st.text(alphabet=st.characters(codec="utf-8", exclude_categories=["Cs"]), max_size=12)
SCALARS = st.one_of(TEXTS, st.integers(-5, 5), st.booleans())


def spell(value: object) -> str:
    match value:
        case bool():
            return str(value).lower()
        case str():
            escaped = "".join(c if c.isprintable() and c not in '"\\' else f"\\U{ord(c):08x}" for c in value)
            return f'"{escaped}"'
        case list():
            return "[ " + ", ".join(map(spell, value)) + " ]"
        case dict():
            return "{ " + ", ".join(f"{key} = {spell(item)}" for key, item in value.items()) + " }"
        case _:
            return str(value)


def flat(value: object, path: tuple[str, ...] = ()) -> list[tuple[tuple[str, ...], str]]:
    match value:
        case dict():
            return [pair for key, item in value.items() for pair in flat(item, (*path, key))]
        case list():
            return [pair for item in value for pair in flat(item, path)]
        case bool():
            return [(path, str(value).lower())]
        case _:
            return [(path, str(value))]


@given(
    st.dictionaries(
        KEYS,
        st.recursive(SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=3)),
        max_size=4,
    )
)
def test_toml_is_read_as_tomllib_reads_it(document: dict[str, object]) -> None:
    text = "\n".join(f"{key} = {spell(value)}" for key, value in document.items())
    assert [(setting.key, setting.value) for setting in read("a.toml", text)] == flat(tomllib.loads(text))
    assert_places("a.toml", text)


# ---------------------------------------------------------------- YAML

YAML = """\
x-anchor: &anchor {a: 1}
services:
  dö: "naïve"
  web:
    environment:
      - DATABASE_URL=postgres://h/d
      - FLAG
    settings: *anchor
    command: |
      one
      two
    env:
      - name: PGOPTIONS
        value: "-c jit=off"
      - {value: x, name: Y}
---
second: 'it''s'
? [a, b]
: complex
last: 1
"""


def test_scalars_of_a_yaml_file() -> None:
    assert pairs("a.yaml", YAML) == [
        ("x-anchor.a", "1"),
        ("services.dö", "naïve"),
        ("services.web.environment.DATABASE_URL", "postgres://h/d"),
        ("services.web.environment", "FLAG"),
        ("services.web.command", "one\ntwo\n"),
        ("services.web.env.name", "PGOPTIONS"),
        ("services.web.env.value", "-c jit=off"),
        ("services.web.env.PGOPTIONS", "-c jit=off"),
        ("services.web.env.value", "x"),
        ("services.web.env.name", "Y"),
        ("services.web.env.Y", "x"),
        ("second", "it's"),
        ("", "a"),
        ("", "b"),
        ("", "complex"),
        ("last", "1"),
    ]
    assert_places("a.yaml", YAML)


def test_a_template_is_read_as_far_as_it_is_yaml() -> None:
    assert pairs("values.yaml", "url: postgres://h/d\n{{- if .Values.x }}\nmore: 1\n{{- end }}\n")[:1] == [
        ("url", "postgres://h/d")
    ]


# ---------------------------------------------------------------- hostile files

HOSTILE = {
    "nested yaml": ("a.yaml", "[" * 300_000),
    "nested mappings": ("a.yaml", "a: {" * 100_000),
    "laughs": ("a.yaml", "a: &a [x,x]\n" + "".join(f"k{i}: &k{i} [*a,*a]\n" for i in range(20_000))),
    "many scalars": ("a.yaml", "- x\n" * 200_000),
    "nested toml": ("a.toml", "a = " + "[" * 300_000),
    "inline tables": ("a.toml", "a = " + "{b = " * 100_000),
    "open string": ("a.toml", 'a = "' + "x" * 900_000),
    "open long string": ("a.toml", 'a = """' + '""x' * 300_000),
    "quotes": ("a.toml", "'" * 900_000),
    "brackets": ("a.toml", "[" * 900_000),
    "backslashes": ("a.properties", "a=" + "\\" * 900_000),
    "continued": ("a.properties", "a=\\\n" * 200_000),
    "spaces": ("a.ini", " " * 900_000 + "x"),
    "indented": ("a.ini", "a=\n" + " x\n" * 200_000),
    "no value": (".env", "export " * 120_000),
    "open quote": (".env", 'A="' * 300_000),
    "blank lines": (".env", "\n" * 900_000),
    "hashes": (".env", "A=" + " #" * 400_000),
}


@pytest.mark.parametrize("case", HOSTILE)
def test_no_file_takes_long_or_gives_more_than_anyone_reads(case: str) -> None:
    name, text = HOSTILE[case]
    start = time.process_time()
    assert len(read(name, text)) <= MOST_SETTINGS
    assert time.process_time() - start < 3


@given(st.sampled_from([".env", "a.ini", "a.properties", "a.toml", "a.yaml"]), st.text(max_size=60))
def test_any_text_can_be_read(name: str, text: str) -> None:
    assert_places(name, text)


def test_a_part_of_a_value_has_a_place_of_its_own() -> None:
    (setting,) = read(".env", "A=postgres://h/d")
    assert (setting.part(0, 8).start, setting.part(0, 8).end) == (2, 10)
    (escaped,) = read(".env", 'A="x\\"y"')
    assert escaped.part(0, 1) == escaped.span
