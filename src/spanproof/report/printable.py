"""Text from a trace, made safe to show; evidence in words.

A span's name is whatever a stranger wrote: it may carry terminal escapes, line breaks or
bidirectional overrides that make one name look like another. Everything invisible is
written out (`\\x1b`, `\\u202e`), so what is seen is what stands there.
"""

from __future__ import annotations

import math
import unicodedata
from collections.abc import Mapping
from typing import Any, Final

from spanproof.findings.durations import count, duration, moment

CHARACTERS_MAX: Final = 200  # of one name on a page; evidence keeps all of it
_JOINERS: Final = "\u200c\u200d"  # needed by scripts and emoji, and without effect alone
_INVISIBLE: Final = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})
_DEPTH_MAX: Final = 8


def printable(text: str, n_characters_max: int = CHARACTERS_MAX) -> str:
    """The text in one line without anything invisible; cut with "…" beyond the limit."""
    if len(text) > n_characters_max:
        text = text[: n_characters_max - 1] + "…"
    if text.isascii() and text.isprintable():
        return text
    return "".join(map(_visible, text))


def _visible(character: str) -> str:
    if unicodedata.category(character) not in _INVISIBLE or character in _JOINERS:
        return character
    code = ord(character)
    if code < 0x100:
        return {"\n": "\\n", "\r": "\\r", "\t": "\\t"}.get(character, f"\\x{code:02x}")
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def words(value: Any, name: str = "", *, depth: int = 0) -> str:
    """A value of the evidence as one line: `_ns` and `_us` numbers as times.

    `{"kind": "parent", "early_ns": 21000}` reads "kind parent, early 21 µs"; what is
    nested stands in brackets. Safe to show.
    """
    if depth > _DEPTH_MAX:
        return "…"
    match value:
        case None:
            return "none"
        case bool():
            return "yes" if value else "no"
        case int() | float():
            return _number(value, name)
        case Mapping():
            listed = ", ".join(
                f"{printable(label(str(k)))} {words(v, str(k), depth=depth + 1)}"
                for k, v in value.items()
            )
            return f"({listed})" if depth else listed
        case bytes():
            return value.hex()
        case list() | tuple():
            return "[" + ", ".join(words(v, name, depth=depth + 1) for v in value) + "]"
        case _:
            return printable(str(value))


def label(name: str) -> str:
    """A key as words: "early_ns" is "early", "missing_parents" is "missing parents"."""
    for unit in ("_unix_ns", "_ns", "_us"):
        name = name.removesuffix(unit)
    return name.replace("_", " ")


def _number(value: float, name: str) -> str:
    if name.endswith("_ns") and isinstance(value, int):
        # Nothing lasts thirty years, and no modern time is nearer to 1970.
        return moment(value) if value > 10**18 else duration(value)
    if name.endswith("_us") and math.isfinite(value):
        return duration(round(value * 1000))
    return count(value)
