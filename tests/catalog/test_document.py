"""YAML text → nodes: every fault is told with its place."""

from __future__ import annotations

import enum
from typing import TYPE_CHECKING

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from txsafe.catalog.document import (
    MAX_BYTES,
    MAX_DEPTH,
    ListNode,
    MappingNode,
    Node,
    Reader,
    TextNode,
    parse_document,
    read_document,
    read_word,
)
from txsafe.errors import CatalogError

if TYPE_CHECKING:
    from pathlib import Path


class Color(enum.StrEnum):
    RED = "red"
    GREEN = "green"


def fault(text: str | bytes) -> str:
    with pytest.raises(CatalogError) as caught:
        parse_document(text, "x.yaml")
    return str(caught.value)


def reader(text: str) -> Reader:
    return Reader(parse_document(text, "x.yaml"))


def plain(node: Node) -> object:
    match node:
        case TextNode(text=text):
            return text
        case ListNode(items=items):
            return [plain(item) for item in items]
        case MappingNode(entries=entries):
            return {name: plain(value) for name, value in entries.items()}
    raise AssertionError(node)


@pytest.mark.parametrize("text", ["off", "no", "12:30:45", "0x1f", "1.10", "null", "~", "2026-01-01", "=", "<<"])
def test_every_scalar_stays_the_string_that_is_written(text: str) -> None:
    assert plain(parse_document(f"key: {text}", "x.yaml")) == {"key": text}


values = st.recursive(
    st.text(st.characters(codec="utf-8", exclude_categories=["Cs", "Cc", "Co", "Cn"]), max_size=8),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text("abc-", min_size=1, max_size=4), inner, max_size=4)
    ),
    max_leaves=12,
)


@given(values)
def test_what_yaml_writes_is_read_back_as_strings_lists_and_mappings(value: object) -> None:
    text = yaml.safe_dump(value, allow_unicode=True, default_style='"')
    assert plain(parse_document(text, "x.yaml")) == value


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "x.yaml:0: the file is empty"),
        ("# nothing", "x.yaml:0: the file is empty"),
        ("a: 1\nb:\n  c: 1\n  c: 2", "x.yaml:4: duplicate key 'c', first on line 3"),
        ("a: &x 1\nb: 2", "x.yaml:1: anchors and aliases are not supported"),
        ("a: 1\nb: *x", "x.yaml:2: anchors and aliases are not supported"),
        ("a: &x [*x]", "x.yaml:1: anchors and aliases are not supported"),
        ("a: 1\n---\nb: 2", "x.yaml:2: a second document; one file holds one"),
        ("? [1]\n: 2", "x.yaml:1: a key must be a string, not a list"),
        ("a: {? {b: 1} : 2}", "x.yaml:1: a key must be a string, not a mapping"),
        ("a:\n  - [1", "x.yaml:3: not YAML: did not find expected ',' or ']'"),
        ("a: 'x", "x.yaml:1: not YAML: found unexpected end of stream"),
        ("a: 1\n b: 2", "x.yaml:2: not YAML: mapping values are not allowed in this context"),
    ],
)
def test_a_malformed_document_is_told_with_its_line(text: str, message: str) -> None:
    assert fault(text) == message


def test_control_characters_and_wrong_encodings_are_refused() -> None:
    assert fault("a: \x00").startswith("x.yaml:0: not YAML: ")
    assert fault(b"a: \xff\xfe\xfa").startswith("x.yaml:0: not YAML: ")


def test_two_hundred_thousand_brackets_are_refused_instead_of_overflowing_a_stack() -> None:
    assert fault("[" * 200_000) == f"x.yaml:1: nested deeper than {MAX_DEPTH}"


def test_a_billion_laughs_are_refused_at_the_first_anchor() -> None:
    bomb = "a: &a [x,x]\n" + "".join(f"{b}: &{b} [*{a},*{a}]\n" for a, b in zip("abcdefgh", "bcdefghi", strict=True))
    assert fault(bomb) == "x.yaml:1: anchors and aliases are not supported"


def test_a_file_is_read_and_called_as_told(tmp_path: Path) -> None:
    file = tmp_path / "x.yaml"
    file.write_text("a: ü", encoding="utf-8")
    node = read_document(file, "rules/x.yaml")
    assert plain(node) == {"a": "ü"}
    assert node.path == "rules/x.yaml"


def test_a_missing_and_a_huge_file_are_told(tmp_path: Path) -> None:
    with pytest.raises(CatalogError, match=r"^gone\.yaml:0: cannot be read: No such file or directory$"):
        read_document(tmp_path / "gone.yaml", "gone.yaml")
    (tmp_path / "huge.yaml").write_bytes(b"#" * (MAX_BYTES + 1))
    with pytest.raises(CatalogError, match=r"^huge\.yaml:0: larger than 1,000,000 bytes$"):
        read_document(tmp_path / "huge.yaml", "huge.yaml")


def test_the_pure_python_parser_reads_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    text = "a: [1, {b: c}]\nd: |\n  e\n"
    expected = parse_document(text, "x.yaml")
    monkeypatch.delattr(yaml, "CBaseLoader")
    assert parse_document(text, "x.yaml") == expected


# ---------------------------------------------------------------- the reader


def test_a_reader_gives_texts_lists_words_flags_and_mappings() -> None:
    found = reader("t: x\none: a\nmany: [a, b]\nw: red\nf: 'yes'\nm: {k: v}\nl: {k: [v, w], s: t}")
    assert found.text("t") == "x"
    assert found.texts("one") == ("a",)
    assert found.texts("many") == ("a", "b")
    assert found.word("w", Color) is Color.RED
    assert found.words("w", Color) == (Color.RED,)
    assert found.flag("f") is True
    assert found.text_map("m") == {"k": "v"}
    assert found.list_map("l") == {"k": ("v", "w"), "s": ("t",)}
    assert found.reader("m").text("k") == "v"
    assert [inner.keys for inner in found.readers("m")] == [("k",)]
    assert "t" in found
    assert found.line == 1
    found.finish()


def test_what_is_optional_may_be_missing() -> None:
    found = reader("{}")
    assert found.optional_text("a", "default") == "default"
    assert found.optional_word("b", Color) is None
    assert found.optional_flag("c") is None
    assert found.flag("d") is False
    assert found.texts("e") == ()
    assert found.entries("f") == ()
    assert found.optional_reader("g") is None


def test_an_unknown_key_is_refused_with_its_line_and_the_nearest_known_one() -> None:
    found = reader("title: x\nrequries: y")
    found.text("title")
    found.texts("requires")
    with pytest.raises(CatalogError, match=r"^x\.yaml:2: unknown key 'requries'; did you mean 'requires'\?$"):
        found.finish()


def test_a_missing_key_is_told_unless_it_is_misspelt() -> None:
    with pytest.raises(CatalogError, match=r"^x\.yaml:2: unknown key 'titel'; did you mean 'title'\?$"):
        reader("id: y\ntitel: x").text("title")
    with pytest.raises(CatalogError, match=r"^x\.yaml:1: 'title' is missing$"):
        reader("{}").text("title")


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda found: found.text("list"), "x.yaml:2: 'list' must be a string, not a list"),
        (lambda found: found.reader("text"), "x.yaml:1: 'text' must be a mapping, not a string"),
        (lambda found: found.readers("list"), "x.yaml:2: an item of 'list' must be a mapping, not a string"),
        (lambda found: found.entries("list"), "x.yaml:2: 'list' must be a mapping, not a list"),
        (lambda found: found.texts("map"), "x.yaml:3: an item of 'map' must be a string, not a mapping"),
        (lambda found: found.flag("text"), "x.yaml:1: 'text' must be yes or no, not 'gren'"),
        (lambda found: found.word("text", Color), "x.yaml:1: 'gren' is none of red, green; did you mean 'green'?"),
    ],
)
def test_a_value_of_the_wrong_kind_is_told_with_its_place(call: object, message: str) -> None:
    assert callable(call)
    with pytest.raises(CatalogError) as caught:
        call(reader("text: gren\nlist: [a]\nmap: {k: v}"))
    assert str(caught.value) == message


def test_errors_stand_at_the_key_they_are_about() -> None:
    found = reader("a: 1\nb: 2")
    assert str(found.error("wrong", "b")) == "x.yaml:2: wrong"
    assert str(found.error("wrong")) == "x.yaml:1: wrong"
    assert found.path == "x.yaml"


def test_a_word_is_read_from_a_node() -> None:
    assert read_word(TextNode("x.yaml", 1, "green"), Color) is Color.GREEN
