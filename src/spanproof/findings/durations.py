"""Times and counts in a reader's units: exact to a thousandth of the unit, never a bare 0.

Refuses to know where a number comes from. Integers throughout: a float loses nanoseconds
of a Unix time.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Final

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_SECOND_NS: Final = 10**9
_MINUTE_NS: Final = 60 * _SECOND_NS
_HOUR_NS: Final = 60 * _MINUTE_NS
_DAY_NS: Final = 24 * _HOUR_NS
# Unit, its name, and what it is rounded to; with the name of the lesser unit from a minute on.
_UNITS: Final = (
    (_DAY_NS, "d", _HOUR_NS, "h"),
    (_HOUR_NS, "h", _MINUTE_NS, "min"),
    (_MINUTE_NS, "min", _SECOND_NS, "s"),
    (_SECOND_NS, "s", 10**6, ""),
    (10**6, "ms", 10**3, ""),
    (10**3, "µs", 1, ""),
    (1, "ns", 1, ""),
)
# Steps that a reader counts in: of an axis, longest last.
STEPS_NS: Final = (
    *(digit * 10**power for power in range(10) for digit in (1, 2, 5)),
    *(n * _SECOND_NS for n in (10, 20, 30)),
    *(n * _MINUTE_NS for n in (1, 2, 5, 10, 20, 30)),
    *(n * _HOUR_NS for n in (1, 2, 6, 12)),
    *(digit * 10**power * _DAY_NS for power in range(6) for digit in (1, 2, 5)),
)


def duration(ns: int) -> str:
    """ "21 µs", "65.441 ms", "2 min 3 s": up to three decimals, or two units from a minute on.

    Rounded half up; a length that is not 0 never reads as 0. Negative lengths keep their sign.
    """
    if ns < 0:
        return "-" + duration(-ns)
    larger_ns = 0
    for unit_ns, unit, part_ns, part in _UNITS:
        if ns >= unit_ns:
            rounded_ns = (ns + part_ns // 2) // part_ns * part_ns
            if rounded_ns == larger_ns:  # 999.9999 ms is a second, not 1000 ms
                return duration(larger_ns)
            n_whole, rest_ns = divmod(rounded_ns, unit_ns)
            if part:
                return f"{n_whole:,} {unit}" + (f" {rest_ns // part_ns} {part}" if rest_ns else "")
            decimals = f".{rest_ns // part_ns:03d}".rstrip("0").rstrip(".") if rest_ns else ""
            return f"{n_whole}{decimals} {unit}"
        larger_ns = unit_ns
    return "0 s"


def moment(ns: int) -> str:
    """A Unix time in ISO 8601, UTC, to the nanosecond; trailing groups of zeros are left out."""
    seconds, rest = divmod(ns, _SECOND_NS)
    try:
        text = (_EPOCH + timedelta(seconds=seconds)).strftime("%Y-%m-%dT%H:%M:%S")
    except (OverflowError, ValueError):
        return f"{ns} ns after 1970"
    decimals = f"{rest:09d}"
    while decimals.endswith("000"):
        decimals = decimals[:-3]
    return text + (f".{decimals}" if decimals else "") + "Z"


def count(n: float) -> str:
    """12,345; a fraction to three significant decimals."""
    return f"{n:,}" if isinstance(n, int) else f"{n:,.6g}"


def plural(n: int, noun: str) -> str:
    """ "1 span", "2 spans"."""
    if n == 1:
        return f"1 {noun}"
    return f"{n:,} {noun[:-1]}ies" if noun.endswith("y") else f"{n:,} {noun}s"


def ticks(length_ns: int, n_most: int) -> list[int]:
    """Offsets to mark on an axis from 0 to `length_ns`: at most `n_most + 1`, evenly spaced."""
    if length_ns <= 0 or n_most < 1:
        return [0]
    step = next((s for s in STEPS_NS if length_ns // s <= n_most), STEPS_NS[-1])
    step = (
        max(step, -(-length_ns // (n_most * step)) * step) if length_ns // step > n_most else step
    )
    return list(range(0, length_ns + 1, step))
