"""Units, safe text, groups: what every form of the report is put together from."""

from __future__ import annotations

import unicodedata
from decimal import Decimal
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests import samples

from spanproof.findings import Severity, durations
from spanproof.report import groups, printable

UNITS = {
    "ns": 1,
    "µs": 10**3,
    "ms": 10**6,
    "s": 10**9,
    "min": 60 * 10**9,
    "h": 3600 * 10**9,
    "d": 86400 * 10**9,
}


@pytest.mark.parametrize(
    ("ns", "told"),
    [
        (0, "0 s"),
        (1, "1 ns"),
        (21_000, "21 µs"),
        (65_441_000, "65.441 ms"),
        (65_441_999, "65.442 ms"),
        (999_999, "999.999 µs"),
        (999_999_999, "1 s"),
        (1_500_000_000, "1.5 s"),
        (59_999_999_999, "1 min"),
        (123_400_000_000, "2 min 3 s"),
        (3_599_999_999_999, "1 h"),
        (3 * 3600 * 10**9, "3 h"),
        (2**64 - 1, "213,504 d"),
        (-21_000, "-21 µs"),
    ],
)
def test_duration(ns: int, told: str) -> None:
    assert durations.duration(ns) == told


@given(st.integers(min_value=0, max_value=2**64))
@settings(deadline=None, max_examples=300)
def test_a_duration_read_back_is_near_the_length(ns: int) -> None:
    """Off by half a thousandth of the unit, or half of the lesser unit: never more."""
    parts = durations.duration(ns).replace(",", "").split()
    back = sum(Decimal(n) * UNITS[unit] for n, unit in zip(parts[::2], parts[1::2], strict=True))
    assert abs(back - ns) <= max(Decimal(ns) / 2000, 0) or abs(back - ns) <= UNITS[parts[-1]] / 2
    assert (back == 0) == (ns == 0)


@pytest.mark.parametrize(
    ("ns", "told"),
    [
        (0, "1970-01-01T00:00:00Z"),
        (samples.T0 + 1, "2023-11-14T22:13:20.000000001Z"),
        (samples.T0 + 21_000_000, "2023-11-14T22:13:20.021Z"),
        (2**64 - 1, "2554-07-21T23:34:33.709551615Z"),
        (-1, "1969-12-31T23:59:59.999999999Z"),
        (10**30, f"{10**30} ns after 1970"),
    ],
)
def test_moment(ns: int, told: str) -> None:
    assert durations.moment(ns) == told


@given(st.integers(min_value=1, max_value=2**64), st.integers(min_value=1, max_value=12))
@settings(deadline=None, max_examples=300)
def test_ticks_are_even_few_and_within(length_ns: int, n_most: int) -> None:
    marks = durations.ticks(length_ns, n_most)
    assert marks[0] == 0
    assert marks[-1] <= length_ns
    assert len(marks) <= n_most + 1
    steps = {b - a for a, b in pairwise(marks)}
    assert len(steps) <= 1
    if length_ns >= 2 and n_most >= 5:
        assert len(marks) > 1


def test_plural() -> None:
    assert [durations.plural(n, "query") for n in (1, 2_000)] == ["1 query", "2,000 queries"]


@given(st.text())
@settings(deadline=None, max_examples=300)
def test_nothing_invisible_is_printed(text: str) -> None:
    shown = printable.printable(text)
    assert len(shown.splitlines()) <= 1
    for character in shown:
        assert unicodedata.category(character) not in {"Cc", "Cs", "Zl", "Zp"}
        assert character in "\u200c\u200d" or unicodedata.category(character) != "Cf"
    shown.encode("utf-8")


def test_hostile_names_are_written_out() -> None:
    assert printable.printable("a\x1b[31m\u202eb\nc\udcff") == "a\\x1b[31m\\u202eb\\nc\\udcff"
    assert printable.printable("größe · 東京 👩\u200d💻") == "größe · 東京 👩\u200d💻"
    assert printable.printable("x" * 500) == "x" * 199 + "…"


def test_evidence_in_words() -> None:
    evidence = {"kind": "parent", "early_ns": 21_000, "one_clock": True, "max_early_us": 5700.1}
    assert printable.words(evidence) == "kind parent, early 21 µs, one clock yes, max early 5.7 ms"
    assert printable.words({"edges": {"link": 2}, "ids": ["a", None]}) == (
        "edges (link 2), ids [a, none]"
    )
    assert printable.words({"start_unix_ns": samples.T0}) == "start 2023-11-14T22:13:20Z"
    assert printable.words({"x\x1b": "\x1b"}) == "x\\x1b \\x1b"
    assert printable.words({"late_us": float("nan"), "raw": b"\x01"}) == "late nan, raw 01"
    deep: object = 1
    for _ in range(5000):
        deep = [deep]
    assert printable.words(deep).endswith("…" + "]" * 9)


def test_groups_stand_worst_first() -> None:
    found = groups.groups(samples.report())
    assert [(g.code, g.n, g.n_left_out) for g in found] == [
        ("causality.reversed_edge", 9_901, 9_900),
        ("causality.cycle", 1, 0),
        ("structure.invalid_id", 1, 0),
        ("structure.missing_parent", 1, 0),
    ]
    assert groups.severities(samples.report()) == [(Severity.ERROR, 9_902), (Severity.WARNING, 2)]
