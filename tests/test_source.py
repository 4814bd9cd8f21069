"""Bytes → `SourceFile`: encodings, line starts, and files that are no text."""

from __future__ import annotations

import codecs
import os
import socket
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from txsafe.errors import SourceError
from txsafe.model import Position
from txsafe.source import FileKind, decode, encode, file_kind, is_python_script, line_starts, read_bytes, read_source

MARKS = {
    "utf-8": codecs.BOM_UTF8,
    "utf-16-le": codecs.BOM_UTF16_LE,
    "utf-16-be": codecs.BOM_UTF16_BE,
    "utf-32-le": codecs.BOM_UTF32_LE,
    "utf-32-be": codecs.BOM_UTF32_BE,
}
NO_NUL = st.characters(exclude_characters="\0", exclude_categories=["Cs"])


@given(st.text(NO_NUL), st.booleans())
def test_a_python_file_in_utf_8_gives_its_bytes_back(text: str, bom: bool) -> None:
    body = "#\n#\n" + text.removeprefix("\ufeff")
    data = (codecs.BOM_UTF8 if bom else b"") + body.encode()
    source = decode(data, "x.py")
    assert (source.text, source.bom, source.encoding) == (body, bom, "utf-8")
    assert encode(source, source.text) == data


@given(st.text(st.characters(exclude_characters="\0", max_codepoint=255)), st.sampled_from(["latin-1", "iso-8859-15"]))
def test_a_python_file_with_a_cookie_gives_its_bytes_back(text: str, cookie: str) -> None:
    data = f"#!/usr/bin/python\n# -*- coding: {cookie} -*-\n".encode() + text.encode("latin-1")
    source = decode(data, "x.py")
    assert encode(source, source.text) == data


@given(st.text(NO_NUL), st.sampled_from(sorted(MARKS)))
def test_a_sql_file_with_a_byte_order_mark_gives_its_bytes_back(text: str, encoding: str) -> None:
    data = MARKS[encoding] + text.encode(encoding)
    if encoding == "utf-16-le" and data.startswith(codecs.BOM_UTF32_LE):
        return  # a NUL character first: nobody can tell
    source = decode(data, "x.sql")
    assert (source.text, source.bom, source.encoding) == (text, True, encoding)
    assert encode(source, source.text) == data


@given(st.binary().filter(lambda data: b"\0" not in data))
def test_a_sql_file_without_a_mark_is_always_read_and_gives_its_bytes_back(data: bytes) -> None:
    if data.startswith(tuple(MARKS.values())):
        return
    source = decode(data, "x.sql")
    assert encode(source, source.text) == data


@given(st.text(st.sampled_from("a\r\n\x0b\x0c\x85\u2028")))
def test_offsets_and_positions_are_inverse(text: str) -> None:
    source = decode(text.encode(), "x.sql")
    for offset in range(len(text)):
        assert source.offset(source.position(offset)) == offset


def test_only_the_line_ends_of_python_end_a_line() -> None:
    assert line_starts("a\r\nb\rc\nd\x0b\x0c\u2028e") == (0, 3, 5, 7)
    assert line_starts("") == (0,)


@pytest.mark.parametrize(
    ("data", "line", "word"),
    [
        (b"x = 1\r\ny = '\xff'\n", 2, "0xff"),
        (b"# coding: latin-1\nx = 1\n\0\n", 3, "NUL"),
        (b"\xef\xbb\xbf# coding: latin-1\n", 1, "byte-order mark"),
        (b"# coding: no-such-thing\n", 1, "unknown encoding"),
        (b"#!/bin/x\n# coding: zlib\n", 2, "unknown encoding"),
        (b"# coding: punycode\n", 1, "not possible"),
        (b"# coding: utf-16\n", 1, "not possible"),
        (b"# coding: utf-7\nx = '+'\n+!\n", 0, "utf-7"),
    ],
)
def test_an_undecodable_python_file_is_an_error_with_its_line(data: bytes, line: int, word: str) -> None:
    with pytest.raises(SourceError, match=word) as raised:
        decode(data, "x.py")
    assert raised.value.line == line or not line


def test_a_cookie_counts_on_the_second_line_only_after_a_comment_or_a_blank_line() -> None:
    assert decode(b"\n# coding: latin-1\n'\xe9'", "x.py").text.endswith("'é'")
    assert decode(b"x = 1\n# coding: latin-1\n", "x.py").encoding == "utf-8"
    assert decode(b"\xef\xbb\xbf# coding: utf-8-sig\n", "x.py").encoding == "utf-8"


def test_an_old_dump_without_an_encoding_is_read_as_windows_1252_or_latin_1() -> None:
    assert decode(b"-- caf\xe9 \x80", "x.sql").text == "-- café €"
    assert decode(b"-- \x81\xe9", "x.sql").encoding == "iso8859-1"


def test_text_that_an_encoding_cannot_spell_is_refused() -> None:
    source = decode(b"# coding: latin-1\n", "x.py")
    with pytest.raises(SourceError, match="iso8859-1"):
        encode(source, "€")


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("a/b.py", FileKind.PYTHON),
        ("b.PYI", FileKind.PYTHON),
        ("x.sql", FileKind.SQL),
        ("x.sql.j2", FileKind.SQL),
        ("x.sql.jinja", FileKind.SQL),
        ("README.md", None),
        ("py", None),
    ],
)
def test_a_name_says_what_a_file_is(name: str, kind: FileKind | None) -> None:
    assert file_kind(name) is kind


def test_a_script_is_known_by_its_first_line() -> None:
    assert is_python_script(b"#!/usr/bin/env python3\n")
    assert not is_python_script(b"#!/bin/sh\npython\n")


def test_a_file_is_read_and_decoded_under_the_name_that_is_shown(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_bytes(b"x = 1\n")
    source = read_source(tmp_path / "a.py", display="shown.py", limit=6)
    assert (source.path, source.text, source.position(6)) == ("shown.py", "x = 1\n", Position(2, 1))


def test_a_file_over_the_limit_is_not_read(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_bytes(b"x = 12\n")
    with pytest.raises(SourceError, match="larger than max-file-size"):
        read_bytes(tmp_path / "a.py", limit=6)


def test_what_is_no_regular_file_is_an_error_and_never_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo.py")
    with pytest.raises(SourceError, match="regular"):
        read_bytes(tmp_path / "fifo.py", limit=1)
    with pytest.raises(SourceError, match="cannot be read"):
        read_bytes(tmp_path / "absent.py", limit=1)
    with pytest.raises(SourceError, match="cannot be read"):
        read_bytes(Path("a\0b"), limit=1)
    with pytest.raises(SourceError, match=r"cannot be read|regular"):
        read_bytes(tmp_path, limit=1)
    with socket.socket(socket.AF_UNIX) as server, pytest.MonkeyPatch.context() as patch:
        patch.chdir(tmp_path)  # a socket's name must be short
        server.bind("s.py")
        with pytest.raises(SourceError, match="cannot be read"):
            read_bytes(tmp_path / "s.py", limit=1)
