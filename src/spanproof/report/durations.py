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
_DECIMAL: Final = ((_SECOND_NS, "s"), (10**6, "ms"), (10**3, "µs"), (1, "ns"))
_SEXAGESIMAL: Final = (
    (_DAY_NS, "d", _HOUR_NS, "h"),
    (_HOUR_NS, "h", _MINUTE_NS, "min"),
    (_MINUTE_NS, "min", _SECOND_NS, "s"),
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
    """"21 µs", "65.441 ms", "2 min 3 s": up to three decimals, or two units from a minute on.

    Rounded half up; a length that is not 0 never reads as 0. Negative lengths keep their sign.
    """
    if ns < 0:
        return "-" + duration(-ns)
    for whole_ns, whole, part_ns, part in _SEXAGESIMAL:
        if ns >= whole_ns:
            parts = (ns + part_ns // 2) // part_ns
            n_whole, n_part = divmod(parts, whole_ns // part_ns)
            return f"{n_whole:,} {whole}" + (f" {n_part} {part}" if n_part else "")
    for unit_ns, unit in _DECIMAL:
        thousandths = (ns * 1000 + unit_ns // 2) // unit_ns
        if thousandths >= 1000:  # 999,999.6 ns is 1 ms, not 1000 µs
            if unit == "s" and thousandths >= 60_000:
                return "1 min"
            n_whole, n_part = divmod(thousandths, 1000)
            decimals = f".{n_part:03d}".rstrip("0").rstrip(".")
            return f"{n_whole}{decimals} {unit}"
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
    """"1 span", "2 spans"."""
    if n == 1:
        return f"1 {noun}"
    return f"{n:,} {noun[:-1]}ies" if noun.endswith("y") else f"{n:,} {noun}s"


def ticks(length_ns: int, n_most: int) -> list[int]:
    """Offsets to mark on an axis from 0 to `length_ns`: at most `n_most + 1`, evenly spaced."""
    if length_ns <= 0 or n_most < 1:
        return [0]
    step = next((s for s in STEPS_NS if length_ns // s <= n_most), STEPS_NS[-1])
    step = max(step, -(-length_ns // (n_most * step)) * step) if length_ns // step > n_most else step
    return list(range(0, length_ns + 1, step))
