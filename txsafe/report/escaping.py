"""Text of analysed files in, text that is safe to print out.

Paths, messages and SQL come from files that anyone may have written. An escape sequence in them could repaint a
terminal, a line break could forge a workflow command, a bidirectional override could show other code than the one that
runs (CVE-2021-42574). Every renderer shows such characters as the escapes that Python has for them: `\\x1b`, `\\u202e`.
"""

from __future__ import annotations

from txsafe.patterns import later

TYPE_CHECKING = False
if TYPE_CHECKING:
    import re

_UNSAFE = (
    "\x00-\x1f\x7f-\x9f"  # C0, DEL and C1 controls; C1 holds the one-character CSI
    "\u00ad\u061c\u180e\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff"  # invisible, bidirectional, line separators
    "\ud800-\udfff"  # lone surrogates: undecodable bytes of a path (PEP 383), or "\ud800" in a literal
    "\ufff9-\uffff"  # annotation controls and noncharacters, which XML refuses
)
_UNSAFE_CHARACTER = later(f"[{_UNSAFE}]")
_SURROGATE = later("[\ud800-\udfff]")
_LINE_END = later(r"\r\n|\r|\n")
_NAMED = {"\n": "\\n", "\r": "\\r", "\t": "\\t"}
TAB = "    "


def escape(text: str) -> str:
    """Return a text as one printable line."""
    if text.isascii() and text.isprintable():
        return text
    return _UNSAFE_CHARACTER.sub(_spell, text)


def escape_block(text: str) -> tuple[str, ...]:
    """Return a text as printable lines, tabs expanded, without a trailing empty line."""
    lines = _LINE_END.split(text)
    while lines and not lines[-1].strip():
        lines.pop()
    return tuple(escape(line.replace("\t", TAB)) for line in lines)


def replace_surrogates(text: str) -> str:
    """Return a text that every UTF-8 encoder and JSON parser takes; the rest stays, for JSON escapes it by itself."""
    return _SURROGATE.sub(_spell, text)


def _spell(match: re.Match[str]) -> str:
    character = match[0]
    if character in _NAMED:
        return _NAMED[character]
    code = ord(character)
    if 0xDC80 <= code <= 0xDCFF:  # PEP 383: the byte that could not be decoded
        return f"\\x{code - 0xDC00:02x}"
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}"
